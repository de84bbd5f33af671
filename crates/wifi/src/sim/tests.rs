use super::*;
use crate::{Choice, Radio as _, Security};

const LIMIT: Duration = Duration::from_secs(5);

fn write(folder: &tempfile::TempDir, file: &str, text: &str) {
    std::fs::write(folder.path().join(file), text).unwrap();
}

fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        "networks.json",
        r#"[{"ssid":"Home","passphrase":"abcd1234","signal":70,"known":true},
            {"ssid":"Cafe","signal":30},
            {"ssid":"Dead","dhcp":false},
            {"ssid":"Far","in_range":false},
            {"ssid":"Secret","passphrase":"abcd1234","hidden":true}]"#,
    );
    folder
}

fn radio(folder: &tempfile::TempDir, name: &str) -> Radio {
    Radio::open(folder.path(), name).unwrap()
}

fn target(ssid: &str, passphrase: Option<&str>) -> Target {
    Target::new(
        ssid.parse().unwrap(),
        passphrase.map(|text| text.parse().unwrap()),
    )
}

fn hotspot() -> AccessPoint {
    AccessPoint {
        ssid: "Porthole-1A2B".parse().unwrap(),
        passphrase: Some("k3x9m2pq7w".parse().unwrap()),
        channel: Some(6),
        address: Ipv4Addr::new(192, 168, 4, 1),
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_lists_what_is_in_range_and_tells_its_name() {
    let folder = home();
    let networks = radio(&folder, "a").scan().await.unwrap();
    let listed: Vec<_> = networks
        .iter()
        .map(|n| (n.ssid.to_string(), n.signal_percent, n.security, n.known))
        .collect();
    assert_eq!(
        listed,
        [
            ("Dead".to_owned(), 100, Security::Open, false),
            ("Home".to_owned(), 70, Security::Personal, true),
            ("Cafe".to_owned(), 30, Security::Open, false),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_reason_of_a_failed_join_is_told_apart() {
    let folder = home();
    let radio = radio(&folder, "a");
    let ssid = |text: &str| text.parse::<Ssid>().unwrap();
    let cases = [
        (
            target("Home", Some("abcd1235")),
            LIMIT,
            Error::WrongPassphrase { ssid: ssid("Home") },
        ),
        (
            target("Home", None),
            LIMIT,
            Error::WrongPassphrase { ssid: ssid("Home") },
        ),
        (
            target("Far", None),
            LIMIT,
            Error::NotFound { ssid: ssid("Far") },
        ),
        (
            target("Secret", Some("abcd1234")),
            LIMIT,
            Error::NotFound {
                ssid: ssid("Secret"),
            },
        ),
        (
            target("Dead", None),
            LIMIT,
            Error::NoLease { ssid: ssid("Dead") },
        ),
        (
            target("Home", Some("abcd1234")),
            Duration::from_millis(10),
            Error::Timeout {
                doing: "joining",
                limit: Duration::from_millis(10),
            },
        ),
    ];
    for (target, limit, expected) in cases {
        assert_eq!(radio.join(&target, limit).await.unwrap_err(), expected);
        assert_eq!(radio.current().await.unwrap(), None);
    }
    let hidden = Target {
        hidden: true,
        ..target("Secret", Some("abcd1234"))
    };
    assert_eq!(
        radio.join(&hidden, LIMIT).await.unwrap().ssid,
        ssid("Secret")
    );
}

#[tokio::test(start_paused = true)]
async fn a_phone_joins_a_camera_and_goes_home_again() {
    let folder = home();
    let (camera, phone) = (radio(&folder, "camera"), radio(&folder, "phone"));
    let before_any = phone
        .join(&target("Home", Some("abcd1234")), LIMIT)
        .await
        .unwrap();
    let before = phone.remember().await.unwrap();
    let running = camera.start_access_point(&hotspot()).await.unwrap();
    assert!(running.address.is_loopback() && running.address != Ipv4Addr::LOCALHOST);
    assert!(
        phone
            .scan()
            .await
            .unwrap()
            .iter()
            .any(|n| n.ssid == hotspot().ssid)
    );

    let wrong = target("Porthole-1A2B", Some("not-the-one"));
    assert!(matches!(
        phone.join(&wrong, LIMIT).await,
        Err(Error::WrongPassphrase { .. })
    ));
    let right = target("Porthole-1A2B", Some("k3x9m2pq7w"));
    let joined = phone.join(&right, LIMIT).await.unwrap();
    assert_eq!(joined.gateway, Some(running.address));

    camera.stop_access_point().await.unwrap();
    assert_eq!(phone.current().await.unwrap(), None, "the hotspot is gone");
    phone.restore(before).await.unwrap();
    assert_eq!(phone.current().await.unwrap(), Some(before_any));
}

#[tokio::test(start_paused = true)]
async fn one_radio_is_either_joined_or_an_access_point() {
    let folder = home();
    let radio = radio(&folder, "camera");
    radio.join(&target("Cafe", None), LIMIT).await.unwrap();
    radio.start_access_point(&hotspot()).await.unwrap();
    assert_eq!(radio.current().await.unwrap(), None);
    radio.join(&target("Cafe", None), LIMIT).await.unwrap();
    let other = super::Radio::open(folder.path(), "other").unwrap();
    assert!(
        other
            .scan()
            .await
            .unwrap()
            .iter()
            .all(|n| n.ssid != hotspot().ssid)
    );

    write(&folder, "world.json", r#"{"ap_while_joined":true}"#);
    radio.start_access_point(&hotspot()).await.unwrap();
    assert!(radio.current().await.unwrap().is_some());
    assert!(
        other
            .scan()
            .await
            .unwrap()
            .iter()
            .any(|n| n.ssid == hotspot().ssid)
    );
    drop(radio);
    assert!(
        other
            .scan()
            .await
            .unwrap()
            .iter()
            .all(|n| n.ssid != hotspot().ssid)
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_join_leaves_nothing_and_the_next_one_works() {
    let folder = home();
    let radio = radio(&folder, "a");
    let right = target("Home", Some("abcd1234"));
    tokio::select! {
        _ = radio.join(&right, LIMIT) => unreachable!("joining takes 300 ms"),
        () = sleep(Duration::from_millis(100)) => {}
    }
    assert_eq!(radio.current().await.unwrap(), None);
    radio.join(&right, LIMIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_requests_at_a_time_are_one_too_many() {
    let folder = home();
    let radio = radio(&folder, "a");
    let right = target("Home", Some("abcd1234"));
    let (first, second) = tokio::join!(radio.join(&right, LIMIT), radio.scan());
    assert!(first.is_ok());
    assert!(matches!(second, Err(Error::Busy { .. })));
}

#[tokio::test(start_paused = true)]
async fn where_it_is_forbidden_the_user_joins_by_hand() {
    let folder = home();
    let radio = radio(&folder, "phone");
    write(&folder, "world.json", r#"{"allowed":false}"#);
    let forbidden = radio.join(&target("Cafe", None), LIMIT).await;
    assert!(matches!(forbidden, Err(Error::NotAllowed { .. })));
    assert_eq!(radio.current().await.unwrap(), None);
    write(
        &folder,
        "world.json",
        r#"{"allowed":false,"joined":{"phone":"Cafe"}}"#,
    );
    assert_eq!(
        radio.current().await.unwrap().unwrap().ssid.as_bytes(),
        b"Cafe"
    );
}

#[tokio::test(start_paused = true)]
async fn an_access_point_of_a_process_that_was_killed_is_not_there() {
    let folder = home();
    let radio = radio(&folder, "phone");
    write(
        &folder,
        "access-points/camera.json",
        r#"{"ssid":[67,97,109],"passphrase":null,"address":"127.64.0.1","frequency_mhz":2437}"#,
    );
    let names = radio.scan().await.unwrap();
    assert!(names.iter().all(|n| n.ssid.as_bytes() != b"Cam"));
}

#[tokio::test(start_paused = true)]
async fn a_broken_world_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "networks.json", r#"[{"ssid":""#);
    let error = radio(&folder, "a").scan().await.unwrap_err().to_string();
    assert!(error.contains("networks.json"), "{error}");
    write(
        &folder,
        "networks.json",
        r#"[{"ssid":"Home","passphrase":"short"}]"#,
    );
    let error = radio(&folder, "a").scan().await.unwrap_err().to_string();
    assert!(!error.contains("short"), "{error}");
}

#[tokio::test]
async fn a_simulated_radio_opens_by_its_choice() {
    let folder = home();
    let choice = Choice::Simulated {
        world: folder.path().to_owned(),
        name: "a".to_owned(),
    };
    let radio = crate::open(&choice).await.unwrap();
    assert!(radio.capabilities().scans);
    assert!(Radio::open(folder.path(), "../a").is_err());
}
