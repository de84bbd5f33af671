//! The desk in the hub's own process; the HTTPS API stands on it too.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wire::device::Device;
use wire::hub::HubAddress;
use wire::relay::RelayAddress;
use wire::thing::{Body, Message};
use wire::token::Token;

use super::{Bound, Desk, DeviceState, Issued, TokenState, Viewer};
use crate::hub::core::Core;
use crate::store::{DeviceRow, State, TokenRow, now_ms};
use crate::{Error, Refusal, Result};

/// How long `bind` waits for the camera's confirmation.
const CONFIRMATION: Duration = Duration::from_secs(3);
/// How often it looks; the confirmation may arrive at another hub of the same database.
const LOOK: Duration = Duration::from_millis(50);
/// One minute of the limits, in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// Longest text of properties that an app may send to a camera, bytes.
const MAX_CONTROL: usize = 16 << 10;

/// One owner's desk.
pub(crate) struct Local {
    core: Arc<Core>,
    owner: String,
}

impl Local {
    pub(crate) fn new(core: Arc<Core>, owner: impl Into<String>) -> Self {
        Self {
            core,
            owner: owner.into(),
        }
    }

    /// The token, if it is this owner's.
    async fn own_token(&self, token: &Token) -> Result<TokenRow> {
        let row = self.core.store.token(token).await?;
        row.filter(|row| row.owner == self.owner)
            .ok_or_else(|| Refusal::TokenNotExist.into())
    }

    /// The camera, if it is this owner's.
    pub(crate) async fn own_device(&self, device: &Device) -> Result<DeviceRow> {
        let row = self.core.store.device(device).await?;
        row.filter(|row| row.owner.as_deref() == Some(&self.owner))
            .ok_or_else(|| Refusal::DeviceNotExist.into())
    }

    /// The camera's last values as a JSON object: `{name: {"Value", "LastUpdate"}}` (AppGetDeviceData).
    pub(crate) async fn device_data(&self, device: &Device) -> Result<serde_json::Value> {
        self.own_device(device).await?;
        let values = self.core.store.properties(device).await?;
        let object = values.into_iter().map(|(name, value, updated)| {
            let value: serde_json::Value = serde_json::from_str(&value).unwrap_or_default();
            let entry = serde_json::json!({"Value": value, "LastUpdate": updated});
            (name, entry)
        });
        Ok(serde_json::Value::Object(object.collect()))
    }

    /// Sends new values to the camera (AppControlDeviceData).
    pub(crate) async fn control(&self, device: &Device, data: &str) -> Result<()> {
        if !self.own_device(device).await?.online {
            return Err(Refusal::DeviceOffline.into());
        }
        let is_object = data.len() <= MAX_CONTROL
            && serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(data).is_ok();
        let params = wire::Json::parse(data).ok().filter(|_| is_object);
        let params = params.ok_or(Refusal::InvalidParameterValue)?;
        let client_token = format!("control-{}", now_ms());
        let message = Message::new(client_token, Body::Control { params });
        self.core.say(device, &message).await;
        Ok(())
    }

    async fn bound(&self, row: &TokenRow, device: Device) -> Result<Bound> {
        let store = &self.core.store;
        let deadline = tokio::time::Instant::now() + CONFIRMATION;
        loop {
            let confirmed = store.is_confirmed(&device, &row.viewer).await?;
            let known = self.own_device(&device).await?;
            // A camera that is away will not answer soon.
            if confirmed || !known.online || tokio::time::Instant::now() >= deadline {
                return Ok(Bound {
                    camera: known.camera.and_then(|key| key.parse().ok()),
                    xp2p_info: known.xp2p_info,
                    device,
                    confirmed,
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[async_trait]
impl Desk for Local {
    async fn address(&self) -> Result<HubAddress> {
        Ok(self.core.address())
    }

    async fn relay(&self) -> Result<Option<RelayAddress>> {
        Ok(self.core.relay_address())
    }

    async fn create_token(&self, viewer: &Viewer) -> Result<Issued> {
        if viewer.name.len() > wire::MAX_NAME_BYTES {
            return Err(Refusal::InvalidParameterValue.into());
        }
        let (store, limits) = (&self.core.store, &self.core.limits);
        let now = now_ms();
        let made = store.tokens_made(&self.owner, now - MINUTE_MS).await?;
        if made >= i64::from(limits.tokens_per_minute) {
            return Err(Refusal::TooMany.into());
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
        let token = Token::from_bytes(bytes);
        let life = i64::try_from(limits.token_life().as_millis()).unwrap_or(i64::MAX);
        let viewer_key = viewer.key.to_string();
        store
            .add_token(
                &token,
                &self.owner,
                (&viewer_key, &viewer.name),
                now,
                now.saturating_add(life),
            )
            .await?;
        self.core.metrics.tokens.add();
        Ok(Issued {
            token,
            lifetime: limits.token_life(),
        })
    }

    async fn token_state(&self, token: &Token) -> Result<TokenState> {
        let row = self.own_token(token).await?;
        let is_over = row.expires <= now_ms();
        match row.state {
            State::Bound(device) => Ok(TokenState::Bound(device)),
            _ if is_over => Err(Refusal::TokenIsExpire.into()),
            State::Refused(device) => Ok(TokenState::Refused(device)),
            State::Reported(device) => Ok(TokenState::Reported(device)),
            State::Made => Ok(TokenState::Created),
        }
    }

    async fn bind(&self, token: &Token) -> Result<Bound> {
        let row = self.own_token(token).await?;
        let store = &self.core.store;
        let device = match &row.state {
            State::Bound(device) => return self.bound(&row, device.clone()).await,
            _ if row.expires <= now_ms() => return Err(Refusal::TokenIsExpire.into()),
            State::Made => return Err(Refusal::TokenNotBind.into()),
            State::Refused(_) => return Err(Refusal::BoundToAnother.into()),
            State::Reported(device) => device.clone(),
        };
        let mut others = store.devices_of(&self.owner).await?;
        others.retain(|known| known.device != device);
        if others.len() >= usize::try_from(self.core.limits.devices_per_owner).unwrap_or(usize::MAX)
        {
            return Err(Refusal::TooManyDevices.into());
        }
        if !store.bind_by_token(token, &row, &device, now_ms()).await? {
            // Another call was faster, with this token or for another owner.
            return match self.own_token(token).await?.state {
                State::Bound(device) => self.bound(&row, device).await,
                _ => Err(Refusal::BoundToAnother.into()),
            };
        }
        tracing::info!(%device, owner = self.owner, "bound");
        self.core.wake.notify_one();
        self.bound(&row, device).await
    }

    async fn unbind(&self, device: &Device) -> Result<()> {
        if !self
            .core
            .store
            .unbind(device, &self.owner, now_ms())
            .await?
        {
            return Err(Refusal::DeviceNotExist.into());
        }
        tracing::info!(%device, owner = self.owner, "unbound");
        self.core.wake.notify_one();
        self.core.dismiss(device).await
    }

    async fn devices(&self) -> Result<Vec<DeviceState>> {
        let rows = self.core.store.devices_of(&self.owner).await?;
        Ok(rows.into_iter().map(DeviceState::from).collect())
    }
}

impl From<DeviceRow> for DeviceState {
    fn from(row: DeviceRow) -> Self {
        Self {
            device: row.device,
            camera: row.camera.and_then(|key| key.parse().ok()),
            online: row.online,
            seen_ms: row.seen,
            xp2p_info: row.xp2p_info,
            confirmed: row.confirmed,
        }
    }
}
