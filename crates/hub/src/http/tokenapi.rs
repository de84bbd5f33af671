//! The documents' application API: one path, the call's name in `Action`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wire::device::Device;
use wire::token::Token;

use crate::api::{self, Answer, BoundData, DeviceList, Listed, NewToken, Request};
use crate::desk::{Desk, Local, TokenState, Viewer};
use crate::hub::core::Core;
use crate::limit::{Limiter, household};
use crate::{Error, Refusal, Result};

/// Cameras in a page, if the call does not say.
const PAGE: u64 = 20;
/// Cameras that one AppGetDeviceStatuses may name (the documents' limit).
const MAX_STATUSES: usize = 1000;
/// Longest RequestId that is given back, bytes.
const MAX_REQUEST_ID: usize = 64;

/// Answers calls.
pub(crate) struct TokenApi {
    core: Arc<Core>,
    /// Wrong access tokens by address.
    wrong: Limiter<IpAddr>,
}

impl TokenApi {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            wrong: Limiter::new(core.limits.wrong_per_minute),
            core,
        }
    }

    /// The answer to a body, whatever it holds.
    pub(crate) async fn answer(&self, peer: IpAddr, body: &[u8]) -> Answer {
        // An object: the fields in a list, without their names, would be read as well.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let request = serde_json::from_slice::<Request>(body);
        let Some(request) = request.ok().filter(|_| is_object) else {
            return self.refused(Refusal::InvalidParameter, "");
        };
        let is_short = request.request_id.len() <= MAX_REQUEST_ID;
        let request_id = if is_short { &*request.request_id } else { "" };
        match self.call(peer, &request).await {
            Ok(data) => Answer::good(data, request_id),
            Err(error) => {
                let refusal = error.refusal().unwrap_or_else(|| {
                    tracing::error!(action = request.action, %error, "a call failed");
                    Refusal::InternalError
                });
                self.refused(refusal, request_id)
            }
        }
    }

    fn refused(&self, refusal: Refusal, request_id: &str) -> Answer {
        self.core.metrics.requests_refused.add();
        Answer::refused(refusal, request_id)
    }

    async fn call(&self, peer: IpAddr, request: &Request) -> Result<Value> {
        let desk = self.desk(peer, &request.access_token).await?;
        match request.action.as_str() {
            "AppCreateDeviceBindToken" => create_token(&desk, request).await,
            "AppGetDeviceBindTokenState" => token_state(&desk, request).await,
            "AppTokenBindDeviceFamily" => bind(&desk, request).await,
            "AppDeleteDeviceInFamily" => {
                check_family(request)?;
                desk.unbind(&device(request)?).await?;
                Ok(json!({}))
            }
            "AppGetFamilyDeviceList" => list(&desk, request).await,
            "AppGetDeviceStatuses" => statuses(&desk, request).await,
            "AppGetDeviceData" => {
                let data = desk.device_data(&device(request)?).await?;
                // The documents put JSON into a string here.
                Ok(json!({"Data": data.to_string()}))
            }
            "AppControlDeviceData" => {
                let data = request.data.as_deref().ok_or(Refusal::InvalidParameter)?;
                desk.control(&device(request)?, data).await?;
                Ok(json!({}))
            }
            _ => Err(Refusal::InvalidAction.into()),
        }
    }

    /// The desk of the owner whom the access token speaks for.
    async fn desk(&self, peer: IpAddr, access_token: &str) -> Result<Local> {
        let (peer, now) = (household(peer), Instant::now());
        if self.wrong.is_spent(&peer, now) {
            return Err(Refusal::TooMany.into());
        }
        let owner = match access_token {
            "" => None,
            text => self.core.store.owner_of(&access_hash(text)).await?,
        };
        match owner {
            Some(owner) => Ok(Local::new(self.core.clone(), owner)),
            None => {
                self.wrong.count(&peer, now);
                Err(Refusal::InvalidAccessToken.into())
            }
        }
    }
}

/// As which an access token is kept: SHA-256, hex. It holds 256 random bits, so that no slow hash is needed.
pub(crate) fn access_hash(access_token: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(access_token.as_bytes()))
}

async fn create_token(desk: &Local, request: &Request) -> Result<Value> {
    let key = request.viewer_key.as_deref();
    let viewer = Viewer {
        key: key
            .and_then(|key| key.parse().ok())
            .ok_or(Refusal::InvalidParameterValue)?,
        name: request.viewer_name.clone().unwrap_or_default(),
    };
    let issued = desk.create_token(&viewer).await?;
    data(&NewToken {
        token: issued.token.as_str().to_owned(),
        expires_in: issued.lifetime.as_secs(),
    })
}

async fn token_state(desk: &Local, request: &Request) -> Result<Value> {
    let (state, device, outcome) = match desk.token_state(&token(request)?).await? {
        TokenState::Created => (1, None, None),
        TokenState::Reported(device) => (2, Some(device), None),
        TokenState::Refused(device) => (1, Some(device), Some("refused")),
        TokenState::Bound(device) => (2, Some(device), Some("bound")),
    };
    let names = device.map(|device| {
        (
            device.product_id.to_string(),
            device.device_name.to_string(),
        )
    });
    let (product_id, device_name) = names.unzip();
    data(&api::State {
        state,
        product_id,
        device_name,
        outcome: outcome.map(str::to_owned),
    })
}

async fn bind(desk: &Local, request: &Request) -> Result<Value> {
    check_family(request)?;
    let (token, wanted) = (token(request)?, device(request)?);
    match desk.token_state(&token).await? {
        TokenState::Reported(device) | TokenState::Bound(device) if device != wanted => {
            return Err(Refusal::TokenUsed.into());
        }
        _ => {}
    }
    let bound = desk.bind(&token).await?;
    data(&BoundData {
        product_id: bound.device.product_id.to_string(),
        device_name: bound.device.device_name.to_string(),
        camera_id: bound.camera.map(|camera| camera.to_string()),
        xp2p_info: bound.xp2p_info,
        confirmed: bound.confirmed,
    })
}

async fn list(desk: &Local, request: &Request) -> Result<Value> {
    check_family(request)?;
    let devices = desk.devices().await?;
    let (offset, limit) = (number(&request.offset, 0)?, number(&request.limit, PAGE)?);
    let page = devices.iter().skip(offset).take(limit);
    let device_list = page.map(|state| Listed {
        device_id: state.device.to_string(),
        product_id: state.device.product_id.to_string(),
        device_name: state.device.device_name.to_string(),
        family_id: api::FAMILY.to_owned(),
        online: u8::from(state.online),
        seen_ms: state.seen_ms,
        camera_id: state.camera.map(|camera| camera.to_string()),
        xp2p_info: state.xp2p_info.clone(),
        confirmed: state.confirmed,
    });
    data(&DeviceList {
        total: devices.len(),
        device_list: device_list.collect(),
    })
}

async fn statuses(desk: &Local, request: &Request) -> Result<Value> {
    let ids = request
        .device_ids
        .as_ref()
        .ok_or(Refusal::InvalidParameter)?;
    if ids.len() > MAX_STATUSES {
        return Err(Refusal::InvalidParameterValue.into());
    }
    let devices = desk.devices().await?;
    let statuses: Vec<Value> = ids
        .iter()
        .filter_map(|id| {
            let device: Device = id.parse().ok()?;
            let state = devices.iter().find(|state| state.device == device)?;
            Some(json!({"DeviceId": id, "Online": u8::from(state.online)}))
        })
        .collect();
    Ok(json!({"DeviceStatuses": statuses}))
}

fn data<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::Store {
        doing: "write an answer",
        reason: error.to_string(),
    })
}

fn token(request: &Request) -> Result<Token> {
    let text = request.token.as_deref().ok_or(Refusal::InvalidParameter)?;
    // What has not even the form of a token does not exist either.
    text.parse().map_err(|_| Refusal::TokenNotExist.into())
}

/// The camera by `ProductId` and `DeviceName`, or by `DeviceId`.
fn device(request: &Request) -> Result<Device> {
    let names = request
        .product_id
        .as_deref()
        .zip(request.device_name.as_deref());
    let device = match (names, request.device_id.as_deref()) {
        (Some((product_id, device_name)), _) => Device::new(product_id, device_name),
        (None, Some(id)) => id.parse(),
        (None, None) => return Err(Refusal::InvalidParameter.into()),
    };
    device.map_err(|_| Refusal::InvalidParameterValue.into())
}

fn check_family(request: &Request) -> Result<()> {
    match request.family_id.as_deref() {
        None | Some("" | api::FAMILY) => Ok(()),
        Some(_) => Err(Refusal::FamilyNotExist.into()),
    }
}

/// A number, or a number as text, as the documents' apps send both.
fn number(value: &Option<Value>, missing: u64) -> Result<usize> {
    let number = match value {
        None | Some(Value::Null) => Some(missing),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| Refusal::InvalidParameterValue.into())
}
