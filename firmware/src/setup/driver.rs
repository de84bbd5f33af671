//! The state machine's hands: radio, sockets, hub client, light, files.

mod at_hub;
mod begin;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use provision::camera::{Config, Engine, Event as Viewer, Identity, Wanted};
use provision::driver::Camera;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use wifi::AccessPoint;
use wire::label::Label;
use wire::relay::RelayAddress;
use wire::soft_ap::{Cause, State as Progress};

use super::machine::{Action, Ask, Input, Machine, Phase, Rules};
use super::saved::{Network, Saved};
use super::{Options, Parts, Status, radio};
use crate::backoff::jitter;
use crate::board::{Gesture, Light};
use crate::defaults::LOOK;
use crate::hub_client::{self, Client, Errand, Who};

/// Errors of attempts that were not told yet: (id, sub) each.
const FAULTS: &str = "faults.json";
const PLACE: &str = "setup";
/// The network counts as lost when it is missing this often in a row.
const MISSING: u32 = 2;

/// What a driver is made of.
pub(super) struct Start {
    pub(super) options: Options,
    pub(super) parts: Parts,
    pub(super) saved: Saved,
    pub(super) radio: Option<Arc<dyn wifi::Radio>>,
    pub(super) label: Label,
    pub(super) by_hand: mpsc::Receiver<Gesture>,
    pub(super) status: watch::Sender<Status>,
    pub(super) reset: watch::Sender<bool>,
}

/// The outcome of an action that takes time.
enum Done {
    Opened(Result<Ipv4Addr, Cause>),
    /// [`Network::hidden`].
    Joined(Result<bool, Cause>),
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(super) struct Driver {
    options: Options,
    parts: Parts,
    radio: Option<Arc<dyn wifi::Radio>>,
    label: Label,
    machine: Machine,
    viewers: Camera,
    log: provision::Log,
    log_server: Option<JoinHandle<()>>,
    who: Who,
    hub: Option<(Client, mpsc::Receiver<hub_client::Event>)>,
    /// The hub's relay, where the camera is.
    relay: Option<RelayAddress>,
    work: Option<Work<Done>>,
    /// Looks whether the radio is still on its network.
    looking: Option<Work<bool>>,
    look: Interval,
    missing: u32,
    hotspot: Option<Ipv4Addr>,
    /// The radio is on the network of an attempt that has not succeeded.
    on_trial: bool,
    by_hand: mpsc::Receiver<Gesture>,
    board: Option<mpsc::Receiver<Gesture>>,
    status: watch::Sender<Status>,
    shown: Option<(Phase, bool, Light)>,
    reset: watch::Sender<bool>,
    /// Changes with the list of viewers, whoever changes it.
    viewers_changed: watch::Receiver<u64>,
    /// An owner was on that list when it was last looked at.
    owned: bool,
}

impl Driver {
    pub(super) fn new(start: Start) -> Self {
        let Start {
            options,
            parts,
            saved,
            radio,
            label,
            by_hand,
            status,
            reset,
        } = start;
        let log = provision::Log::new(now());
        begin::hide(&log, &label, &saved, &options);
        let who = begin::who(&options, &parts);
        let engine = Engine::new(
            now(),
            Config {
                identity: Identity {
                    device: who.device.clone(),
                    region: options.region.clone(),
                    camera: Some(parts.camera),
                },
                previous: begin::faults(&parts),
                log: log.clone(),
                keeps_hotspot: keeps_hotspot(radio.as_ref()),
            },
        );
        let rules = Rules {
            radio: radio.is_some(),
            open_when_unbound: options.open,
            hub: options.hub.clone(),
        };
        let viewers_changed = parts.guests.changes();
        let owned = parts.guests.is_bound();
        let machine = Machine::new(rules, saved, owned, jitter, now());
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let board = parts.board.gestures();
        Self {
            options,
            parts,
            radio,
            label,
            machine,
            viewers: Camera::new(engine),
            log,
            log_server: None,
            who,
            hub: None,
            relay: None,
            work: None,
            looking: None,
            look,
            missing: 0,
            hotspot: None,
            on_trial: false,
            by_hand,
            board,
            status,
            shown: None,
            reset,
            viewers_changed,
            owned,
        }
    }

    /// Goes on until it is told to stop; the hotspot closes with it.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.go_on()).await;
        #[cfg(feature = "ffmpeg")]
        self.parts.live.demand.read(false);
        self.leave_hub();
        self.close().await;
        if *self.reset.borrow()
            && let Some(radio) = &self.radio
            && let Err(error) = radio.leave().await
        {
            tracing::warn!(%error, "the system still knows the network");
        }
    }

    async fn go_on(&mut self) {
        loop {
            while let Some(action) = self.machine.poll() {
                self.act(action).await;
            }
            self.show();
            let due = self.machine.timeout().map(Instant::from_std);
            tokio::select! {
                done = finished(&mut self.work) => self.done(done).await,
                viewer = self.viewers.next() => self.viewer(viewer),
                event = hub_says(&mut self.hub) => self.hub(event),
                gesture = next(&mut self.board) => self.gesture(gesture),
                Some(gesture) = self.by_hand.recv() => self.gesture(Some(gesture)),
                Ok(()) = self.viewers_changed.changed() => self.look_at_owner(),
                () = sleep_until(due) => self.machine.handle_timeout(now()),
                _ = self.look.tick(), if self.looks() => self.start_looking(),
                joined = finished(&mut self.looking) => self.looked(joined),
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.machine.handle(now(), input);
    }

    fn note(&self, text: impl std::fmt::Display) {
        self.log.line(now(), PLACE, text);
    }

    async fn act(&mut self, action: Action) {
        if action.takes_time() {
            self.work = None;
        }
        match action {
            Action::Open => self.open(),
            Action::Close => self.close().await,
            Action::Join { network, attempt } => self.join(network, attempt).await,
            Action::Enrol { hub, token } => {
                self.note(format_args!("reporting the token to {}", hub.host));
                let known = self.machine.saved().account.clone();
                self.start_client(Errand::Report { hub, token, known });
            }
            Action::Serve => {
                // The client that has just reported the token stays.
                if let (None, Some(account)) = (&self.hub, &self.machine.saved().account) {
                    self.start_client(Errand::Serve(account.clone()));
                }
            }
            Action::Leave => self.leave_hub(),
            Action::Tell(Progress::Bound) => {
                self.viewers.succeed();
                self.status.send_modify(|status| status.cause = None);
                self.keep_faults();
            }
            Action::Tell(progress) => self.viewers.set_state(progress),
            Action::TellFailed(cause) => {
                self.note(format_args!("failed: {cause}"));
                self.viewers.fail(cause);
                self.status
                    .send_modify(|status| status.cause = Some(cause.name()));
                self.keep_faults();
            }
            Action::Save(saved) => {
                self.on_trial = false;
                if let Err(error) = saved.store(&self.parts.dir) {
                    tracing::error!(%error, "what was set up is lost at the next start");
                }
            }
            Action::Light(light) => self.parts.board.light(light),
        }
    }

    fn open(&mut self) {
        let Some(radio) = self.radio.clone() else {
            self.work = Some(Box::pin(async { Done::Opened(Ok(Ipv4Addr::UNSPECIFIED)) }));
            return;
        };
        let access_point = AccessPoint {
            ssid: self.label.ssid.clone(),
            passphrase: self.label.passphrase.clone(),
            channel: self.options.hotspot_channel,
            address: self.options.hotspot_address,
        };
        let is_open = self.hotspot;
        let forget = std::mem::take(&mut self.on_trial);
        self.work = Some(Box::pin(async move {
            if forget && let Err(error) = radio.leave().await {
                tracing::warn!(%error, "the network of the failed attempt stays known");
            }
            Done::Opened(match is_open {
                Some(address) => Ok(address),
                None => radio::open(radio, access_point).await,
            })
        }));
    }

    async fn listen(&mut self, address: Ipv4Addr) -> Input {
        let (port, log_port) = self.options.ports;
        let listening = self.viewers.listen((address, port).into()).await;
        let listening = match listening {
            Ok(listening) => {
                // A viewer asks again where it asked before.
                self.options.ports.0 = listening.port();
                listening
            }
            Err(error) => {
                tracing::warn!(%address, port, %error, "viewers cannot reach the camera");
                return Input::NotOpened(Cause::HotspotFailed(error.raw_os_error().unwrap_or(0)));
            }
        };
        if self.radio.is_some() {
            self.hotspot = Some(address);
        }
        if self.log_server.as_ref().is_none_or(JoinHandle::is_finished) {
            self.log_server = Some(serve_log((address, log_port).into(), self.log.clone()));
        }
        self.status.send_modify(|status| {
            status.open = Some(listening);
            status.log = Some(SocketAddr::new(IpAddr::V4(address), log_port));
            status.hotspot = self.hotspot.map(|_| self.label.ssid.to_string());
        });
        self.note(format_args!("open at {listening}"));
        Input::Opened
    }

    async fn close(&mut self) {
        self.work = None;
        self.deafen().await;
        if self.hotspot.take().is_some()
            && let Some(radio) = &self.radio
            && let Err(error) = radio.stop_access_point().await
        {
            tracing::warn!(%error, "the hotspot does not close");
        }
    }

    /// Stops listening for viewers.
    async fn deafen(&mut self) {
        self.viewers.close().await;
        if let Some(log_server) = self.log_server.take() {
            log_server.abort();
        }
        self.status.send_modify(|status| {
            (status.open, status.log, status.hotspot) = (None, None, None);
        });
    }

    async fn join(&mut self, network: Network, attempt: bool) {
        let Some(radio) = self.radio.clone() else {
            return;
        };
        self.status
            .send_modify(|status| status.network = Some(network.ssid.to_string()));
        self.missing = 0;
        if !attempt {
            self.work = Some(Box::pin(async move {
                Done::Joined(radio::rejoin(radio, network).await)
            }));
            return;
        }
        self.note(format_args!("joining {}", network.ssid));
        if !keeps_hotspot(Some(&radio)) {
            self.deafen().await;
            self.hotspot = None;
        }
        self.on_trial = true;
        self.work = Some(Box::pin(async move {
            Done::Joined(radio::join(radio, network).await)
        }));
    }

    async fn done(&mut self, done: Done) {
        self.work = None;
        let input = match done {
            Done::Opened(Ok(address)) => self.listen(address).await,
            Done::Opened(Err(cause)) => Input::NotOpened(cause),
            Done::Joined(Ok(hidden)) => {
                self.note("on the network");
                // Old paths are gone with the old network.
                self.parts.endpoint.network_changed().await;
                Input::Joined { hidden }
            }
            Done::Joined(Err(cause)) => Input::NotJoined(cause),
        };
        self.input(input);
    }

    fn viewer(&mut self, event: Viewer) {
        match event {
            Viewer::Received { from } => tracing::info!(%from, "a viewer sets this camera up"),
            Viewer::Start(wanted) => self.ask(ask(wanted)),
            Viewer::LogAsked { from } => tracing::info!(%from, "the log was asked for"),
            Viewer::TimedOut => self.input(Input::SessionOver),
            // The machine closes by its own clock.
            Viewer::Finished => {}
        }
    }

    fn ask(&mut self, ask: Ask) {
        if let Some(passphrase) = ask
            .network
            .as_ref()
            .and_then(|network| network.passphrase.as_ref())
        {
            self.log.hide(passphrase.as_str());
        }
        self.log.hide(ask.token.as_str());
        self.status.send_modify(|status| status.cause = None);
        self.input(Input::Asked(ask));
    }

    fn gesture(&mut self, gesture: Option<Gesture>) {
        match gesture {
            Some(Gesture::Press) => {
                tracing::info!("the button was pressed");
                self.input(Input::Pressed);
            }
            Some(Gesture::Hold) => {
                tracing::warn!("the button was held: factory reset");
                self.reset.send_replace(true);
            }
            Some(Gesture::Show(code)) => match wire::qr::parse(&code) {
                Ok(join) => self.ask(ask(Wanted::Join(join))),
                Err(error) => tracing::warn!(%error, "no code for cameras"),
            },
            // The board has no button any more.
            None => self.board = None,
        }
    }

    /// Whether the radio has to be looked at.
    fn looks(&self) -> bool {
        let joined = matches!(self.machine.phase(), Phase::Online | Phase::Enrolling);
        self.radio.is_some() && joined && self.looking.is_none()
    }

    fn start_looking(&mut self) {
        if let Some(radio) = self.radio.clone() {
            self.looking = Some(Box::pin(async move {
                // A radio that does not tell is not one that has lost its network.
                !matches!(radio.current().await, Ok(None))
            }));
        }
    }

    fn looked(&mut self, joined: bool) {
        self.looking = None;
        self.missing = if joined { 0 } else { self.missing + 1 };
        if self.missing >= MISSING && self.looks() {
            self.missing = 0;
            self.note("network lost");
            self.viewers.station_lost();
            self.input(Input::Lost);
        }
    }

    /// An owner can go without the hub: it removes the camera over its own connection.
    fn look_at_owner(&mut self) {
        let owned = self.parts.guests.is_bound();
        if std::mem::replace(&mut self.owned, owned) && !owned {
            self.note("its owner has gone");
            self.input(Input::Unbound);
        }
    }

    fn keep_faults(&self) {
        let kept: Vec<(u16, i32)> = self
            .viewers
            .errors_to_keep()
            .into_iter()
            .map(|fault| (fault.id, fault.sub))
            .collect();
        if let Err(error) = self.parts.dir.write(FAULTS, &kept) {
            tracing::warn!(%error, "the error is not told at the next start");
        }
    }

    fn show(&mut self) {
        let (phase, bound) = (self.machine.phase(), self.machine.is_bound());
        let shown = Some((phase, bound, self.machine.light()));
        if self.shown != shown {
            self.shown = shown;
            // Only then is anybody expected to hold a code before the lens.
            #[cfg(feature = "ffmpeg")]
            let reads = media::code::IS_SAFE && phase == Phase::Open;
            #[cfg(feature = "ffmpeg")]
            self.parts.live.demand.read(reads);
            self.status.send_modify(|status| {
                status.light = self.machine.light().name();
                (status.phase, status.bound) = (phase.name(), bound);
            });
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(log_server) = self.log_server.take() {
            log_server.abort();
        }
    }
}

fn keeps_hotspot(radio: Option<&Arc<dyn wifi::Radio>>) -> bool {
    radio.is_none_or(|radio| radio.capabilities().ap_while_joined)
}

fn ask(wanted: Wanted) -> Ask {
    match wanted {
        Wanted::Join(join) => Ask {
            network: Some(Network {
                ssid: join.ssid,
                passphrase: join.passphrase,
                bssid: join.bssid,
                hidden: false,
            }),
            token: join.token,
            hub: join.hub,
        },
        Wanted::Token(token_only) => Ask {
            network: None,
            token: token_only.token,
            hub: token_only.hub,
        },
    }
}

fn serve_log(address: SocketAddr, log: provision::Log) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = provision::driver::serve_log(address, &log).await {
            tracing::warn!(%address, %error, "the log cannot be asked for");
        }
    })
}

/// Waits for the work under way; for ever if there is none.
async fn finished<T>(work: &mut Option<Work<T>>) -> T {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

/// `None`: the client has ended.
async fn hub_says(
    hub: &mut Option<(Client, mpsc::Receiver<hub_client::Event>)>,
) -> Option<hub_client::Event> {
    match hub {
        Some((_, events)) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// `None`: there is nobody any more.
async fn next(gestures: &mut Option<mpsc::Receiver<Gesture>>) -> Option<Gesture> {
    match gestures {
        Some(gestures) => gestures.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
