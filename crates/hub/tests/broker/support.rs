//! A broker with simple rules, and what devices did there.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hub::broker::embedded::{Config, Embedded, Pem};
use hub::broker::{Broker, Decision, Device, Event, Login, Rules, Up};
use tokio::sync::mpsc;

use crate::raw::{Raw, login};

/// Longer than anything here takes on a machine that has other work.
pub(crate) const LONG: Duration = Duration::from_secs(60);
pub(crate) const PRODUCT: &str = "ABCDE12345";

/// A device of the test's product.
pub(crate) fn device(name: &str) -> Device {
    Device::new(PRODUCT, name).unwrap()
}

/// `$thing/up/property/…` of a device.
pub(crate) fn up(name: &str) -> String {
    format!("$thing/up/property/{PRODUCT}/{name}")
}

/// `$thing/down/property/…` of a device.
pub(crate) fn down(name: &str) -> String {
    format!("$thing/down/property/{PRODUCT}/{name}")
}

/// The password that the test's rules want.
pub(crate) fn password(name: &str) -> String {
    format!("secret-of-{name}")
}

/// Names that begin with `cam` are devices; others are barred or unknown.
struct Simple;

#[async_trait]
impl Rules for Simple {
    async fn login(&self, login: &Login) -> Decision {
        let Ok(device) = Device::from_client_id(&login.client_id) else {
            return Decision::WrongCredentials;
        };
        let fields: Vec<&str> = login.username.split(';').collect();
        let wanted = password(device.device_name.as_str());
        match fields[..] {
            [client_id, _, _, expiry]
                if client_id == login.client_id
                    && expiry.parse().is_ok_and(|until: u64| until > 1_700_000_000)
                    && login.password == wanted => {}
            _ => return Decision::WrongCredentials,
        }
        match device.device_name.as_str() {
            "barred" => Decision::NotAuthorized,
            "slow" => {
                std::future::pending::<()>().await;
                Decision::Unavailable
            }
            // As if the rules mixed two devices up.
            "mixed" => Decision::Admit(Device::new(PRODUCT, "cam_01").unwrap()),
            _ => Decision::Admit(device),
        }
    }
}

/// A broker on any port, and what happens there.
pub(crate) struct Running {
    pub(crate) broker: Arc<Embedded>,
    pub(crate) events: mpsc::Receiver<Event>,
}

impl Running {
    pub(crate) async fn plain() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = Config::new(vec![any], None);
        change(&mut config);
        Self::start(config).await.unwrap()
    }

    pub(crate) async fn start(config: Config) -> Result<Self, hub::broker::Error> {
        let (sender, events) = mpsc::channel(1024);
        let broker = Embedded::start(config, Arc::new(Simple), sender).await?;
        Ok(Self {
            broker: Arc::new(broker),
            events,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.broker.addresses()[0]
    }

    /// A raw connection that has logged in.
    pub(crate) async fn device(&self, name: &str) -> Raw {
        let mut raw = Raw::connect(self.address()).await;
        assert_eq!(raw.login(login(name)).await, Some(0));
        raw
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Event {
        within(self.events.recv()).await.unwrap()
    }

    /// The next message from a device; what else happens is skipped.
    pub(crate) async fn up(&mut self) -> Up {
        loop {
            if let Event::Up(up) = self.next().await {
                return up;
            }
        }
    }

    /// Waits until a device came or went; what else happens is skipped.
    pub(crate) async fn presence(&mut self, name: &str, wanted: bool) {
        loop {
            match self.next().await {
                Event::Presence(presence)
                    if presence.device == device(name) && presence.online == wanted =>
                {
                    return;
                }
                _ => {}
            }
        }
    }
}

pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work)
        .await
        .expect("done within a minute")
}

/// A certificate of the moment.
pub(crate) fn pem() -> (Pem, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = Pem {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    };
    (pem, made.cert.der().to_vec())
}
