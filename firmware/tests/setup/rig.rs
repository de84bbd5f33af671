//! A simulated world: a router, a camera with a radio, a hub, and a phone that is on the camera's hotspot.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firmware::setup::{self, Status};
use firmware::{Camera, Options};
use hub::config::Mqtt;
use hub::{Config, Hub, TokenState};
use p2p::{Endpoint, Identity, Request, Role, Session};
use provision::viewer::{self, Dialect, Event};
use tempfile::TempDir;
use wire::hub::HubAddress;
use wire::id::PeerId;
use wire::soft_ap::{self, Cause, Join, TokenOnly};
use wire::token::Token;

/// Far beyond what anything takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const HOME: &str = "Home-WiFi";
pub(crate) const PASSWORD: &str = "abcd1234";

/// Waits for what has to come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: nothing came in {PATIENCE:?}"),
    }
}

/// Asks again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    soon(what, async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Everything but the camera.
pub(crate) struct World {
    dir: TempDir,
    pub(crate) hub: Hub,
}

impl World {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("air")).unwrap();
        let world = Self {
            hub: start_hub(&dir.path().join("hub"), None).await,
            dir,
        };
        world.router(true);
        world
    }

    /// Puts the router into range, or out of it. The other networks are those that are of no use.
    pub(crate) fn router(&self, in_range: bool) {
        let networks = format!(
            r#"[{{"ssid":"{HOME}","passphrase":"{PASSWORD}","in_range":{in_range}}},
                {{"ssid":"Dead","dhcp":false}},
                {{"ssid":"Secret","passphrase":"{PASSWORD}","hidden":true}}]"#
        );
        std::fs::write(self.dir.path().join("air/networks.json"), networks).unwrap();
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("camera")
    }

    /// Starts the camera. What it remembers of an earlier run is there.
    pub(crate) async fn camera(&self, change: impl FnOnce(&mut setup::Options)) -> Camera {
        let mut options = self.options();
        change(&mut options.setup);
        Camera::start(options).await.unwrap()
    }

    /// Starts the camera with this before its lens.
    #[cfg(feature = "ffmpeg")]
    pub(crate) async fn camera_before(&self, easel: &firmware::board::sim::easel::Easel) -> Camera {
        let options = Options {
            easel: easel.clone(),
            ..self.options()
        };
        Camera::start(options).await.unwrap()
    }

    fn options(&self) -> Options {
        let air = self.dir.path().join("air");
        let radio = format!("sim:{}:camera", air.display());
        Options {
            lan: false,
            setup: setup::Options {
                radio: Some(radio.parse().unwrap()),
                open: true,
                ..setup::Options::default()
            },
            ..Options::new(self.data())
        }
    }

    /// Ends the hub and gives its place, for one that comes back there.
    pub(crate) async fn stop_hub(&self) -> HubAddress {
        let address = self.hub.address();
        self.hub.stop().await;
        address
    }

    pub(crate) async fn restart_hub(&mut self, at: &HubAddress) {
        self.hub = start_hub(&self.dir.path().join("hub"), Some(at)).await;
    }

    /// A token for this viewer.
    pub(crate) async fn token(&self, viewer: &PeerId) -> Token {
        let viewer = hub::Viewer {
            key: *viewer,
            name: "Ann".into(),
        };
        self.hub.desk().create_token(&viewer).await.unwrap().token
    }

    /// What a phone asks of the camera: the home network and this token.
    pub(crate) fn join(&self, token: &Token) -> Join {
        let mut join = Join::new(
            HOME.parse().unwrap(),
            Some(PASSWORD.parse().unwrap()),
            token.clone(),
        );
        join.hub = Some(self.hub.address());
        join
    }

    /// Waits until the hub has the token, then makes the camera the owner's.
    pub(crate) async fn bind(&self, token: &Token) -> hub::Bound {
        let desk = self.hub.desk();
        until("the token at the hub", || async {
            matches!(
                desk.token_state(token).await.unwrap(),
                TokenState::Reported(_) | TokenState::Bound(_)
            )
        })
        .await;
        desk.bind(token).await.unwrap()
    }
}

async fn start_hub(dir: &Path, at: Option<&HubAddress>) -> Hub {
    let (mqtt, http) = at.map_or((0, 0), |at| (at.mqtt_port, at.http_port));
    let mut config = Config::embedded(dir);
    config.http = SocketAddr::from(([127, 0, 0, 1], http));
    config.mqtt = Mqtt::Embedded(SocketAddr::from(([127, 0, 0, 1], mqtt)));
    config.host = Some("127.0.0.1".into());
    Hub::start(config).await.unwrap()
}

/// Waits until the camera says so.
pub(crate) async fn status(camera: &Camera, what: &str, is: impl FnMut(&Status) -> bool) -> Status {
    let mut status = camera.setup().unwrap().status();
    let found = soon(what, status.wait_for(is)).await;
    found.unwrap().clone()
}

/// Waits until viewers can reach the camera, and says where.
pub(crate) async fn open(camera: &Camera) -> SocketAddr {
    let status = status(camera, "open", |status| {
        status.phase == "open" && status.open.is_some()
    });
    status.await.open.unwrap()
}

/// Asks the camera to join, as a phone does, until it has answered.
pub(crate) async fn hand_over(camera: SocketAddr, join: Join) -> Vec<Event> {
    converse(camera, soft_ap::Request::Join(join), false).await
}

/// Asks the camera to join, waits until it is open again for this cause, and asks there again: why has it failed? (A real
/// hotspot comes back at the same address, a simulated one at another.)
pub(crate) async fn try_in_vain(camera: &Camera, join: Join, expected: Cause) {
    hand_over(open(camera).await, join.clone()).await;
    let is_back = |status: &Status| status.phase == "open" && status.cause == Some(expected.name());
    let back = status(camera, expected.name(), is_back).await;
    assert_eq!(back.light, "error");
    let again = converse(back.open.unwrap(), soft_ap::Request::Join(join), true).await;
    match again.last() {
        Some(Event::Failed { cause, .. }) => assert_eq!(*cause, expected, "{again:?}"),
        other => panic!("expected {expected:?}, got {other:?} at the end of {again:?}"),
    }
}

/// Hands over a token alone.
pub(crate) async fn ask_token(camera: SocketAddr, token: TokenOnly) -> Vec<Event> {
    converse(camera, soft_ap::Request::Token(token), true).await
}

async fn converse(camera: SocketAddr, request: soft_ap::Request, follow: bool) -> Vec<Event> {
    let config = viewer::Config {
        request,
        dialect: Dialect {
            every: Duration::from_millis(500),
            sends: 80,
        },
        follow,
    };
    let bind = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut viewer = provision::driver::Viewer::start(config, bind, camera)
        .await
        .unwrap();
    let mut events = Vec::new();
    soon("the end of the attempt", async {
        while let Some(event) = viewer.next().await {
            events.push(event);
        }
    })
    .await;
    events
}

/// A viewer with a key of its own.
pub(crate) struct Phone {
    pub(crate) key: PeerId,
    endpoint: Endpoint,
}

impl Phone {
    pub(crate) async fn new() -> Self {
        let identity = Identity::ephemeral().unwrap();
        let key = identity.id();
        let options = p2p::Options {
            lan: false,
            ..p2p::Options::new(identity, Role::Viewer)
        };
        let endpoint = Endpoint::bind(options).await.unwrap();
        Self { key, endpoint }
    }

    pub(crate) fn session(&self, camera: &Camera) -> Session {
        self.endpoint.session(camera.link().address)
    }
}

/// Whether the camera answers this viewer.
pub(crate) async fn is_served(session: &Session) -> bool {
    let target = "/ipc.p2p.com/command?action=inner_define&channel=0&cmd=get_device_st&type=live";
    let answer = session.request(Request::get(target));
    match tokio::time::timeout(Duration::from_secs(10), answer).await {
        Ok(Ok(response)) => response.status == 200,
        Ok(Err(_)) | Err(_) => false,
    }
}
