//! The camera at its hub: registration, MQTT over TLS with the hub's key pinned, token report, owner, address.
//!
//! ```text
//!  Client (task) ── session (sans-IO) ── rumqttc ── TLS, pinned ── hub
//!       │  no secret for this hub yet: registration over HTTPS, same pin
//!       └─ Event ──> setup
//! ```
//!
//! A client that reports a token gives up after [`HUB_TRIES`] tries and says why; any other tries for ever.

mod connection;
mod https;
mod registration;
mod relay;
pub mod session;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use provision::ProductSecret;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use wire::device::Device;
use wire::hub::HubAddress;
use wire::id::{CameraId, ViewerKey};
use wire::relay::RelayAddress;
use wire::soft_ap::Cause;
use wire::thing::Answer;
use wire::token::Token;

use crate::backoff::{Backoff, jitter};
use crate::defaults::{HUB_TRIES, HUB_WAIT};
use crate::setup::saved::Account;
use connection::Connection;
use session::{Asked, Session};

/// A hub's code for a registration whose signature nobody's secret and no live token explains.
const UNAUTHORIZED: i32 = 401;

/// Who the camera is to any hub.
#[derive(Clone)]
pub struct Who {
    /// Its key.
    pub camera: CameraId,
    /// Its name at hubs.
    pub device: Device,
    /// Its product's secret, if its maker gave it one.
    pub product_secret: Option<ProductSecret>,
    /// Its xp2pInfo as it is now; empty while it is not known.
    pub info: Arc<dyn Fn() -> String + Send + Sync>,
}

/// Which hub, and what for.
#[derive(Clone, Debug)]
pub enum Errand {
    /// Report this token. `known` is the secret of an earlier registration at the same hub.
    Report {
        /// Where.
        hub: HubAddress,
        /// What.
        token: Token,
        /// What the camera has from before.
        known: Option<Account>,
    },
    /// Be there.
    Serve(Account),
}

impl Errand {
    fn hub(&self) -> &HubAddress {
        match self {
            Self::Report { hub, .. } => hub,
            Self::Serve(account) => &account.hub,
        }
    }
}

/// What a client has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The hub has taken the token; the client stays.
    Accepted(Account),
    /// The token was not taken; the client is done.
    Failed(Failure),
    /// The hub is there, or is not: for a status line.
    Connected(bool),
    /// The secret was renewed: to be remembered.
    Renewed(Account),
    /// See [`session::Event::Bind`].
    Bind {
        /// The owner's key.
        viewer: Option<ViewerKey>,
        /// The owner's name.
        name: String,
        /// For [`Client::answer`].
        client_token: String,
    },
    /// See [`session::Event::Unbind`].
    Unbind {
        /// Whose key.
        viewer: Option<ViewerKey>,
        /// For [`Client::answer`].
        client_token: String,
    },
    /// Whether the hub knows an owner.
    HasOwner(bool),
    /// The hub's time minus the camera's, milliseconds.
    Time(i64),
    /// Where the hub's relay is; `None`: it has none.
    Relay(Option<RelayAddress>),
}

/// Why a hub was not reached, or said no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}: {detail}")]
pub struct Failure {
    /// For the viewer.
    pub cause: Cause,
    /// For a log; never a secret.
    pub detail: String,
}

impl Failure {
    fn unreachable(detail: impl Into<String>) -> Self {
        Self {
            cause: Cause::HubUnreachable,
            detail: detail.into(),
        }
    }

    fn connection(error: &io::Error) -> Self {
        let cause = if tls::is_wrong_key(error) {
            Cause::HubNotTrusted
        } else {
            Cause::HubUnreachable
        };
        Self {
            cause,
            detail: error.to_string(),
        }
    }

    fn is_login_refused(&self) -> bool {
        matches!(self.cause, Cause::HubRefused(_))
    }
}

/// A camera at a hub. Dropping it leaves.
pub struct Client {
    answers: mpsc::Sender<(Asked, String, Answer)>,
    task: JoinHandle<()>,
}

impl Client {
    /// Goes to the hub. Events come in order; a slow reader stops nothing but this client.
    pub fn start(who: Who, errand: Errand, events: mpsc::Sender<Event>) -> Self {
        let (answers, asked) = mpsc::channel(16);
        let task = tokio::spawn(Task::new(who, errand, events, asked).run());
        Self { answers, task }
    }

    /// Answers a [`Event::Bind`] or [`Event::Unbind`]; a client that has lost its hub meanwhile forgets it, the hub asks
    /// again.
    pub fn answer(&self, asked: Asked, client_token: String, answer: Answer) {
        if self
            .answers
            .try_send((asked, client_token, answer))
            .is_err()
        {
            tracing::info!("an answer to the hub is lost; the hub asks again");
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task {
    who: Who,
    hub: HubAddress,
    token: Option<Token>,
    account: Option<Account>,
    session: Session,
    events: mpsc::Sender<Event>,
    answers: mpsc::Receiver<(Asked, String, Answer)>,
    tries: u32,
    wait: Backoff,
}

/// Why a connection is over.
enum Over {
    /// It broke, or never came up.
    Failed(Failure),
    /// It had been up.
    Lost(Failure),
    /// Nobody listens any more, or the errand is done.
    Done,
}

impl Task {
    fn new(
        who: Who,
        errand: Errand,
        events: mpsc::Sender<Event>,
        answers: mpsc::Receiver<(Asked, String, Answer)>,
    ) -> Self {
        let hub = errand.hub().clone();
        let (token, account) = match errand {
            Errand::Serve(account) => (None, Some(account)),
            Errand::Report { token, known, .. } => {
                // The same key is the same hub, wherever it is now.
                let known =
                    known.filter(|known| known.hub.pin == hub.pin && known.device == who.device);
                let moved = |known: Account| Account {
                    hub: hub.clone(),
                    ..known
                };
                (Some(token), known.map(moved))
            }
        };
        let device = match &account {
            Some(account) => account.device.clone(),
            None => who.device.clone(),
        };
        let session = Session::new(device, token.clone(), now(), unix_ms());
        Self {
            who,
            hub,
            token,
            account,
            session,
            events,
            answers,
            tries: 0,
            wait: Backoff::new(HUB_WAIT.0, HUB_WAIT.1),
        }
    }

    async fn run(mut self) {
        loop {
            let over = self.visit().await;
            self.session.lost();
            let failure = match over {
                Over::Done => return,
                Over::Lost(failure) => {
                    self.wait.reset();
                    if !self.tell(Event::Connected(false)).await {
                        return;
                    }
                    failure
                }
                Over::Failed(failure) => failure,
            };
            if failure.is_login_refused() && self.can_register() {
                // The hub has another secret for this camera, or none: a new one is asked for.
                self.account = None;
            }
            self.tries += 1;
            if self.token.is_some() && (self.tries >= HUB_TRIES || is_final(&failure)) {
                self.tell(Event::Failed(failure)).await;
                return;
            }
            let wait = self.wait.next(jitter());
            tracing::info!(hub = %self.hub.host, %failure, ?wait, "not at the hub");
            tokio::time::sleep(wait).await;
        }
    }

    fn can_register(&self) -> bool {
        self.token.is_some() || self.who.product_secret.is_some()
    }

    /// Registers if need be, logs in, and stays as long as it can.
    async fn visit(&mut self) -> Over {
        let account = match self.account().await {
            Ok(account) => account,
            Err(failure) => return Over::Failed(failure),
        };
        let mut connection = match Connection::open(&account).await {
            Ok(connection) => connection,
            Err(failure) => return Over::Failed(failure),
        };
        tracing::info!(hub = %self.hub.host, device = %account.device, "at the hub");
        if !self.tell(Event::Connected(true)).await {
            return Over::Done;
        }
        self.stay(&mut connection, &account).await
    }

    async fn account(&mut self) -> Result<Account, Failure> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let by_token = self.token.as_ref().map(ProductSecret::from);
        let secret = self.who.product_secret.clone().or(by_token);
        let secret = secret.ok_or_else(|| Failure {
            cause: Cause::RegistrationRefused(-1),
            detail: "this camera has nothing to register with".into(),
        })?;
        let device = &self.who.device;
        let by_token = self.who.product_secret.is_none();
        let found = registration::register(&self.hub, device, self.who.camera, &secret).await;
        let found = found.map_err(|failure| match failure.cause {
            // The token was the key, and it does not fit.
            Cause::RegistrationRefused(code @ UNAUTHORIZED) if by_token => Failure {
                cause: Cause::TokenRefused(code),
                ..failure
            },
            _ => failure,
        })?;
        let account = Account {
            hub: self.hub.clone(),
            device: device.clone(),
            secret: found,
        };
        self.account = Some(account.clone());
        if self.token.is_none() {
            self.tell(Event::Renewed(account.clone())).await;
        }
        Ok(account)
    }

    async fn stay(&mut self, connection: &mut Connection, account: &Account) -> Over {
        let mut look = tokio::time::interval(crate::defaults::INFO_LOOK);
        let mut relay = relay::Asking::start(self.hub.clone());
        self.session.connected();
        let mut subscribed = false;
        let deadline = Instant::now() + session::SUBSCRIPTION;
        loop {
            while let Some(output) = self.session.poll() {
                match output {
                    session::Output::Event(event) => {
                        if !self.pass_on(event, account).await {
                            return Over::Done;
                        }
                    }
                    output => {
                        if let Err(failure) = connection.send(output) {
                            return Over::Lost(failure);
                        }
                    }
                }
            }
            let until = if subscribed {
                self.session.timeout().map(Instant::from_std)
            } else {
                Some(deadline)
            };
            tokio::select! {
                incoming = connection.next() => match incoming {
                    Ok(connection::Incoming::Message { topic, payload }) => {
                        self.session.received(now(), &topic, &payload);
                    }
                    Ok(connection::Incoming::Subscribed) if !subscribed => {
                        subscribed = true;
                        self.session.subscribed(now());
                    }
                    Ok(connection::Incoming::Subscribed) => {}
                    Err(failure) => return Over::Lost(failure),
                },
                () = sleep_until(until) => {
                    if subscribed {
                        self.session.handle_timeout(now());
                    } else {
                        // The reference firmware goes on as well: the hub answers, or the report times out.
                        subscribed = true;
                        self.session.subscribed(now());
                    }
                }
                _ = look.tick() => {
                    let info = (self.who.info)();
                    self.session.info(now(), info);
                }
                relay = relay.next() => if !self.tell(Event::Relay(relay)).await {
                    return Over::Done;
                },
                answer = self.answers.recv() => match answer {
                    Some((asked, client_token, answer)) => {
                        self.session.answer(asked, client_token, answer);
                    }
                    None => return Over::Done,
                },
            }
        }
    }

    /// Gives an event to the camera; `false` ends the client.
    async fn pass_on(&mut self, event: session::Event, account: &Account) -> bool {
        match event {
            session::Event::TokenAccepted => {
                self.token = None;
                self.tell(Event::Accepted(account.clone())).await
            }
            session::Event::TokenFailed(cause) => {
                let detail = "the hub's answer to the token report".into();
                self.tell(Event::Failed(Failure { cause, detail })).await;
                false
            }
            session::Event::Bind {
                viewer,
                name,
                client_token,
            } => {
                self.tell(Event::Bind {
                    viewer,
                    name,
                    client_token,
                })
                .await
            }
            session::Event::Unbind {
                viewer,
                client_token,
            } => {
                self.tell(Event::Unbind {
                    viewer,
                    client_token,
                })
                .await
            }
            session::Event::HasOwner(has) => self.tell(Event::HasOwner(has)).await,
            session::Event::Time(hub) => {
                let difference = i128::from(hub) - i128::from(unix_ms());
                let difference = i64::try_from(difference).unwrap_or(i64::MAX);
                self.tell(Event::Time(difference)).await
            }
        }
    }

    async fn tell(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }
}

/// Whether trying again cannot help.
fn is_final(failure: &Failure) -> bool {
    matches!(
        failure.cause,
        Cause::HubNotTrusted | Cause::RegistrationRefused(_) | Cause::TokenRefused(_)
    )
}

/// Never, if there is nothing to wait for.
async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        })
}
