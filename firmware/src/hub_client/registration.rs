//! Dynamic registration: a camera that has no secret for a hub gets one over HTTPS (`POST /register/dev`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, DATE, HOST};
use hyper_util::rt::TokioIo;
use provision::{DeviceSecret, ProductSecret, credentials};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wire::device::Device;
use wire::hub::HubAddress;
use wire::id::CameraId;
use wire::register::{self, Response};
use wire::soft_ap::Cause;

use super::{Failure, tls};
use crate::defaults::{HUB_ANSWER_BYTES, HUB_CONNECT};

/// A clock that is further off than this signs with the hub's time instead.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// Name in the TLS hello when the hub's host is none; who knows the pin does not look at it.
const SERVER_NAME: &str = "porthole-hub";

/// Gets the secret of this device. A camera whose clock is wrong is refused once and signs again with the hub's time.
///
/// # Errors
/// [`Cause::HubUnreachable`], [`Cause::HubNotTrusted`], [`Cause::RegistrationRefused`].
pub(super) async fn register(
    hub: &HubAddress,
    device: &Device,
    camera: CameraId,
    secret: &ProductSecret,
) -> Result<DeviceSecret, Failure> {
    let own = unix_seconds();
    match ask(hub, device, camera, secret, own).await? {
        Reply::Secret(found) => Ok(found),
        Reply::Refused {
            time: Some(time), ..
        } if time.abs_diff(own) > CLOCK_TOLERANCE.as_secs() => {
            tracing::info!(
                own,
                hub = time,
                "the clock is wrong; registering with the hub's time"
            );
            match ask(hub, device, camera, secret, time).await? {
                Reply::Secret(found) => Ok(found),
                Reply::Refused { code, message, .. } => Err(refused(code, message)),
            }
        }
        Reply::Refused { code, message, .. } => Err(refused(code, message)),
    }
}

enum Reply {
    Secret(DeviceSecret),
    Refused {
        code: i32,
        message: String,
        /// The hub's clock, unix seconds.
        time: Option<u64>,
    },
}

async fn ask(
    hub: &HubAddress,
    device: &Device,
    camera: CameraId,
    secret: &ProductSecret,
    timestamp: u64,
) -> Result<Reply, Failure> {
    let mut nonce = [0; 4];
    getrandom::fill(&mut nonce).map_err(|error| Failure::unreachable(error.to_string()))?;
    let nonce = u64::from(u32::from_le_bytes(nonce));
    let mut request = credentials::sign_registration(secret, device, nonce, timestamp);
    request.camera = Some(camera);
    let answered = post(hub, register::EXPLORER_PATH, request.encode());
    let (time, body) = tokio::time::timeout(HUB_CONNECT, answered)
        .await
        .map_err(|_| Failure::unreachable("no answer in time"))??;
    match Response::decode(&body) {
        Ok(Response::Registered { payload, .. }) => match credentials::open(secret, &payload) {
            Ok(secret) => Ok(Reply::Secret(secret)),
            Err(error) => Err(refused(-1, error.to_string())),
        },
        Ok(Response::Refused { code, message }) => Ok(Reply::Refused {
            code,
            message,
            time,
        }),
        Err(error) => Err(refused(-1, error.to_string())),
    }
}

fn refused(code: i32, detail: String) -> Failure {
    Failure {
        cause: Cause::RegistrationRefused(code),
        detail,
    }
}

/// One request on a connection of its own. Gives the hub's time, unix seconds, and the body.
async fn post(
    hub: &HubAddress,
    path: &'static str,
    body: String,
) -> Result<(Option<u64>, Bytes), Failure> {
    let tcp = TcpStream::connect((hub.host.as_str(), hub.http_port))
        .await
        .map_err(|error| Failure::connection(&error))?;
    let name = ServerName::try_from(hub.host.clone())
        .or_else(|_| ServerName::try_from(SERVER_NAME))
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    let stream = TlsConnector::from(tls::config(hub.pin))
        .connect(name, tcp)
        .await
        .map_err(|error| Failure::connection(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    let exchange = async {
        let request = hyper::Request::post(path)
            .header(HOST, hub.http_authority())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        let time = answer
            .headers()
            .get(DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok())
            .and_then(|date| Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs()));
        let status = answer.status();
        let body = Limited::new(answer.into_body(), HUB_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| Failure::unreachable(error.to_string()))?
            .to_bytes();
        // A refusal comes with a body that says why; something that is no hub answers without one.
        if status.is_server_error() {
            return Err(Failure::unreachable(format!("status {status}")));
        }
        Ok((time, body))
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end together with the answer.
        _ = connection => exchange.await,
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}
