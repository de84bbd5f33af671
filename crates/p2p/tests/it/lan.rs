//! Finding a camera on this machine's networks, loopback included.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use p2p::lan::{Browser, LanCamera, LanEvent, ProbeOptions, ProbeResponder, probe_at};
use p2p::{Endpoint, Error, Options, Role};
use wire::address::Address;

use crate::support::{Camera, hello, options, viewer, within};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_camera_is_found_by_mdns_and_lost_when_it_goes() {
    let browser = Browser::start().unwrap();
    let mut events = browser.events();
    let start = Instant::now();
    let camera = Camera::with(Options {
        lan: true,
        ..options(Role::Camera)
    })
    .await;
    let id = camera.endpoint.id();
    let found = async {
        loop {
            match events.next().await.unwrap() {
                LanEvent::Found(camera) if camera.id == id => return camera,
                _ => continue,
            }
        }
    };
    let found = within(LONG, found).await;
    println!(
        "found by mDNS after {:?}: {:?}",
        start.elapsed(),
        found.address.addrs
    );
    assert_eq!(found.name, "Front door");
    let port = camera.address().addrs[0].port();
    assert!(
        found.address.addrs.iter().any(|addr| addr.port() == port),
        "{found:?}"
    );
    assert!(browser.cameras().iter().any(|camera| camera.id == id));

    camera.server.shutdown().await;
    drop(camera);
    let lost = async { while events.next().await.unwrap() != LanEvent::Lost(id) {} };
    within(LONG, lost).await;
    assert!(browser.cameras().iter().all(|camera| camera.id != id));
}

#[tokio::test]
async fn a_session_needs_no_address_on_the_lan() {
    let viewer = Endpoint::bind(Options {
        lan: true,
        ..options(Role::Viewer)
    })
    .await
    .unwrap();
    let camera = Camera::with(Options {
        lan: true,
        ..options(Role::Camera)
    })
    .await;
    camera.guests.known.lock().unwrap().insert(viewer.id());
    let start = Instant::now();
    let session = viewer.session(Address::new(camera.endpoint.id()));
    assert_eq!(within(LONG, hello(&session)).await.unwrap(), b"hello");
    println!("first request by mDNS alone after {:?}", start.elapsed());
    assert!(!session.address().addrs.is_empty(), "worth remembering");
}

async fn responder(camera: &Camera, port: u16) -> Result<ProbeResponder, Error> {
    let options = ProbeOptions {
        port,
        device_name: "front_door".into(),
        ..ProbeOptions::new(&camera.endpoint, "0.1.0")
    };
    ProbeResponder::start(&camera.endpoint, options).await
}

#[tokio::test]
async fn a_camera_answers_the_documents_probe() {
    let camera = Camera::start().await;
    let responder = responder(&camera, 0).await.unwrap();
    let target = [SocketAddr::new(
        Ipv4Addr::LOCALHOST.into(),
        responder.port(),
    )];
    let time = Duration::from_millis(600);
    let (names, others) = (["front_door".to_string()], ["back_door".to_string()]);
    let (all, one, other, elsewhere) = tokio::join!(
        probe_at(&target, "porthole", &[], time),
        probe_at(&target, "porthole", &names, time),
        probe_at(&target, "toaster", &[], time),
        probe_at(&target, "porthole", &others, time),
    );
    for found in [all.unwrap(), one.unwrap()] {
        assert_eq!(found.len(), 1, "one answer however often it was asked");
        let seen = LanCamera::from_probe(&found[0]).unwrap();
        assert_eq!(seen.id, camera.endpoint.id());
        assert_eq!(seen.address.addrs[0], camera.address().addrs[0]);
        assert_eq!(
            (found[0].device_name.as_str(), found[0].code),
            ("front_door", 0)
        );
    }
    assert!(other.unwrap().is_empty());
    assert!(elsewhere.unwrap().is_empty());
    let named = probe_at(&target, "porthole", &["not a name".into()], time).await;
    assert!(matches!(named, Err(Error::Protocol { .. })));
}

#[tokio::test]
async fn a_broadcast_probe_does_not_fail_without_cameras() {
    assert!(
        p2p::lan::probe("no_such_product", &[], Duration::from_millis(150))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_taken_probe_port_is_an_error_with_a_name() {
    let camera = Camera::start().await;
    let first = responder(&camera, 0).await.unwrap();
    let second = responder(&camera, first.port()).await;
    assert!(matches!(second, Err(Error::Bind { .. })), "{second:?}");
}

#[tokio::test]
async fn a_taken_port_is_an_error_with_a_name() {
    let camera = Camera::start().await;
    let bind_port = camera.address().addrs[0].port();
    let second = Endpoint::bind(Options {
        bind_port,
        ..options(Role::Camera)
    })
    .await;
    assert!(matches!(second, Err(Error::Bind { .. })), "{second:?}");
}

#[tokio::test]
async fn what_others_say_of_a_camera_does_not_displace_the_address_that_worked() {
    let viewer = viewer().await;
    let id = p2p::Identity::ephemeral().unwrap().id();
    let at = |n: u16| std::net::SocketAddr::from(([192, 0, 2, 1], n));
    let of = |addrs| Address {
        addrs,
        ..Address::new(id)
    };
    let session = viewer.session(of(vec![at(1)]));
    for n in 1..100 {
        session.learn(&of((n * 100..n * 100 + 50).map(at).collect()));
    }
    let known = session.address().addrs;
    assert_eq!(known[0], at(1));
    assert!(known.contains(&at(9900)), "the newest are tried too");
    assert!(known.len() <= 16, "{}", known.len());
}
