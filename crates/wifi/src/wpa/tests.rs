mod fake;

use super::*;
use crate::linux::dhcp::client::tests::{Noted, UDHCPC, lease, program};
use crate::{Radio as _, Security};
use fake::{Fake, Fate, Heard};
use std::net::Ipv4Addr;

/// A loaded machine takes its time; none of the tests waits for it on purpose.
const LIMIT: Duration = Duration::from_secs(60);
const PSK: &str = "[WPA2-PSK-CCMP][ESS]";

fn heard(ssid: &'static str, flags: &'static str) -> Heard {
    Heard {
        ssid,
        frequency: 2437,
        flags,
        age: Some(1),
    }
}

fn hotspot() -> Vec<Heard> {
    vec![
        heard("Porthole-1A2B", PSK),
        heard("Home", PSK),
        heard("Cafe", "[ESS]"),
    ]
}

/// A radio whose DHCP client runs `udhcpc`.
async fn radio_with(fake: &Fake, udhcpc: &str) -> (Radio, Arc<Noted>) {
    let noted = Arc::new(Noted {
        client: Some(program(fake.folder.path(), udhcpc).await),
        ..Noted::default()
    });
    let scratch = Scratch::open_in(fake.folder.path(), "wlan9").unwrap();
    let radio = Radio::open_with("wlan9", fake.socket(), scratch, None, noted.clone()).await;
    (radio.unwrap(), noted)
}

async fn radio(fake: &Fake) -> (Radio, Arc<Noted>) {
    radio_with(fake, UDHCPC).await
}

fn target(ssid: &str, passphrase: Option<&str>) -> Target {
    Target::new(
        ssid.parse().unwrap(),
        passphrase.map(|text| text.parse().unwrap()),
    )
}

fn right() -> Target {
    target("Porthole-1A2B", Some("k3x9m2pq7w"))
}

fn ssid(text: &str) -> Ssid {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_join_gets_an_address_and_touches_no_other_network() {
    let fake = Fake::start(hotspot(), Fate::Joins);
    let (home, off) = (fake.add("Home", true, None), fake.add("Old", false, None));
    let (radio, noted) = radio(&fake).await;
    let joined = radio.join(&right(), LIMIT).await.unwrap();
    assert_eq!(joined.address, lease().address.address);
    assert_eq!(joined.gateway, Some(Ipv4Addr::new(192, 168, 4, 1)));
    assert_eq!(radio.current().await.unwrap(), Some(joined));
    assert_eq!(fake.networks(), [(home, false), (off, false), (2, true)]);
    // On its channel only, since it was heard a second ago.
    assert_eq!(
        fake.commands("SELECT_NETWORK"),
        ["SELECT_NETWORK 2 freq=2437"]
    );
    assert!(fake.commands("SCAN").is_empty());

    radio.leave().await.unwrap();
    assert_eq!(fake.networks(), [(home, true), (off, false)]);
    assert_eq!(
        *noted.settled.lock().unwrap(),
        None,
        "the address is gone with it"
    );
    assert_eq!(radio.current().await.unwrap(), None);
    let touched = fake.commands("SET_NETWORK");
    assert!(
        touched
            .iter()
            .all(|command| command.starts_with("SET_NETWORK 2 ")),
        "{touched:?}"
    );
}

#[tokio::test]
async fn the_reason_of_a_failed_join_is_told_apart_and_nothing_is_left() {
    let wrong = Error::WrongPassphrase {
        ssid: ssid("Porthole-1A2B"),
    };
    let not_found = Error::NotFound {
        ssid: ssid("Porthole-1A2B"),
    };
    for (fate, expected) in [(Fate::WrongKey, wrong.clone()), (Fate::Vanished, not_found)] {
        let fake = Fake::start(hotspot(), fate);
        let home = fake.add("Home", true, None);
        let (radio, _) = radio(&fake).await;
        assert_eq!(radio.join(&right(), LIMIT).await.unwrap_err(), expected);
        assert_eq!(fake.networks(), [(home, true)]);
    }
    let fake = Fake::start(hotspot(), Fate::Refused);
    let (radio, _) = radio(&fake).await;
    let refused = radio.join(&right(), LIMIT).await.unwrap_err();
    assert!(refused.to_string().contains("status 17"), "{refused}");
    let limit = Duration::from_millis(300);
    fake.inside.lock().unwrap().fate = Fate::Nothing;
    let late = radio.join(&right(), limit).await.unwrap_err();
    assert_eq!(
        late,
        Error::Timeout {
            doing: "joining",
            limit
        }
    );
    let no_passphrase = radio.join(&target("Home", None), LIMIT).await.unwrap_err();
    assert!(matches!(no_passphrase, Error::WrongPassphrase { .. }));
    let nowhere = radio
        .join(&target("Nowhere", None), LIMIT)
        .await
        .unwrap_err();
    assert_eq!(
        nowhere,
        Error::NotFound {
            ssid: ssid("Nowhere")
        }
    );
    assert_eq!(fake.networks(), []);
}

#[tokio::test]
async fn a_network_without_dhcp_is_told_apart_and_left() {
    let fake = Fake::start(hotspot(), Fate::Joins);
    let home = fake.add("Home", true, None);
    let (radio, _) = radio_with(&fake, "#!/bin/sh\nexec sleep 600\n").await;
    let outcome = radio.join(&right(), Duration::from_secs(3)).await;
    assert_eq!(
        outcome.unwrap_err(),
        Error::NoLease {
            ssid: ssid("Porthole-1A2B")
        }
    );
    assert_eq!(fake.networks(), [(home, true)]);
}

#[tokio::test]
async fn a_join_that_is_dropped_at_any_moment_leaves_nothing() {
    let fake = Fake::start(hotspot(), Fate::Joins);
    let home = fake.add("Home", true, None);
    let (radio, _) = radio_with(&fake, "#!/bin/sh\nexec sleep 600\n").await;
    for milliseconds in (0..200).step_by(7) {
        let target = right();
        let joining = radio.join(&target, LIMIT);
        let limit = Duration::from_millis(milliseconds);
        assert!(timeout(limit, joining).await.is_err(), "there is no lease");
        assert_eq!(
            fake.networks(),
            [(home, true)],
            "dropped after {milliseconds} ms"
        );
    }
    let (again, _) = (radio.current().await.unwrap(), ());
    assert_eq!(again, None);
}

#[tokio::test]
async fn hostile_names_and_passphrases_arrive_as_they_are() {
    let name = r#"a\n" ssid=\x00"#;
    let fake = Fake::start(vec![heard(name, PSK)], Fate::Joins);
    let (radio, _) = radio(&fake).await;
    let ssid = Ssid::from_bytes(*b"a\n\" ssid=\0").unwrap();
    let passphrase = r#"quo"te \" 密码"#.parse().unwrap();
    radio
        .join(&Target::new(ssid, Some(passphrase)), LIMIT)
        .await
        .unwrap();
    let inside = fake.inside.lock().unwrap();
    let settings = &inside.networks[&0].settings;
    assert_eq!(settings["ssid"], "610a2220737369643d00");
    assert_eq!(settings["psk"], "\"quo\"te \\\" 密码\"");
}

#[tokio::test]
async fn a_network_not_heard_lately_is_looked_for_where_it_was() {
    let old = Heard {
        age: Some(90),
        ..heard("Porthole-1A2B", PSK)
    };
    let fake = Fake::start(vec![old], Fate::Joins);
    fake.inside.lock().unwrap().busy = 2;
    let (radio, _) = radio(&fake).await;
    radio.join(&right(), LIMIT).await.unwrap();
    assert_eq!(
        fake.commands("SCAN").last().unwrap(),
        "SCAN TYPE=ONLY freq=2437"
    );
}

#[tokio::test]
async fn a_scan_lists_every_page_and_what_is_known() {
    let unheard = Heard {
        age: None,
        ..heard("Hall", "[WPA2-EAP-CCMP][ESS]")
    };
    let fake = Fake::start([hotspot(), vec![unheard]].concat(), Fate::Nothing);
    fake.add("Home", true, None);
    let (radio, _) = radio(&fake).await;
    let networks = radio.scan().await.unwrap();
    let told: Vec<_> = networks
        .iter()
        .map(|n| (n.ssid.to_string(), n.security, n.known))
        .collect();
    let expected = [
        ("Cafe", Security::Open, false),
        ("Hall", Security::Enterprise, false),
        ("Home", Security::Personal, true),
        ("Porthole-1A2B", Security::Personal, false),
    ];
    assert_eq!(
        told,
        expected.map(|(name, security, known)| (name.to_owned(), security, known))
    );
}

fn access_point() -> AccessPoint {
    AccessPoint {
        ssid: ssid("Porthole-1A2B"),
        passphrase: Some("k3x9m2pq7w".parse().unwrap()),
        channel: None,
        address: Ipv4Addr::new(192, 168, 4, 1),
    }
}

#[tokio::test]
async fn an_access_point_opens_on_a_quiet_channel_and_closes() {
    let fake = Fake::start(hotspot(), Fate::Joins);
    let home = fake.add("Home", true, None);
    let (radio, noted) = radio(&fake).await;
    let running = radio.start_access_point(&access_point()).await.unwrap();
    assert_eq!(running.address, Ipv4Addr::new(192, 168, 4, 1));
    assert_eq!(*noted.served.lock().unwrap(), Some(running.address));
    assert_eq!(
        fake.inside.lock().unwrap().networks[&1].settings["frequency"],
        "2412"
    );
    assert_eq!(fake.networks(), [(home, false), (1, true)]);
    assert_eq!(
        radio.current().await.unwrap(),
        None,
        "an access point is no network"
    );
    // The camera's way: hotspot down, home, and up again when that fails.
    fake.inside.lock().unwrap().fate = Fate::WrongKey;
    assert!(
        radio
            .join(&target("Home", Some("abcd1234")), LIMIT)
            .await
            .is_err()
    );
    assert_eq!(fake.networks(), [(home, true)]);
    radio.start_access_point(&access_point()).await.unwrap();
    radio.stop_access_point().await.unwrap();
    assert_eq!(fake.networks(), [(home, true)]);
}

#[tokio::test]
async fn what_was_there_before_comes_back() {
    let fake = Fake::start(hotspot(), Fate::Joins);
    let home = fake.add("Home", true, None);
    let (radio, noted) = radio(&fake).await;
    fake.inside.lock().unwrap().current = Some(home);
    *noted.settled.lock().unwrap() = Some(lease());
    let before = radio.remember().await.unwrap();
    radio.join(&right(), LIMIT).await.unwrap();
    radio.restore(before).await.unwrap();
    assert_eq!(fake.networks(), [(home, true)]);
    assert_eq!(fake.inside.lock().unwrap().current, Some(home));
    assert_eq!(
        *noted.settled.lock().unwrap(),
        Some(lease()),
        "its address too"
    );

    let ours = radio
        .join(&target("Home", Some("abcd1234")), LIMIT)
        .await
        .unwrap();
    let before = radio.remember().await.unwrap();
    radio.start_access_point(&access_point()).await.unwrap();
    radio.restore(before).await.unwrap();
    assert_eq!(radio.current().await.unwrap(), Some(ours));
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed() {
    let fake = Fake::start(hotspot(), Fate::Joins);
    let home = fake.add("Home", false, None);
    fake.add("Porthole-1A2B", true, Some("\"porthole\""));
    let (radio, _) = radio(&fake).await;
    assert_eq!(fake.networks(), [(home, true)]);
    radio.join(&right(), LIMIT).await.unwrap();
    drop(radio);
    assert_eq!(
        fake.networks(),
        [(home, true)],
        "nor does a process that ends in order leave anything"
    );
}

#[tokio::test]
async fn nobody_at_the_socket_is_no_radio() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = Scratch::open_in(folder.path(), "wlan9").unwrap();
    let server = folder.path().join("wlan9");
    let radio = Radio::open_with("wlan9", server, scratch, None, Arc::new(Machine)).await;
    assert!(matches!(radio.err(), Some(Error::NoRadio { .. })));
    let absent = Radio::open("none9", None).await.err().unwrap();
    assert!(matches!(absent, Error::NoRadio { .. }), "{absent}");
}
