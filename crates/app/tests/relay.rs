//! How it stands with the relay, as the UI is told: that of the settings, and that of the hub.

#![allow(clippy::unwrap_used)]

use app::api::{HubChoice, Relay, RelayState, Secret, Settings};
use app::book::HubName;
use app::live::sound::Device;
use app::{App, Call, Event, FailureCode, MemoryStore, Options, Reply};
use async_trait::async_trait;
use hub::relay::{Config, Guests};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;
use wire::address::Address;
use wire::id::PeerId;

const LONG: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Door(AtomicBool);

#[async_trait]
impl Guests for Door {
    async fn knows(&self, _key: &PeerId) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn start(dir: &Path) -> App {
    let mut options = Options::new(dir, dir.join("media"), Box::new(MemoryStore::default()));
    options.lan = false;
    options.sound = Device::None;
    App::start(options).await.unwrap()
}

async fn said(app: &App) -> RelayState {
    match app.call(Call::Hello, None).await.unwrap() {
        Reply::Hello { relay, .. } => relay,
        other => panic!("{other:?}"),
    }
}

/// Waits until the UI is told a state like that.
async fn told(events: &mut broadcast::Receiver<Event>, wanted: impl Fn(&RelayState) -> bool) {
    let told = async {
        loop {
            match events.recv().await {
                Ok(Event::Relay { relay }) if wanted(&relay) => return,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(LONG, told).await.expect("never told");
}

async fn set(app: &App, change: impl FnOnce(&mut Settings)) {
    let mut settings = app.core().book.settings();
    change(&mut settings);
    app.call(Call::SetSettings { settings }, None)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_refuses_that_works_and_that_is_gone_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let identity = hub::tls::Identity::load_or_create(&dir.path().join("relay")).unwrap();
    let door = Arc::new(Door::default());
    let config = Config {
        https: any(),
        quic: any(),
        names: vec!["127.0.0.1".into()],
        key_pem: identity.key_pem(),
    };
    let relay = hub::relay::Relay::start(config, door.clone())
        .await
        .unwrap();
    let url = format!("https://{}", relay.https());
    let named = format!("{url}#key={}&quic={}", identity.pin(), relay.quic().port());
    let app = start(dir.path()).await;
    assert_eq!(said(&app).await, RelayState::None);
    let mut events = app.events();
    set(&app, |settings| settings.relay = Relay::Own { url: named }).await;
    told(&mut events, |relay| match relay {
        RelayState::Refused { failure } => {
            assert_eq!(failure.code, FailureCode::RelayRefused);
            assert!(failure.params["relay"].starts_with(&url), "{failure:?}");
            assert!(
                failure.params["reason"].contains("not bound"),
                "{failure:?}"
            );
            true
        }
        _ => false,
    })
    .await;
    assert!(matches!(said(&app).await, RelayState::Refused { .. }));
    door.0.store(true, Ordering::Relaxed);
    told(&mut events, |relay| {
        matches!(relay, RelayState::Works { .. })
    })
    .await;
    relay.stop().await;
    told(&mut events, |relay| match relay {
        RelayState::Unreachable { failure } => failure.code == FailureCode::RelayUnreachable,
        _ => false,
    })
    .await;
    set(&app, |settings| settings.relay = Relay::None).await;
    told(&mut events, |relay| *relay == RelayState::None).await;
    app.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_of_the_hub_is_asked_for_and_left_with_the_hub() {
    app::install_crypto();
    let dir = tempfile::tempdir().unwrap();
    let config = hub::Config {
        host: Some("127.0.0.1".into()),
        http: any(),
        mqtt: hub::config::Mqtt::Embedded(any()),
        relay: Some(hub::config::Relay {
            https: any(),
            quic: any(),
        }),
        ..hub::Config::new(dir.path().join("hub"))
    };
    let hub = hub::Hub::start(config.clone()).await.unwrap();
    let keeper = hub::Keeper::open(&config).await.unwrap();
    let invitation = hub::client::Invitation {
        hub: hub.address(),
        ..keeper.add_owner("ann").await.unwrap()
    };
    let app = start(dir.path()).await;
    let mut events = app.events();
    // A camera that was paired through the hub.
    let saved = app
        .core()
        .book
        .add(&Address::new(PeerId([7; 32])), "Front", "");
    let device = hub::Device::new("PORTHOLE01", "cam_1").unwrap();
    let device = Some(HubName::from(&device));
    let note = |saved: &mut app::book::Saved| {
        saved.device = device;
        true
    };
    app.core().book.change(&saved.unwrap().key, note).unwrap();
    let chosen = HubChoice::External {
        invitation: Secret::new(invitation.to_text()),
    };
    set(&app, |settings| settings.hub = chosen).await;
    // This viewer's key is bound to nothing at this hub, and the relay says so.
    let url = hub.relay().unwrap().url;
    told(&mut events, |relay| match relay {
        RelayState::Refused { failure } => failure.params["relay"].starts_with(&url),
        _ => false,
    })
    .await;
    set(&app, |settings| settings.hub = HubChoice::Embedded).await;
    told(&mut events, |relay| *relay == RelayState::None).await;
    app.shutdown().await;
    hub.stop().await;
}
