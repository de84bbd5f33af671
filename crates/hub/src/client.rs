//! An owner's desk over HTTPS: the same calls as in the process of the hub, and the same answers.
//!
//! The hub is known by its key alone (the pin of the [`Invitation`]): no certificate authority, no name and no date is asked, so a camera or
//! an app without a clock gets in, and nobody else's certificate does.

mod invitation;
mod pinned;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wire::device::Device;
use wire::hub::HubAddress;
use wire::relay::RelayAddress;
use wire::token::Token;

use crate::api::{self, Answer, BoundData, DeviceList, NewToken, Request, State};
use crate::desk::{Bound, Desk, DeviceState, Issued, TokenState, Viewer};
use crate::{Error, Refusal, Result, tls};

pub use invitation::{AccessToken, Invitation, SCHEME};
pub use pinned::pinned_config;

/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that is read, bytes.
const MAX_ANSWER: usize = 1 << 20;
/// Cameras asked for at a time: the documents' page.
const PAGE: usize = 20;

/// An owner's desk at a hub somewhere else. Every call is a connection of its own: a viewer changes networks while it pairs.
#[derive(Debug, Clone)]
pub struct Client {
    invitation: Invitation,
    tls: Arc<rustls::ClientConfig>,
}

impl Client {
    /// A desk at the hub of this invitation; nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn new(invitation: Invitation) -> Result<Self> {
        let tls = pinned_config(&invitation.hub.pin)?;
        Ok(Self { invitation, tls })
    }

    fn place(&self) -> String {
        self.invitation.hub.http_authority()
    }

    /// One call of the documents' API: its data.
    async fn call<T: DeserializeOwned>(&self, action: &str, mut request: Request) -> Result<T> {
        request.action = action.to_owned();
        request.request_id = request_id()?;
        request.access_token = self.invitation.access.as_str().to_owned();
        let body = serde_json::to_vec(&request).map_err(|error| self.bad_answer(&error))?;
        let request = hyper::Request::post(api::PATH)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)));
        let (_, bytes) = self.exchange(request).await?;
        let answer: Answer =
            serde_json::from_slice(&bytes).map_err(|error| self.bad_answer(&error))?;
        let response = answer.response;
        if let Some(failure) = response.error {
            return Err(match failure.code.parse::<Refusal>() {
                Ok(refusal) => refusal.into(),
                Err(unknown) => self.bad_answer(&unknown),
            });
        }
        serde_json::from_value(response.data.unwrap_or_default())
            .map_err(|error| self.bad_answer(&error))
    }

    /// Sends a request and reads the whole answer.
    async fn exchange(
        &self,
        request: hyper::http::Result<hyper::Request<Full<Bytes>>>,
    ) -> Result<(StatusCode, Bytes)> {
        let mut request = request.map_err(|error| self.bad_answer(&error))?;
        let host = HeaderValue::from_str(&self.place()).map_err(|error| self.bad_answer(&error))?;
        request.headers_mut().insert(HOST, host);
        tokio::time::timeout(PATIENCE, self.send(request))
            .await
            .map_err(|_| self.unreachable(&"no answer in 10 s"))?
    }

    async fn send(&self, request: hyper::Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
        let hub = &self.invitation.hub;
        let socket = TcpStream::connect((hub.host.as_str(), hub.http_port))
            .await
            .map_err(|error| self.unreachable(&error))?;
        let name = ServerName::try_from(tls::SERVER_NAME)
            .map_err(|error| Error::Tls(error.to_string()))?;
        let stream = TlsConnector::from(self.tls.clone())
            .connect(name, socket)
            .await
            .map_err(|error| match pinned::is_wrong_key(&error) {
                true => Error::WrongKey {
                    address: self.place(),
                },
                false => self.unreachable(&error),
            })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unreachable(&error))?;
        let driver = tokio::spawn(connection);
        let answer = async {
            let answer = sender.send_request(request).await;
            let answer = answer.map_err(|error| self.unreachable(&error))?;
            let status = answer.status();
            let whole = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            whole
                .map(|whole| (status, whole.to_bytes()))
                .map_err(|error| self.unreachable(&error))
        };
        let answer = answer.await;
        driver.abort();
        answer
    }

    fn unreachable(&self, reason: &dyn ToString) -> Error {
        Error::Unreachable {
            address: self.place(),
            reason: reason.to_string(),
        }
    }

    fn bad_answer(&self, reason: &dyn ToString) -> Error {
        Error::BadAnswer {
            address: self.place(),
            reason: reason.to_string(),
        }
    }

    fn device(&self, product_id: &str, device_name: &str) -> Result<Device> {
        Device::new(product_id, device_name).map_err(|error| self.bad_answer(&error))
    }
}

#[async_trait]
impl Desk for Client {
    async fn address(&self) -> Result<HubAddress> {
        Ok(self.invitation.hub.clone())
    }

    async fn relay(&self) -> Result<Option<RelayAddress>> {
        let request = hyper::Request::get(wire::relay::PATH).body(Full::default());
        match self.exchange(request).await? {
            (StatusCode::OK, body) => RelayAddress::decode(&body)
                .map(Some)
                .map_err(|error| self.bad_answer(&error)),
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, _) => Err(self.unreachable(&status)),
        }
    }

    async fn create_token(&self, viewer: &Viewer) -> Result<Issued> {
        let request = Request {
            viewer_key: Some(viewer.key.to_string()),
            viewer_name: Some(viewer.name.clone()),
            ..Request::default()
        };
        let made: NewToken = self.call("AppCreateDeviceBindToken", request).await?;
        Ok(Issued {
            token: made
                .token
                .parse()
                .map_err(|error| self.bad_answer(&error))?,
            lifetime: Duration::from_secs(made.expires_in),
        })
    }

    async fn token_state(&self, token: &Token) -> Result<TokenState> {
        let request = Request {
            token: Some(token.as_str().to_owned()),
            ..Request::default()
        };
        let data: State = self.call("AppGetDeviceBindTokenState", request).await?;
        let device = match data.product_id.as_deref().zip(data.device_name.as_deref()) {
            Some((product_id, device_name)) => self.device(product_id, device_name)?,
            None => return Ok(TokenState::Created),
        };
        Ok(match (data.state, data.outcome.as_deref()) {
            (_, Some("refused")) => TokenState::Refused(device),
            (_, Some("bound")) => TokenState::Bound(device),
            (2, _) => TokenState::Reported(device),
            _ => TokenState::Created,
        })
    }

    async fn bind(&self, token: &Token) -> Result<Bound> {
        // The documents' call names the camera too, which the token's state knows.
        let device = match self.token_state(token).await? {
            TokenState::Reported(device) | TokenState::Bound(device) => device,
            TokenState::Refused(_) => return Err(Refusal::BoundToAnother.into()),
            TokenState::Created => return Err(Refusal::TokenNotBind.into()),
        };
        let request = Request {
            token: Some(token.as_str().to_owned()),
            product_id: Some(device.product_id.to_string()),
            device_name: Some(device.device_name.to_string()),
            family_id: Some(api::FAMILY.to_owned()),
            ..Request::default()
        };
        let data: BoundData = self.call("AppTokenBindDeviceFamily", request).await?;
        Ok(Bound {
            device: self.device(&data.product_id, &data.device_name)?,
            camera: data.camera_id.and_then(|id| id.parse().ok()),
            xp2p_info: data.xp2p_info,
            confirmed: data.confirmed,
        })
    }

    async fn unbind(&self, device: &Device) -> Result<()> {
        let request = Request {
            product_id: Some(device.product_id.to_string()),
            device_name: Some(device.device_name.to_string()),
            family_id: Some(api::FAMILY.to_owned()),
            ..Request::default()
        };
        let _: serde_json::Value = self.call("AppDeleteDeviceInFamily", request).await?;
        Ok(())
    }

    async fn devices(&self) -> Result<Vec<DeviceState>> {
        let mut all = Vec::new();
        loop {
            let request = Request {
                family_id: Some(api::FAMILY.to_owned()),
                offset: Some(all.len().into()),
                limit: Some(PAGE.into()),
                ..Request::default()
            };
            let page: DeviceList = self.call("AppGetFamilyDeviceList", request).await?;
            let is_last = page.device_list.len() < PAGE;
            for one in page.device_list {
                all.push(DeviceState {
                    device: self.device(&one.product_id, &one.device_name)?,
                    camera: one.camera_id.and_then(|id| id.parse().ok()),
                    online: one.online == 1,
                    seen_ms: one.seen_ms,
                    xp2p_info: one.xp2p_info,
                    confirmed: one.confirmed,
                });
            }
            if is_last {
                return Ok(all);
            }
        }
    }
}

/// A random UUID (RFC 9562, version 4), as the documents advise for RequestId.
fn request_id() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    Ok(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    ))
}
