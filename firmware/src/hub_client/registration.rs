//! Dynamic registration: a camera that has no secret for a hub gets one over HTTPS (`POST /register/dev`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use provision::{DeviceSecret, ProductSecret, credentials};
use wire::device::Device;
use wire::hub::HubAddress;
use wire::id::CameraId;
use wire::register::{self, Response};
use wire::soft_ap::Cause;

use super::{Failure, https};

/// A clock that is further off than this signs with the hub's time instead.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

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
    let request = hyper::Request::post(register::EXPLORER_PATH)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(request.encode())));
    let https::Answer { time, body, .. } = https::ask(hub, request).await?;
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

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}
