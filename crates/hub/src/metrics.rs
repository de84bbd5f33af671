//! What the hub counts, in Prometheus' text form (exposition format 0.0.4). No names of owners or cameras.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        /// Counters since the hub started.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics { $($(#[doc = $doc])+ pub(crate) $name: Counter,)+ }

        impl Metrics {
            fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),+).trim_ascii(), self.$name.get()),)+]
            }
        }
    };
}

counters! {
    /// Logins of cameras that were admitted.
    logins;
    /// Logins of cameras that were refused.
    logins_refused;
    /// Dynamic registrations that gave a secret.
    registrations;
    /// Dynamic registrations that were refused.
    registrations_refused;
    /// Messages from cameras.
    messages;
    /// Messages from cameras that were not understood.
    messages_refused;
    /// Pairing tokens made.
    tokens;
    /// Token reports of cameras that were accepted.
    token_reports;
    /// Token reports of cameras that were refused.
    token_reports_refused;
    /// Viewer keys that a camera confirmed.
    binds;
    /// Revoked viewer keys that a camera confirmed.
    unbinds;
    /// Messages to cameras about viewer keys, repetitions included.
    deliveries;
    /// HTTPS requests.
    requests;
    /// HTTPS requests that were refused.
    requests_refused;
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is so now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauges {
    pub(crate) devices: i64,
    pub(crate) bound: i64,
    pub(crate) online: i64,
    /// Connections that the broker holds.
    pub(crate) connected: usize,
}

impl Metrics {
    /// The page that a Prometheus server reads.
    pub(crate) fn page(&self, gauges: Gauges) -> String {
        let mut page = String::new();
        for (name, help, value) in self.all() {
            let name = format!("porthole_hub_{name}_total");
            entry(&mut page, &name, help, "counter", value);
        }
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        for (name, help, value) in [
            ("devices", "Cameras that are known.", number(gauges.devices)),
            (
                "devices_bound",
                "Cameras that have an owner.",
                number(gauges.bound),
            ),
            (
                "devices_online",
                "Cameras that are connected, by the database.",
                number(gauges.online),
            ),
            (
                "connections",
                "Cameras that are connected, by the broker.",
                gauges.connected as u64,
            ),
        ] {
            entry(
                &mut page,
                &format!("porthole_hub_{name}"),
                help,
                "gauge",
                value,
            );
        }
        page
    }
}

fn entry(page: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    // Writing to a string does not fail.
    let _ = writeln!(
        page,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_prometheus_text() {
        let metrics = Metrics::default();
        metrics.logins.add();
        metrics.logins.add();
        let gauges = Gauges {
            devices: 3,
            bound: 2,
            online: 1,
            connected: 1,
        };
        let page = metrics.page(gauges);
        assert!(page.contains(
            "# HELP porthole_hub_logins_total Logins of cameras that were admitted.\n\
             # TYPE porthole_hub_logins_total counter\nporthole_hub_logins_total 2\n"
        ));
        assert!(page.contains("\nporthole_hub_devices_bound 2\n"));
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once(' ').unwrap();
            assert!(
                name.starts_with("porthole_hub_") && value.parse::<u64>().is_ok(),
                "{line}"
            );
        }
    }
}
