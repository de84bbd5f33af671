//! A world for the flow: simulated radios in a folder, a camera and a hub that do as they are told.

use crate::api::{
    CameraKey, Failure, Pairing, PairingRequest, PairingState, PairingWay, Secret, WifiLogin,
};
use crate::pairing::world::{Paired, World};
use crate::pairing::{Pairings, Spot};
use async_trait::async_trait;
use hub::{Bound, Desk, Device, DeviceState, Issued, Refusal, TokenState, Viewer};
use provision::viewer::Event;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use wifi::{AccessPoint, Radio, sim};
use wire::address::Address;
use wire::hub::{HubAddress, Pin};
use wire::id::{CameraId, PeerId};
use wire::soft_ap::{Cause, DeviceReply, Request, State};
use wire::token::Token;

pub(super) const HOTSPOT: &str = "Porthole-1A2B";
pub(super) const HOTSPOT_PASSWORD: &str = "k3x9m2pq7w";
pub(super) const HOME: &str = "Home";
pub(super) const PASSWORD: &str = "abcd1234";
pub(super) const CAMERA: PeerId = PeerId([0xca; 32]);

/// Where the camera is seen on the LAN: an address a socket, one of them twice.
pub(super) const SEEN_AT: [&str; 4] = [
    "[fe80::1]:4000",
    "10.9.9.9:4000",
    "192.168.1.30:4000",
    "192.168.1.30:4001",
];

/// What the camera does when it is talked to, one of them a time.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Answers nothing.
    Silent,
    /// Closes its hotspot without an answer, and opens it again after this long.
    Vanish(Duration),
    /// Replies, closes its hotspot, and comes back with this cause; the next talk is told of it. `None` = it reports.
    Leave(Option<Cause>),
    /// Replies, closes its hotspot and is never heard of again.
    Lost,
    /// Replies, is without power for a moment, and has its hotspot open again, knowing nothing.
    Restart,
    /// Replies with its hotspot open, tells its states and then this cause. `None` = it reports.
    Stay(Option<Cause>),
    /// Tells this error at once.
    Tell(Cause),
}

/// Everything around the flow.
pub(super) struct Stage {
    pub(super) folder: tempfile::TempDir,
    pub(super) phone: Arc<sim::Radio>,
    pub(super) camera: Arc<sim::Radio>,
    pub(super) acts: Mutex<VecDeque<Act>>,
    pub(super) desk: Arc<FakeDesk>,
    /// After how long the camera is seen on the LAN.
    pub(super) on_lan: Mutex<Option<Duration>>,
    pub(super) picture: Mutex<VecDeque<Failure>>,
    pub(super) saved: Mutex<Vec<Paired>>,
    pub(super) no_hub: Mutex<Option<Failure>>,
    /// What was asked, and where.
    pub(super) asked: Mutex<Vec<(Spot, Request)>>,
    /// Addresses at which nothing answers.
    pub(super) deaf: Mutex<Vec<Ipv4Addr>>,
    hotspot: bool,
    this: Weak<Self>,
}

/// A hub that hears of the camera when it is told to.
#[derive(Default)]
pub(super) struct FakeDesk {
    pub(super) reported: Mutex<bool>,
    pub(super) refuses: Mutex<Option<Refusal>>,
    pub(super) tokens: Mutex<u8>,
}

fn device() -> Device {
    Device::new("PORTHOLE01", "cam_1").unwrap()
}

#[async_trait]
impl Desk for FakeDesk {
    async fn address(&self) -> hub::Result<HubAddress> {
        Ok(HubAddress {
            host: "192.168.1.20".into(),
            mqtt_port: 8883,
            http_port: 8443,
            pin: Pin([1; 32]),
        })
    }

    async fn relay(&self) -> hub::Result<Option<hub::RelayAddress>> {
        Ok(None)
    }

    async fn create_token(&self, _viewer: &Viewer) -> hub::Result<Issued> {
        let mut tokens = self.tokens.lock().unwrap();
        *tokens += 1;
        Ok(Issued {
            token: Token::from_bytes([*tokens; 16]),
            lifetime: Duration::from_secs(600),
        })
    }

    async fn token_state(&self, _token: &Token) -> hub::Result<TokenState> {
        if let Some(refusal) = *self.refuses.lock().unwrap() {
            return Err(refusal.into());
        }
        Ok(match *self.reported.lock().unwrap() {
            true => TokenState::Reported(device()),
            false => TokenState::Created,
        })
    }

    async fn bind(&self, _token: &Token) -> hub::Result<Bound> {
        Ok(Bound {
            device: device(),
            camera: Some(CAMERA),
            xp2p_info: None,
            confirmed: true,
        })
    }

    async fn unbind(&self, _device: &Device) -> hub::Result<()> {
        Ok(())
    }

    async fn devices(&self) -> hub::Result<Vec<DeviceState>> {
        Ok(Vec::new())
    }
}

impl Stage {
    /// A phone at home, and a camera with its hotspot open that will do `acts`.
    pub(super) async fn new(acts: &[Act]) -> Arc<Self> {
        Self::with(acts, true).await
    }

    /// The same, with or without the hotspot.
    pub(super) async fn with(acts: &[Act], hotspot: bool) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let networks = format!(r#"[{{"ssid":"{HOME}","passphrase":"{PASSWORD}"}}]"#);
        std::fs::write(folder.path().join("networks.json"), networks).unwrap();
        let radio = |name| Arc::new(sim::Radio::open(folder.path(), name).unwrap());
        let (phone, camera) = (radio("phone"), radio("camera"));
        let stage = Arc::new_cyclic(|this| Self {
            phone,
            camera,
            folder,
            acts: Mutex::new(acts.iter().cloned().collect()),
            desk: Arc::default(),
            on_lan: Mutex::default(),
            picture: Mutex::default(),
            saved: Mutex::default(),
            no_hub: Mutex::default(),
            asked: Mutex::default(),
            deaf: Mutex::default(),
            hotspot,
            this: this.clone(),
        });
        stage.rules(r#"{"joined":{"phone":"Home"}}"#);
        stage.open_hotspot().await;
        stage
    }

    /// Writes how the world behaves.
    pub(super) fn rules(&self, rules: &str) {
        std::fs::write(self.folder.path().join("world.json"), rules).unwrap();
    }

    /// Writes which networks are in range besides the camera's.
    pub(super) fn networks(&self, networks: &str) {
        std::fs::write(self.folder.path().join("networks.json"), networks).unwrap();
    }

    async fn open_hotspot(&self) {
        if !self.hotspot {
            return;
        }
        let access_point = AccessPoint {
            ssid: HOTSPOT.parse().unwrap(),
            passphrase: Some(HOTSPOT_PASSWORD.parse().unwrap()),
            channel: None,
            address: Ipv4Addr::new(192, 168, 4, 1),
        };
        self.camera.start_access_point(&access_point).await.unwrap();
    }

    async fn close_hotspot(&self) {
        self.camera.stop_access_point().await.unwrap();
    }

    /// The pairings of this stage, and everything they tell.
    pub(super) fn pairings(self: &Arc<Self>) -> (Pairings, mpsc::UnboundedReceiver<Pairing>) {
        let (told, receiver) = mpsc::unbounded_channel();
        let tell = Arc::new(move |pairing| {
            let _ = told.send(pairing);
        });
        (Pairings::new(self.clone(), tell), receiver)
    }

    /// The network that the phone is on.
    pub(super) async fn phone_is_on(&self) -> Option<String> {
        let joined = self.phone.current().await.unwrap();
        joined.map(|joined| joined.ssid.to_string())
    }

    async fn act(&self, act: Act, events: mpsc::Sender<Event>) {
        let say = |event: Event| events.send(event);
        let replied = || {
            Event::DeviceReplied(DeviceReply {
                device: device(),
                region: None,
                proto_version: "2.0".into(),
                camera: Some(CAMERA),
                state: Some(State::Received),
            })
        };
        let failed = |cause: Cause| Event::Failed {
            cause,
            log: cause.to_fault().to_string(),
        };
        sleep(Duration::from_millis(100)).await;
        match act {
            Act::Silent => {
                sleep(Duration::from_secs(10)).await;
                let _ = say(Event::NoReply).await;
            }
            Act::Vanish(time) => {
                self.close_hotspot().await;
                sleep(time).await;
                self.open_hotspot().await;
            }
            Act::Tell(cause) => {
                let _ = say(failed(cause)).await;
            }
            Act::Lost => {
                let _ = say(replied()).await;
                self.close_hotspot().await;
            }
            Act::Restart => {
                let _ = say(replied()).await;
                self.close_hotspot().await;
                sleep(Duration::from_secs(3)).await;
                self.open_hotspot().await;
            }
            Act::Leave(cause) => {
                let _ = say(replied()).await;
                self.close_hotspot().await;
                sleep(Duration::from_secs(4)).await;
                // The hub is on the phone.
                let at_home = self.phone_is_on().await.as_deref() == Some(HOME);
                match cause.or((!at_home).then_some(Cause::HubUnreachable)) {
                    None => *self.desk.reported.lock().unwrap() = true,
                    Some(cause) => {
                        self.acts.lock().unwrap().push_front(Act::Tell(cause));
                        self.open_hotspot().await;
                    }
                }
            }
            Act::Stay(cause) => {
                let _ = say(replied()).await;
                for state in [State::Joining, State::Registering] {
                    sleep(Duration::from_secs(2)).await;
                    if let Some(cause) = cause
                        && state == State::Registering
                    {
                        let _ = say(failed(cause)).await;
                        return;
                    }
                    let _ = say(Event::State(state)).await;
                }
                sleep(Duration::from_secs(1)).await;
                *self.desk.reported.lock().unwrap() = true;
            }
        }
    }
}

/// A stage as the flow sees it.
#[async_trait]
impl World for Stage {
    async fn desk(&self) -> Result<Arc<dyn Desk>, Failure> {
        match &*self.no_hub.lock().unwrap() {
            Some(failure) => Err(failure.clone()),
            None => Ok(self.desk.clone()),
        }
    }

    async fn radio(&self) -> Result<Arc<dyn Radio>, wifi::Error> {
        Ok(self.phone.clone())
    }

    fn viewer(&self) -> Viewer {
        Viewer {
            key: PeerId([7; 32]),
            name: "phone".into(),
        }
    }

    fn talk(&self, spot: Spot, request: Request) -> mpsc::Receiver<Event> {
        let (events, receiver) = mpsc::channel(16);
        self.asked.lock().unwrap().push((spot, request));
        if self.deaf.lock().unwrap().contains(&spot.camera) {
            return receiver;
        }
        let act = self.acts.lock().unwrap().pop_front();
        // The camera goes on whatever becomes of the phone.
        if let Some(stage) = self.this.upgrade() {
            tokio::spawn(async move { stage.act(act.unwrap_or(Act::Silent), events).await });
        }
        receiver
    }

    async fn log(&self, _spot: Spot) -> Option<String> {
        Some(format!("1|radio: joining {HOME} with {PASSWORD}\r\n"))
    }

    async fn is_on_a_hotspot(&self) -> bool {
        false
    }

    async fn seen_on_lan(&self, camera: CameraId) -> Address {
        assert_eq!(camera, CAMERA);
        let after = *self.on_lan.lock().unwrap();
        match after {
            Some(after) => sleep(after).await,
            None => std::future::pending().await,
        }
        Address {
            addrs: SEEN_AT.map(|address| address.parse().unwrap()).to_vec(),
            ..Address::new(camera)
        }
    }

    fn save(&self, paired: Paired) -> Result<CameraKey, Failure> {
        self.saved.lock().unwrap().push(paired);
        Ok("porch".into())
    }

    async fn first_picture(&self, camera: &str) -> Result<(), Failure> {
        assert_eq!(camera, "porch");
        sleep(Duration::from_secs(1)).await;
        match self.picture.lock().unwrap().pop_front() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

/// A network and what opens it.
pub(super) fn login(ssid: &str, passphrase: &str) -> WifiLogin {
    WifiLogin {
        ssid: ssid.into(),
        passphrase: Some(Secret::new(passphrase)),
        hidden: false,
    }
}

/// What the user types for a camera with a hotspot.
pub(super) fn request() -> PairingRequest {
    by(PairingWay::Hotspot {
        hotspot: login(HOTSPOT, HOTSPOT_PASSWORD),
        network: login(HOME, PASSWORD),
    })
}

/// What the user types.
pub(super) fn by(way: PairingWay) -> PairingRequest {
    PairingRequest {
        way,
        camera: None,
        name: Some("Porch".into()),
        room: None,
    }
}

/// The first state that fits.
pub(super) async fn until(
    told: &mut mpsc::UnboundedReceiver<Pairing>,
    fits: impl Fn(&Pairing) -> bool,
) -> Pairing {
    let waiting = async {
        loop {
            let pairing = told.recv().await.expect("the pairing goes on");
            if fits(&pairing) {
                return pairing;
            }
        }
    };
    timeout(Duration::from_secs(1000), waiting)
        .await
        .expect("it comes to that")
}

/// How it ended, with this machine's network back.
pub(super) async fn ended(told: &mut mpsc::UnboundedReceiver<Pairing>) -> Pairing {
    until(told, |pairing| {
        !matches!(pairing.state, PairingState::Running { .. }) && !pairing.restoring
    })
    .await
}
