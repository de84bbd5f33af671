mod fake;

use super::*;
use crate::Radio as _;
use fake::{Fake, HOME};
use std::net::Ipv4Addr;

/// A loaded machine takes its time; none of the tests waits for it on purpose.
const LIMIT: Duration = Duration::from_secs(60);
/// The network of before is left, the next one comes up.
const JOINS: [progress::Change; 8] = [
    (110, 100, 60),
    (30, 110, 60),
    (40, 30, 0),
    (50, 40, 0),
    (70, 50, 0),
    (80, 70, 0),
    (90, 80, 0),
    (100, 90, 0),
];
const OURS: &str = "/org/freedesktop/NetworkManager/Settings/2";

async fn radio(fake: &Fake) -> Radio {
    Radio::open_at(Some(fake.address.clone()), Some("wlan9"))
        .await
        .unwrap()
}

fn hotspot() -> Target {
    Target::new(
        "Porthole-1A2B".parse().unwrap(),
        Some("k3x9m2pq7w".parse().unwrap()),
    )
}

#[tokio::test]
async fn a_hotspot_is_joined_and_the_users_network_comes_back() {
    let fake = Fake::start().await;
    let radio = radio(&fake).await;
    let before = radio.remember().await.unwrap();
    fake.script(&JOINS);
    let joined = radio.join(&hotspot(), LIMIT).await.unwrap();
    assert_eq!(joined.address, Ipv4Addr::new(192, 168, 4, 100));
    assert_eq!(joined.gateway, Some(Ipv4Addr::new(192, 168, 4, 1)));
    assert!(fake.profiles_become(&[HOME, OURS]).await);
    radio.restore(before).await.unwrap();
    assert!(fake.profiles_become(&[HOME]).await);
    assert_eq!(fake.inside.lock().unwrap().active.as_deref(), Some(HOME));
}

#[tokio::test]
async fn the_reason_of_a_failed_join_is_told_apart_and_no_profile_is_left() {
    let fake = Fake::start().await;
    let radio = radio(&fake).await;
    let ssid = hotspot().ssid;
    let cases = [
        ((60, 50, 8), Error::WrongPassphrase { ssid: ssid.clone() }),
        ((120, 50, 53), Error::NotFound { ssid: ssid.clone() }),
        ((120, 70, 5), Error::NoLease { ssid: ssid.clone() }),
    ];
    for (last, expected) in cases {
        fake.script(&[(40, 30, 0), (50, 40, 0), last]);
        assert_eq!(radio.join(&hotspot(), LIMIT).await.unwrap_err(), expected);
        assert!(fake.profiles_become(&[HOME]).await);
    }
    let limit = Duration::from_millis(500);
    fake.script(&[(40, 30, 0)]);
    let late = radio.join(&hotspot(), limit).await.unwrap_err();
    assert_eq!(
        late,
        Error::Timeout {
            doing: "joining",
            limit
        }
    );
    fake.script(&[(40, 30, 0), (70, 50, 0)]);
    let late = radio.join(&hotspot(), limit).await.unwrap_err();
    assert_eq!(late, Error::NoLease { ssid });
    let open = Target {
        passphrase: None,
        ..hotspot()
    };
    assert!(matches!(
        radio.join(&open, LIMIT).await,
        Err(Error::WrongPassphrase { .. })
    ));
    let nowhere = Target::new("Nowhere".parse().unwrap(), None);
    assert!(matches!(
        radio.join(&nowhere, LIMIT).await,
        Err(Error::NotFound { .. })
    ));
    assert!(fake.profiles_become(&[HOME]).await);
}

#[tokio::test]
async fn a_join_that_is_dropped_and_a_radio_that_ends_leave_no_profile() {
    let fake = Fake::start().await;
    let radio = radio(&fake).await;
    fake.script(&[(40, 30, 0)]);
    let target = hotspot();
    tokio::select! {
        _ = radio.join(&target, LIMIT) => unreachable!("it stays half-way"),
        is_there = fake.profiles_become(&[HOME, OURS]) => assert!(is_there),
    }
    assert!(
        fake.profiles_become(&[HOME]).await,
        "the connection it was bound to is gone"
    );
    fake.script(&JOINS);
    radio.join(&target, LIMIT).await.unwrap();
    drop(radio);
    assert!(fake.profiles_become(&[HOME]).await);
}

#[tokio::test]
async fn a_kept_network_has_one_profile_until_it_is_left() {
    let fake = Fake::start().await;
    let radio = radio(&fake).await;
    let target = Target {
        keep: true,
        ..hotspot()
    };
    for _ in 0..2 {
        fake.script(&JOINS);
        radio.join(&target, LIMIT).await.unwrap();
    }
    {
        let inside = fake.inside.lock().unwrap();
        let kept: Vec<_> = inside
            .profiles
            .values()
            .filter(|kept| kept.owner.is_none())
            .collect();
        assert_eq!(kept.len(), 2, "the user's and one of ours");
        assert!(kept.iter().any(|kept| settings::is_ours(&kept.settings)));
    }
    radio.leave().await.unwrap();
    assert!(fake.profiles_become(&[HOME]).await);
}

#[tokio::test]
async fn what_is_forbidden_or_switched_off_is_for_the_users_hand() {
    let fake = Fake::start().await;
    let radio = radio(&fake).await;
    fake.inside.lock().unwrap().is_forbidden = true;
    assert!(matches!(
        radio.join(&hotspot(), LIMIT).await,
        Err(Error::NotAllowed { .. })
    ));
    fake.inside.lock().unwrap().wireless_off = true;
    assert!(matches!(radio.scan().await, Err(Error::NotAllowed { .. })));
    let absent = Radio::open_at(Some(fake.address.clone()), Some("wlan8")).await;
    assert!(matches!(absent.err(), Some(Error::NoRadio { .. })));
}

#[tokio::test]
async fn an_access_point_opens_and_closes() {
    let fake = Fake::start().await;
    let radio = radio(&fake).await;
    fake.script(&JOINS);
    let wanted = AccessPoint {
        ssid: hotspot().ssid,
        passphrase: hotspot().passphrase,
        channel: Some(6),
        address: Ipv4Addr::new(192, 168, 4, 1),
    };
    let running = radio.start_access_point(&wanted).await.unwrap();
    assert_eq!(
        (running.address, running.interface.as_str()),
        (wanted.address, "wlan9")
    );
    assert!(fake.profiles_become(&[HOME, OURS]).await);
    let method = fake.inside.lock().unwrap().profiles[OURS].settings["ipv4"]["method"].clone();
    assert_eq!(String::try_from(method), Ok("shared".to_owned()));
    radio.stop_access_point().await.unwrap();
    assert!(fake.profiles_become(&[HOME]).await);
    let networks = radio.scan().await.unwrap();
    assert_eq!(networks[0].ssid, wanted.ssid);
}
