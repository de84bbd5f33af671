//! What a camera and its hub say to each other on one MQTT connection, without socket or clock.
//!
//! ```text
//! connected ─> subscribe ─> app_bind_token x 3 ─> code 0: accepted │ other code: refused │ none: unanswered
//!                        └> bind_device_query (no token to report)   code 0: has an owner │ other: has none
//!                        └> report _sys_xp2p_info, again when it has changed, with back-off
//!                        └> time
//! ```
//!
//! The hub's own word decides about a token. That the broker has got the report (PUBACK) says nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Deserialize;
use wire::Json;
use wire::device::Device;
use wire::id::ViewerKey;
use wire::soft_ap::Cause;
use wire::thing::{self, Answer, Body, Direction, Kind, Message, Topic, code};
use wire::token::Token;

use crate::backoff::Backoff;
use crate::defaults::{HUB_ANSWER, INFO_WAIT, TOKEN_REPORTS};

/// Times that an owner is asked for after a login; the hub tells by itself when that changes.
const QUERIES: u32 = 5;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Subscribe to these topics.
    Subscribe(Vec<String>),
    /// Publish.
    Publish {
        /// Where.
        topic: String,
        /// What. It may hold a token: it belongs into no log.
        payload: Payload,
        /// QoS 1 instead of 0.
        at_least_once: bool,
    },
    /// Tell the camera.
    Event(Event),
}

/// A payload on its way. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(pub String);

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// What the hub says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It takes the token.
    TokenAccepted,
    /// It does not, or it does not answer.
    TokenFailed(Cause),
    /// Somebody has bound the camera. Answer with [`Session::answer`].
    Bind {
        /// The owner's key; a hub of another maker names none.
        viewer: Option<ViewerKey>,
        /// The owner's name.
        name: String,
        /// For the answer.
        client_token: String,
    },
    /// The owner has removed the camera. Answer with [`Session::answer`].
    Unbind {
        /// Whose key; all that this hub has given if missing.
        viewer: Option<ViewerKey>,
        /// For the answer.
        client_token: String,
    },
    /// Whether the hub knows an owner.
    HasOwner(bool),
    /// Its time, unix milliseconds.
    Time(u64),
}

/// Which message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// [`Event::Bind`].
    Bind,
    /// [`Event::Unbind`].
    Unbind,
}

/// See the module's text. Lives as long as the camera is at one hub, over many connections.
pub struct Session {
    device: Device,
    outputs: VecDeque<Output>,
    connected: bool,
    token: Option<(Token, Waiting)>,
    query: Option<Waiting>,
    info: Info,
    /// Unix milliseconds at an instant.
    clock: (Instant, u64),
    last_client_token: u64,
}

/// A question without an answer.
#[derive(Clone, Debug, Default)]
struct Waiting {
    asked: u32,
    client_token: String,
    /// When the answer is overdue; `None`: not asked on this connection.
    until: Option<Instant>,
}

struct Info {
    /// What it is.
    now: String,
    /// What the hub has confirmed.
    known: String,
    /// What was sent and is not confirmed: text, client token. An answer may come late.
    sent: Option<(String, String)>,
    /// When the answer is overdue.
    overdue: Option<Instant>,
    /// Not before.
    next: Option<Instant>,
    wait: Backoff,
    reported: Option<Instant>,
}

impl Session {
    /// A camera that reports `token` if there is one. `unix_ms` is its own clock's time at `now`.
    pub fn new(device: Device, token: Option<Token>, now: Instant, unix_ms: u64) -> Self {
        Self {
            device,
            outputs: VecDeque::new(),
            connected: false,
            token: token.map(|token| (token, Waiting::default())),
            query: None,
            info: Info {
                now: String::new(),
                known: String::new(),
                sent: None,
                overdue: None,
                next: None,
                wait: Backoff::new(INFO_WAIT.0, INFO_WAIT.1),
                reported: None,
            },
            clock: (now, unix_ms),
            last_client_token: 0,
        }
    }

    /// The login has succeeded: subscribes.
    pub fn connected(&mut self) {
        let down = |kind| Topic::down(kind, &self.device).to_string();
        let topics = vec![
            down(Kind::Service),
            down(Kind::Property),
            down(Kind::Action),
            format!("$sys/operation/result/{}", self.device),
        ];
        self.outputs.push_back(Output::Subscribe(topics));
    }

    /// The hub has answered the subscription, or takes its time: what is to be said is said now.
    pub fn subscribed(&mut self, now: Instant) {
        self.connected = true;
        match self.token {
            Some(_) => self.report_token(now),
            None => {
                self.query = Some(Waiting::default());
                self.ask_for_owner(now);
            }
        }
        self.report_info(now);
        self.outputs.push_back(Output::Publish {
            topic: format!("$sys/operation/{}", self.device),
            payload: Payload(r#"{"type":"get","resource":["time"]}"#.into()),
            at_least_once: false,
        });
    }

    /// The connection is gone. A report or a question that was not answered is repeated on the next one.
    pub fn lost(&mut self) {
        self.connected = false;
        self.outputs.clear();
        self.query = None;
        if let Some((_, waiting)) = &mut self.token {
            waiting.until = None;
        }
        // A hub that was restarted may have forgotten it.
        (self.info.sent, self.info.overdue) = (None, None);
        self.info.known.clear();
    }

    /// The camera's xp2pInfo as it is now.
    pub fn info(&mut self, now: Instant, info: String) {
        if self.info.now != info {
            self.info.now = info;
            self.report_info(now);
        }
    }

    /// Answers a [`Event::Bind`] or [`Event::Unbind`].
    pub fn answer(&mut self, asked: Asked, client_token: String, answer: Answer) {
        let body = match asked {
            Asked::Bind => Body::BindDeviceReply(answer),
            Asked::Unbind => Body::UnbindDeviceReply(answer),
        };
        self.send(Message::new(client_token, body), true);
    }

    /// A message has come.
    pub fn received(&mut self, now: Instant, topic: &str, payload: &[u8]) {
        if topic.starts_with("$sys/operation/result/") {
            return self.time(now, payload);
        }
        let message = match topic.parse::<Topic>() {
            Ok(Topic {
                direction: Direction::Down,
                kind,
                device,
            }) if device == self.device => Message::decode(Direction::Down, kind, payload),
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match message {
            Ok(message) => self.message(now, message),
            Err(error) => tracing::info!(%error, "the hub says something that is not understood"),
        }
    }

    /// Goes on when [`Session::timeout`] is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.connected {
            return;
        }
        let due = |waiting: &Waiting| waiting.until.is_some_and(|until| until <= now);
        if self.token.as_ref().is_some_and(|(_, waiting)| due(waiting)) {
            self.report_token(now);
        }
        if self.query.as_ref().is_some_and(due) {
            self.ask_for_owner(now);
        }
        if self.info.overdue.is_some_and(|at| at <= now) {
            self.info.overdue = None;
        }
        self.report_info(now);
    }

    /// When something is due next.
    pub fn timeout(&self) -> Option<Instant> {
        if !self.connected {
            return None;
        }
        let info = match (self.info.overdue, self.info.next) {
            (Some(at), _) => Some(at),
            (None, next) if self.info.now != self.info.known => next,
            (None, _) => None,
        };
        let token = self.token.as_ref().and_then(|(_, waiting)| waiting.until);
        let query = self.query.as_ref().and_then(|waiting| waiting.until);
        [info, token, query].into_iter().flatten().min()
    }

    /// What is to be sent or told next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn report_token(&mut self, now: Instant) {
        let client_token = self.client_token(now);
        let Some((token, waiting)) = &mut self.token else {
            return;
        };
        if waiting.asked >= TOKEN_REPORTS {
            self.token = None;
            return self.event(Event::TokenFailed(Cause::TokenUnanswered));
        }
        waiting.asked += 1;
        waiting.until = Some(now + HUB_ANSWER);
        waiting.client_token.clone_from(&client_token);
        let body = Body::AppBindToken {
            token: token.clone(),
        };
        self.send(Message::new(client_token, body), true);
    }

    fn ask_for_owner(&mut self, now: Instant) {
        let client_token = self.client_token(now);
        let timestamp = self.unix_ms(now) / 1_000;
        let Some(waiting) = &mut self.query else {
            return;
        };
        if waiting.asked >= QUERIES {
            self.query = None;
            return;
        }
        waiting.asked += 1;
        waiting.until = Some(now + HUB_ANSWER);
        waiting.client_token.clone_from(&client_token);
        let body = Body::BindDeviceQuery { timestamp };
        self.send(Message::new(client_token, body), false);
    }

    /// Reports the address if it is news, and it is time.
    fn report_info(&mut self, now: Instant) {
        let info = &mut self.info;
        let news = self.connected && info.now != info.known && !info.now.is_empty();
        if !news || info.overdue.is_some() || info.next.is_some_and(|next| now < next) {
            return;
        }
        // An address that has held for long is not one that flutters.
        let held = info
            .reported
            .is_none_or(|at| now.duration_since(at) > INFO_WAIT.1);
        if held {
            info.wait.reset();
        }
        info.next = Some(now + info.wait.next(0));
        info.reported = Some(now);
        let text = info.now.clone();
        let client_token = self.client_token(now);
        self.info.sent = Some((text.clone(), client_token.clone()));
        self.info.overdue = Some(now + HUB_ANSWER);
        let body = Body::Report {
            timestamp: Some(self.unix_ms(now)),
            params: Json::object([(thing::XP2P_INFO, text.as_str())]),
        };
        self.send(Message::new(client_token, body), false);
    }

    fn message(&mut self, now: Instant, message: Message) {
        let Message { client_token, body } = message;
        match body {
            Body::AppBindTokenReply(answer) => {
                let ours = |(_, waiting): &(Token, Waiting)| waiting.client_token == client_token;
                if self.token.as_ref().is_some_and(ours) {
                    self.token = None;
                    self.event(match answer.code {
                        code::OK => Event::TokenAccepted,
                        code => Event::TokenFailed(Cause::TokenRefused(code)),
                    });
                }
            }
            Body::BindDevice(bind) => self.event(Event::Bind {
                viewer: bind.viewer,
                name: bind.name.unwrap_or_default(),
                client_token,
            }),
            Body::UnbindDevice { viewer, .. } => self.event(Event::Unbind {
                viewer,
                client_token,
            }),
            Body::BindDeviceQueryReply(answer) if self.query.take().is_some() => {
                self.event(Event::HasOwner(answer.code == code::OK));
            }
            Body::ReportReply(answer) => self.reported(now, &client_token, &answer),
            Body::Control { .. } => {
                let answer =
                    Answer::new(code::BAD_VALUE, "this camera has no such property to set");
                self.send(
                    Message::new(client_token, Body::ControlReply(answer)),
                    false,
                );
            }
            Body::Action { .. } => {
                let body = Body::ActionReply {
                    answer: Answer::new(code::NOT_FOUND, "this camera has no such action"),
                    response: Json::object([]),
                };
                self.send(Message::new(client_token, body), false);
            }
            // Answers to what this camera does not ask.
            _ => {}
        }
    }

    fn reported(&mut self, now: Instant, client_token: &str, answer: &Answer) {
        match self.info.sent.take() {
            Some((text, asked)) if asked == client_token => {
                self.info.overdue = None;
                if answer.code == code::OK {
                    self.info.known = text;
                } else {
                    tracing::info!(code = answer.code, "the hub does not take the address");
                }
                self.report_info(now);
            }
            other => self.info.sent = other,
        }
    }

    fn time(&mut self, now: Instant, payload: &[u8]) {
        #[derive(Deserialize)]
        struct Time {
            /// Unix seconds.
            time: Option<u64>,
            /// Unix milliseconds when the answer left.
            ntptime2: Option<u64>,
        }
        let Ok(time) = serde_json::from_slice::<Time>(payload) else {
            return;
        };
        let Some(unix_ms) = time
            .ntptime2
            .or(time.time.and_then(|seconds| seconds.checked_mul(1_000)))
        else {
            return;
        };
        self.clock = (now, unix_ms);
        self.event(Event::Time(unix_ms));
    }

    fn send(&mut self, message: Message, at_least_once: bool) {
        let (_, kind) = message.place();
        self.outputs.push_back(Output::Publish {
            topic: Topic::up(kind, &self.device).to_string(),
            payload: Payload(message.encode()),
            at_least_once,
        });
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// `<deviceName>-<ms>`, never twice the same.
    fn client_token(&mut self, now: Instant) -> String {
        self.last_client_token = self.unix_ms(now).max(self.last_client_token + 1);
        format!("{}-{}", self.device.device_name, self.last_client_token)
    }

    fn unix_ms(&self, now: Instant) -> u64 {
        let (at, unix_ms) = self.clock;
        let since = now.saturating_duration_since(at);
        unix_ms.saturating_add(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// How long a login waits for the answer to its subscription before it goes on without (reference firmware: 2 x 1 s).
pub const SUBSCRIPTION: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
