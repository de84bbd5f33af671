//! What rmqtt asks us about every device: may it come in, may it say this, may it hear that.

use super::guard::Guard;
use super::{Decision, Device, Event, Login, Presence, Rules, Up};
use async_trait::async_trait;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, Register, ReturnType, Type};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, From, FromType, Id, LastWill, Publish, PublishAclResult, Subscribe,
    SubscribeAclResult,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long the rules may think about a login. Devices give up after 5 s (C-SDK, command timeout).
const LOGIN_LIMIT: Duration = Duration::from_secs(5);
/// How long a message waits for a hub that does not take events before its sender is disconnected and has to send it again.
const EVENT_LIMIT: Duration = Duration::from_secs(10);
/// Messages a second that one device may send, and how many it may send at once (documents, usage limits: 30 a second at QoS 0).
/// Faster ones wait: nothing is lost, the device's own socket fills.
const RATE: f64 = 30.0;
const BURST: f64 = 60.0;

/// Everything the hooks need, one for all of them.
pub(super) struct Hooks {
    pub(super) rules: Arc<dyn Rules>,
    /// Where the rules run: the hub's runtime, because their database connections belong to it.
    pub(super) hub: Handle,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) guard: Arc<Guard>,
    pub(super) rates: Rates,
    pub(super) online: Online,
}

impl Hooks {
    /// Puts all hooks in; a missing one would mean "allowed".
    pub(super) async fn register(self: &Arc<Self>, register: &dyn Register) {
        for asked in [
            Type::ClientAuthenticate,
            Type::ClientSubscribeCheckAcl,
            Type::MessagePublishCheckAcl,
            Type::MessagePublish,
            Type::SessionSubscribed,
            Type::ClientConnected,
            Type::ClientDisconnected,
        ] {
            register.add(asked, Box::new(Asked(Arc::clone(self)))).await;
        }
        register.start().await;
    }

    async fn login(&self, info: &ConnectInfo) -> AuthResult {
        let Some(peer) = info.id().remote_addr else {
            return AuthResult::NotAuthorized;
        };
        let asking = self.guard.hear(peer);
        let login = Login {
            client_id: info.client_id().to_string(),
            username: info
                .username()
                .map(|name| name.to_string())
                .unwrap_or_default(),
            password: info.password().cloned().unwrap_or_default(),
            peer: peer.ip().to_canonical(),
        };
        let device = match self.decide(&login).await {
            Decision::Admit(device) if device.client_id() == login.client_id => device,
            // The rules let in another than the one who asks: whatever that means, not this one.
            Decision::Admit(_) | Decision::WrongCredentials => {
                return AuthResult::BadUsernameOrPassword;
            }
            Decision::NotAuthorized | Decision::Unavailable => return AuthResult::NotAuthorized,
        };
        // A will is sent without asking MessagePublishCheckAcl: this is the only place where a foreign one can be stopped.
        let topic = match info.last_will() {
            Some(LastWill::V3(will)) => Some(&will.topic),
            Some(LastWill::V5(will)) => Some(&will.topic),
            None => None,
        };
        if topic.is_some_and(|topic| !self.rules.may_publish(&device, topic)) {
            tracing::info!(%device, "login refused: its will is for a topic that is not its own");
            return AuthResult::NotAuthorized;
        }
        asking.admit();
        // Never a superuser: that would skip the rules for topics.
        AuthResult::Allow(false, None)
    }

    async fn decide(&self, login: &Login) -> Decision {
        let rules = Arc::clone(&self.rules);
        let asked = login.clone();
        let asking = self.hub.spawn(async move { rules.login(&asked).await });
        match tokio::time::timeout(LOGIN_LIMIT, asking).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(_)) | Err(_) => Decision::Unavailable,
        }
    }

    fn may_subscribe(&self, session: &Session, wanted: &Subscribe) -> SubscribeAclResult {
        let allowed = device(session)
            .is_some_and(|device| self.rules.may_subscribe(&device, &wanted.topic_filter));
        if allowed {
            SubscribeAclResult::new_success(wanted.opts.qos(), None)
        } else {
            SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
        }
    }

    /// Asks the rules and, as this is the last word on a message, hands it to the hub.
    async fn may_publish(&self, session: &Session, message: &Publish) -> PublishAclResult {
        let Some(device) = device(session) else {
            return PublishAclResult::rejected(true, None);
        };
        if !self.rules.may_publish(&device, &message.topic) {
            return PublishAclResult::rejected(false, None);
        }
        self.rates.wait(&device).await;
        if self.up(device, message).await {
            PublishAclResult::allow()
        } else {
            PublishAclResult::rejected(true, None)
        }
    }

    async fn up(&self, device: Device, message: &Publish) -> bool {
        let topic = message.topic.to_string();
        let payload = message.payload.clone();
        self.tell(Event::Up(Up {
            device,
            topic,
            payload,
        }))
        .await
    }

    async fn came(&self, session: &Session) {
        if let Some(device) = device(session) {
            let _in_order = self.online.telling.lock().await;
            self.online.add(&device, &session.id);
            self.presence(device, &session.id, true).await;
        }
    }

    async fn went(&self, device: Device, id: &Id) {
        if let Some(peer) = id.remote_addr {
            self.guard.forget(peer);
        }
        let _in_order = self.online.telling.lock().await;
        // Not twice, when the search for lost sessions was faster.
        if self.online.remove(&device, id) {
            self.rates.forget(&device);
            self.presence(device, id, false).await;
        }
    }

    async fn presence(&self, device: Device, id: &Id, online: bool) {
        let peer = id.remote_addr.map(|address| address.ip().to_canonical());
        self.tell(Event::Presence(Presence {
            device,
            online,
            peer,
        }))
        .await;
    }

    /// Finds devices whose session has ended without a word: rmqtt says "connected" before it sends CONNACK, and nothing more
    /// when that fails because the device has hung up.
    pub(super) async fn find_lost(&self, context: &ServerContext) {
        let mut lost = Vec::new();
        {
            let shared = context.extends.shared().await;
            for (device, id) in self.online.all() {
                let is_current = |session: Session| session.id == id;
                let entry = shared.entry(id.clone());
                let runs = entry.tx().is_some_and(|sender| !sender.is_closed())
                    && entry.session().is_some_and(is_current);
                if !runs {
                    lost.push((device, id));
                }
            }
        }
        for (device, id) in lost {
            self.went(device, &id).await;
        }
    }

    async fn tell(&self, event: Event) -> bool {
        let told = self.events.send_timeout(event, EVENT_LIMIT).await;
        if let Err(error) = &told {
            tracing::warn!("the hub does not take events from its broker: {error}");
        }
        told.is_ok()
    }
}

fn device(session: &Session) -> Option<Device> {
    Device::from_client_id(&session.id.client_id).ok()
}

/// One registered hook; rmqtt wants one object a type.
struct Asked(Arc<Hooks>);

#[async_trait]
impl Handler for Asked {
    async fn hook(&self, asked: &Parameter, before: Option<HookResult>) -> ReturnType {
        let hooks = &self.0;
        match asked {
            Parameter::ClientAuthenticate(info) => {
                let result = hooks.login(info).await;
                (false, Some(HookResult::AuthResult(result)))
            }
            Parameter::ClientSubscribeCheckAcl(session, wanted) => {
                let result = hooks.may_subscribe(session, wanted);
                (false, Some(HookResult::SubscribeAclResult(result)))
            }
            Parameter::MessagePublishCheckAcl(session, message) => {
                let result = hooks.may_publish(session, message).await;
                (false, Some(HookResult::PublishAclResult(result)))
            }
            // Only wills: everything else passes MessagePublishCheckAcl afterwards.
            Parameter::MessagePublish(_, from, message) if is_will(from) => {
                if let Ok(device) = Device::from_client_id(&from.client_id) {
                    hooks.up(device, message).await;
                }
                (true, before)
            }
            Parameter::SessionSubscribed(session, wanted) => {
                if let Some(device) = device(session) {
                    let filter = wanted.topic_filter.to_string();
                    hooks.tell(Event::Subscribed { device, filter }).await;
                }
                (true, before)
            }
            Parameter::ClientConnected(session) => {
                hooks.came(session).await;
                (true, before)
            }
            Parameter::ClientDisconnected(session, _) => {
                if let Some(device) = device(session) {
                    hooks.went(device, &session.id).await;
                }
                (true, before)
            }
            _ => (true, before),
        }
    }
}

fn is_will(from: &From) -> bool {
    matches!(from.typ(), FromType::LastWill)
}

/// How fast each device talks: a bucket of [`BURST`] messages that fills with [`RATE`] a second.
#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<Device, (f64, Instant)>>);

impl Rates {
    /// Waits until this device may say one more thing.
    async fn wait(&self, device: &Device) {
        let pause = self.take(device, Instant::now());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes one message from the bucket, and says after how long it is really there.
    fn take(&self, device: &Device, now: Instant) -> Duration {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, filled) = buckets.entry(device.clone()).or_insert((BURST, now));
        let gained = now.saturating_duration_since(*filled).as_secs_f64() * RATE;
        *level = (*level + gained).min(BURST) - 1.0;
        *filled = now;
        // Below zero the next message is already spent.
        Duration::from_secs_f64((-*level / RATE).max(0.0))
    }

    fn forget(&self, device: &Device) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.remove(device);
    }
}

/// Which devices are connected, each by the session that it has now.
#[derive(Default)]
pub(super) struct Online {
    sessions: Mutex<HashMap<Device, Id>>,
    /// Held from the change to its telling, so that they are told in the order in which they happened.
    telling: tokio::sync::Mutex<()>,
}

impl Online {
    pub(super) fn count(&self) -> usize {
        self.map().len()
    }

    /// Everybody has gone, with the broker itself.
    pub(super) fn clear(&self) {
        self.map().clear();
    }

    fn all(&self) -> Vec<(Device, Id)> {
        let map = self.map();
        map.iter()
            .map(|(device, id)| (device.clone(), id.clone()))
            .collect()
    }

    fn add(&self, device: &Device, id: &Id) {
        self.map().insert(device.clone(), id.clone());
    }

    /// Whether this very session was there.
    fn remove(&self, device: &Device, id: &Id) -> bool {
        let mut map = self.map();
        let was_there = map.get(device).is_some_and(|now| now == id);
        if was_there {
            map.remove(device);
        }
        was_there
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<Device, Id>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_talks_too_fast_is_slowed_to_the_documents_rate() {
        let device = Device::new("ABCDE12345", "cam_01").unwrap();
        let (rates, start) = (Rates::default(), Instant::now());
        for _ in 0..60 {
            assert_eq!(rates.take(&device, start), Duration::ZERO);
        }
        let pause = rates.take(&device, start);
        assert!((pause.as_secs_f64() - 1.0 / 30.0).abs() < 1e-6);
        // A minute later the bucket is full, not fuller.
        let later = start + Duration::from_secs(60);
        for _ in 0..60 {
            assert_eq!(rates.take(&device, later), Duration::ZERO);
        }
        assert!(!rates.take(&device, later).is_zero());
    }

    #[test]
    fn one_device_does_not_slow_another() {
        let talker = Device::new("ABCDE12345", "cam_01").unwrap();
        let other = Device::new("ABCDE12345", "cam_02").unwrap();
        let (rates, now) = (Rates::default(), Instant::now());
        for _ in 0..100 {
            rates.take(&talker, now);
        }
        assert_eq!(rates.take(&other, now), Duration::ZERO);
    }
}
