//! What cameras say over MQTT, and what the hub answers.
//!
//! Messages of one camera are handled in the order they came; several cameras at the same time.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wire::Json;
use wire::thing::{Answer, Body, Direction, Kind, Message, Topic, XP2P_INFO, code};
use wire::token::Token;
use wire::xp2p_info::Xp2pInfo;

use crate::broker::{Event, Up};
use crate::courier;
use crate::hub::core::Core;
use crate::limit::Limiter;
use crate::store::{MAX_PROPERTIES, Report, Task, now_ms};
use crate::{Device, HubEvent, Result};

/// Cameras whose messages are handled at the same time.
const WORKERS: usize = 8;
/// Events that wait for one worker.
const QUEUE: usize = 256;
/// Longest name of a property, bytes.
const MAX_NAME: usize = 64;
/// Longest value of a property, bytes of JSON.
const MAX_VALUE: usize = 4096;

/// Takes the broker's events until it ends.
pub(crate) async fn run(core: Arc<Core>, mut events: mpsc::Receiver<Event>) {
    let things = Arc::new(Things {
        wrong_tokens: Limiter::new(core.limits.wrong_per_minute),
        core,
    });
    let mut tasks = JoinSet::new();
    let workers: Vec<mpsc::Sender<Event>> = (0..WORKERS)
        .map(|_| {
            let (sender, mut queue) = mpsc::channel(QUEUE);
            let things = things.clone();
            tasks.spawn(async move {
                while let Some(event) = queue.recv().await {
                    things.handle(event).await;
                }
            });
            sender
        })
        .collect();
    while let Some(event) = events.recv().await {
        let mut hasher = DefaultHasher::new();
        device_of(&event).hash(&mut hasher);
        let worker = usize::try_from(hasher.finish() % WORKERS as u64).unwrap_or(0);
        if workers[worker].send(event).await.is_err() {
            return;
        }
    }
}

fn device_of(event: &Event) -> &Device {
    match event {
        Event::Presence(presence) => &presence.device,
        Event::Subscribed { device, .. } => device,
        Event::Up(up) => &up.device,
    }
}

struct Things {
    core: Arc<Core>,
    /// Wrong tokens by camera: nobody guesses tokens through a camera's login.
    wrong_tokens: Limiter<Device>,
}

impl Things {
    async fn handle(&self, event: Event) {
        let device = device_of(&event).clone();
        let done = match event {
            Event::Presence(presence) => self.presence(&device, presence.online).await,
            Event::Subscribed { .. } => {
                self.core.wake.notify_one();
                Ok(())
            }
            Event::Up(up) => self.up(&device, &up).await,
        };
        if let Err(error) = done {
            tracing::error!(%device, %error, "a camera's message was not handled");
        }
    }

    async fn presence(&self, device: &Device, online: bool) -> Result<()> {
        self.core.store.set_online(device, online, now_ms()).await?;
        if online {
            self.core.wake.notify_one();
        }
        self.core.tell(HubEvent::Presence {
            device: device.clone(),
            online,
        });
        Ok(())
    }

    async fn up(&self, device: &Device, up: &Up) -> Result<()> {
        self.core.metrics.messages.add();
        if up.topic.starts_with("$sys/operation/") {
            self.time(device, &up.payload).await;
            return Ok(());
        }
        // The broker has checked that the topic is the device's own.
        let Ok(topic) = up.topic.parse::<Topic>() else {
            return Ok(());
        };
        match Message::decode(Direction::Up, topic.kind, &up.payload) {
            Ok(message) => self.message(device, message).await,
            Err(error) => {
                self.core.metrics.messages_refused.add();
                tracing::info!(%device, %error, "a camera's message is not understood");
                if let Some(answer) = unreadable(topic.kind, &up.payload) {
                    self.core.say(device, &answer).await;
                }
                Ok(())
            }
        }
    }

    async fn message(&self, device: &Device, message: Message) -> Result<()> {
        let core = &self.core;
        let client_token = message.client_token;
        let answer = match message.body {
            Body::AppBindToken { token } => {
                Body::AppBindTokenReply(self.token(device, &token).await?)
            }
            Body::BindDeviceReply(answer) => {
                return courier::confirmed(core, device, Task::Bind, &client_token, &answer).await;
            }
            Body::UnbindDeviceReply(answer) => {
                return courier::confirmed(core, device, Task::Unbind, &client_token, &answer)
                    .await;
            }
            Body::BindDeviceQuery { .. } => {
                core.wake.notify_one();
                let known = core.store.device(device).await?;
                Body::BindDeviceQueryReply(match known.and_then(|known| known.owner) {
                    Some(_) => Answer::ok(),
                    None => Answer::new(code::NOT_FOUND, "not bound"),
                })
            }
            Body::Report { params, .. } => Body::ReportReply(self.report(device, &params).await?),
            Body::ReportInfo { params } => Body::ReportInfoReply(self.keep(device, &params).await?),
            Body::GetStatus { .. } => Body::GetStatusReply {
                answer: Answer::ok(),
                report: self.status(device).await?,
            },
            Body::EventPost {
                event_id, params, ..
            } => {
                core.tell(HubEvent::Event {
                    device: device.clone(),
                    event_id,
                    params: params.to_string(),
                });
                Body::EventReply(Answer::ok())
            }
            // Answers to what an owner's app said: it reads the values that the camera reports afterwards.
            _ => return Ok(()),
        };
        core.say(device, &Message::new(client_token, answer)).await;
        Ok(())
    }

    async fn token(&self, device: &Device, token: &Token) -> Result<Answer> {
        let metrics = &self.core.metrics;
        if self.wrong_tokens.is_spent(device, Instant::now()) {
            metrics.token_reports_refused.add();
            return Ok(Answer::new(
                code::TOO_MANY,
                "too many wrong tokens, wait a minute",
            ));
        }
        let report = self
            .core
            .store
            .report_token(token, device, now_ms())
            .await?;
        let (code, words) = match report {
            Report::Accepted => {
                self.core.tell(HubEvent::TokenReported {
                    token: token.clone(),
                    device: device.clone(),
                });
                metrics.token_reports.add();
                return Ok(Answer::ok());
            }
            Report::Again => return Ok(Answer::ok()),
            Report::Unknown => (code::NOT_FOUND, "no such token"),
            Report::Expired => (code::EXPIRED, "the token has expired"),
            Report::Taken => (code::USED, "another camera reported this token"),
            Report::NotYours => (code::FORBIDDEN, "this camera belongs to another owner"),
        };
        metrics.token_reports_refused.add();
        self.wrong_tokens.count(device, Instant::now());
        tracing::info!(%device, code, words, "a pairing token was refused");
        Ok(Answer::new(code, words))
    }

    async fn report(&self, device: &Device, params: &Json) -> Result<Answer> {
        let xp2p_info = params.get(XP2P_INFO);
        let text = xp2p_info.as_ref().and_then(Json::as_str);
        let is_readable = text.is_some_and(|text| text.parse::<Xp2pInfo>().is_ok());
        if xp2p_info.is_some() && !is_readable {
            let words = "_sys_xp2p_info has another form than XP2P + base64 + % + version";
            return Ok(Answer::new(code::BAD_VALUE, words));
        }
        let answer = self.keep(device, params).await?;
        if answer.code != code::OK {
            return Ok(answer);
        }
        if let Some(text) = text {
            let is_news = self.core.store.set_xp2p_info(device, text).await?;
            if is_news {
                self.core.tell(HubEvent::Xp2pInfo {
                    device: device.clone(),
                    xp2p_info: text.to_owned(),
                });
            }
        }
        self.core.tell(HubEvent::Properties {
            device: device.clone(),
            params: params.to_string(),
        });
        Ok(answer)
    }

    /// Keeps reported values as the camera's last ones.
    async fn keep(&self, device: &Device, params: &Json) -> Result<Answer> {
        let mut values = Vec::new();
        for name in params.keys() {
            let value = params
                .get(name)
                .map(|value| value.to_string())
                .unwrap_or_default();
            if name.is_empty() || name.len() > MAX_NAME || value.len() > MAX_VALUE {
                let words = format!(
                    "a property has a name of 1 to {MAX_NAME} bytes and a value of at most {MAX_VALUE}"
                );
                return Ok(Answer::new(code::BAD_VALUE, &words));
            }
            values.push((name.to_owned(), value));
        }
        let has_room = self
            .core
            .store
            .put_properties(device, &values, now_ms())
            .await?;
        Ok(if has_room {
            Answer::ok()
        } else {
            let words = format!("a camera has at most {MAX_PROPERTIES} properties");
            Answer::new(code::BAD_VALUE, &words)
        })
    }

    /// The last values as one object.
    async fn status(&self, device: &Device) -> Result<Json> {
        let values = self.core.store.properties(device).await?;
        let object: serde_json::Map<String, Value> = values
            .into_iter()
            .map(|(name, value, _)| (name, serde_json::from_str(&value).unwrap_or_default()))
            .collect();
        let none = || Json::object([]);
        Ok(Json::parse(&Value::Object(object).to_string()).unwrap_or_else(|_| none()))
    }

    /// `$sys/operation`: the hub's clock for cameras that have none (IoT Hub, NTP service).
    async fn time(&self, device: &Device, payload: &[u8]) {
        let came = now_ms();
        let wants_time = serde_json::from_slice::<Value>(payload).is_ok_and(|request| {
            let resources = request["resource"].as_array();
            request["type"] == "get"
                && resources.is_some_and(|all| all.iter().any(|one| one == "time"))
        });
        if !wants_time {
            self.core.metrics.messages_refused.add();
            return;
        }
        let answer = json!({
            "type": "get",
            "time": came / 1000,
            "ntptime1": came,
            "ntptime2": now_ms(),
        });
        let topic = format!("$sys/operation/result/{device}");
        self.core.push(&topic, answer.to_string()).await;
    }
}

/// The answer to a message that cannot be read, if it can be seen what it wanted: a camera that waits for an answer shall
/// hear that there is none to come.
fn unreadable(kind: Kind, payload: &[u8]) -> Option<Message> {
    let object: Value = serde_json::from_slice(payload).ok()?;
    let client_token = object["clientToken"].as_str().unwrap_or_default();
    if client_token.len() > wire::thing::MAX_CLIENT_TOKEN_BYTES {
        return None;
    }
    let refused = |code| Answer::new(code, "the message cannot be read");
    let body = match (kind, object["method"].as_str()?) {
        (Kind::Service, "app_bind_token") => Body::AppBindTokenReply(refused(code::BAD_REQUEST)),
        (Kind::Property, "report") => Body::ReportReply(refused(code::BAD_VALUE)),
        (Kind::Property, "report_info") => Body::ReportInfoReply(refused(code::BAD_VALUE)),
        (Kind::Event, "event_post") => Body::EventReply(refused(code::BAD_VALUE)),
        _ => return None,
    };
    Some(Message::new(client_token, body))
}
