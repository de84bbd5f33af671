//! Dynamic registration: a camera without a secret gets one, in both forms of the documents.
//!
//! What opens it is a signature by the product's secret, or by a pairing token that is alive now: the hub gave it to an
//! owner, and only the camera in front of that owner has it. A name belongs to the first public key that registered it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use provision::credentials::{self, DeviceSecret, ProductSecret};
use wire::device::Device;
use wire::id::CameraId;
use wire::register::{Headers, HubRequest, Request, Response};

use crate::limit::{Limiter, household};
use crate::metrics::Metrics;
use crate::store::{Store, now_ms};
use crate::{Error, Result};

/// Live tokens that one registration is compared with, newest first.
const MAX_TOKENS: i64 = 1000;
/// Bytes of a device's secret.
const SECRET_BYTES: usize = 16;

/// Codes of refusals, after HTTP's habit; the documents name none.
mod code {
    pub(super) const BAD_REQUEST: i32 = 400;
    pub(super) const WRONG_SIGNATURE: i32 = 401;
    pub(super) const NOT_YOURS: i32 = 403;
    pub(super) const WRONG_TIME: i32 = 408;
    pub(super) const REPLAYED: i32 = 409;
    pub(super) const TOO_MANY: i32 = 429;
    pub(super) const INTERNAL: i32 = 500;
}

/// Registers cameras.
pub(crate) struct Registration {
    store: Store,
    metrics: Arc<Metrics>,
    /// How far a timestamp may be from the hub's clock.
    clock_ms: i64,
    refused: Limiter<IpAddr>,
}

/// What both forms ask for.
struct Wanted {
    device: Device,
    camera: Option<CameraId>,
    /// Unix seconds.
    timestamp: u64,
    nonce: u64,
}

/// Who signed.
struct Signer {
    secret: ProductSecret,
    /// The owner of the token; `None` for the product's secret.
    token_owner: Option<String>,
}

/// Why not: code and words.
type Refused = (i32, String);

impl Registration {
    pub(crate) fn new(store: Store, metrics: Arc<Metrics>, limits: &crate::config::Limits) -> Self {
        Self {
            store,
            metrics,
            clock_ms: i64::try_from(limits.clock_seconds.saturating_mul(1000)).unwrap_or(i64::MAX),
            refused: Limiter::new(limits.wrong_per_minute),
        }
    }

    /// The IoT Explorer form: everything is in the body.
    pub(crate) async fn explorer(&self, peer: IpAddr, body: &[u8]) -> Response {
        let request = Request::decode(body);
        let wanted = request.as_ref().map(|request| Wanted {
            device: request.device.clone(),
            camera: request.camera,
            timestamp: request.timestamp,
            nonce: request.nonce,
        });
        let wanted = wanted.map_err(|error| (code::BAD_REQUEST, error.to_string()));
        let is_signed = |secret: &ProductSecret| {
            request
                .as_ref()
                .is_ok_and(|request| credentials::is_signed(secret, request))
        };
        self.answer(peer, wanted, is_signed).await
    }

    /// The IoT Hub form: the signature is in the headers and covers host and body. `headers` are the values of
    /// [`Headers::NAMES`].
    pub(crate) async fn hub(
        &self,
        peer: IpAddr,
        host: &str,
        headers: [Option<&str>; 4],
        body: &[u8],
    ) -> Response {
        let headers = Headers::decode(headers);
        let wanted = match (&headers, HubRequest::decode(body)) {
            (Ok(headers), Ok(request)) => Ok(Wanted {
                device: request.device,
                camera: request.camera,
                timestamp: headers.timestamp,
                nonce: headers.nonce,
            }),
            (Err(error), _) => Err((code::BAD_REQUEST, error.to_string())),
            (_, Err(error)) => Err((code::BAD_REQUEST, error.to_string())),
        };
        // The documents sign the host's name; with a port behind it, devices differ.
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is_signed = |secret: &ProductSecret| {
            headers.as_ref().is_ok_and(|headers| {
                credentials::are_signed(secret, host, headers, body)
                    || credentials::are_signed(secret, name, headers, body)
            })
        };
        self.answer(peer, wanted, is_signed).await
    }

    async fn answer(
        &self,
        peer: IpAddr,
        wanted: Result<Wanted, Refused>,
        is_signed: impl Fn(&ProductSecret) -> bool,
    ) -> Response {
        let (peer, now) = (household(peer), Instant::now());
        let result = if self.refused.is_spent(&peer, now) {
            let words = "too many refused registrations from this address; wait a minute";
            Err((code::TOO_MANY, words.to_owned()))
        } else {
            match wanted {
                Ok(wanted) => self.register(wanted, is_signed).await,
                Err(refused) => Err(refused),
            }
        };
        match result {
            Ok(response) => {
                self.metrics.registrations.add();
                response
            }
            Err((code, message)) => {
                self.metrics.registrations_refused.add();
                self.refused.count(&peer, now);
                tracing::info!(%peer, code, message, "registration refused");
                Response::Refused { code, message }
            }
        }
    }

    async fn register(
        &self,
        wanted: Wanted,
        is_signed: impl Fn(&ProductSecret) -> bool,
    ) -> Result<Response, Refused> {
        let now = now_ms();
        self.check_time(&wanted, now)?;
        let signer = self
            .signer(&wanted.device, now, is_signed)
            .await
            .map_err(internal)?
            .ok_or_else(|| {
                let words =
                    "the signature is by neither the product's secret nor a live pairing token";
                (code::WRONG_SIGNATURE, words.to_owned())
            })?;
        self.check_name(&wanted, &signer).await?;
        // Noted only now: who cannot sign cannot fill the table.
        let nonce = format!("{}:{}", wanted.timestamp, wanted.nonce);
        let expires = now.saturating_add(self.clock_ms.saturating_mul(2));
        let is_fresh = self
            .store
            .fresh_nonce(&wanted.device, &nonce, expires)
            .await;
        if !is_fresh.map_err(internal)? {
            let words = "this registration was seen before; sign again with another nonce";
            return Err((code::REPLAYED, words.to_owned()));
        }
        if signer.token_owner.is_some() {
            let token = signer.secret.as_str();
            let is_first = self.store.claim_token(token, &wanted.device).await;
            if !is_first.map_err(internal)? {
                let words =
                    "another camera registered with this pairing token; start the pairing again";
                return Err((code::NOT_YOURS, words.to_owned()));
            }
        }
        let psk = fresh_secret().map_err(internal)?;
        let product_id = wanted.device.product_id.as_str();
        self.store
            .put_product(product_id, None, now)
            .await
            .map_err(internal)?;
        let camera = wanted.camera.map(|camera| camera.to_string());
        let is_done = self
            .store
            .put_device(&wanted.device, camera.as_deref(), psk.as_str(), now)
            .await
            .map_err(internal)?;
        if !is_done {
            return Err(other_key());
        }
        tracing::info!(device = %wanted.device, "registered");
        Ok(credentials::seal(&signer.secret, &psk))
    }

    fn check_time(&self, wanted: &Wanted, now: i64) -> Result<(), Refused> {
        let signed = i64::try_from(wanted.timestamp.saturating_mul(1000)).unwrap_or(i64::MAX);
        if signed.abs_diff(now) <= self.clock_ms.unsigned_abs() {
            return Ok(());
        }
        let words = format!(
            "the timestamp {} is too far from the hub's time {}; set the clock and sign again",
            wanted.timestamp,
            now / 1000
        );
        Err((code::WRONG_TIME, words))
    }

    /// The secret that signed: the product's, or a live token.
    async fn signer(
        &self,
        device: &Device,
        now: i64,
        is_signed: impl Fn(&ProductSecret) -> bool,
    ) -> Result<Option<Signer>> {
        let product = self
            .store
            .product_secret(device.product_id.as_str())
            .await?;
        let product: Option<ProductSecret> = product.flatten().and_then(|text| text.parse().ok());
        if let Some(secret) = product.filter(&is_signed) {
            return Ok(Some(Signer {
                secret,
                token_owner: None,
            }));
        }
        let tokens = self.store.signing_tokens(device, now, MAX_TOKENS).await?;
        let found = tokens.into_iter().find_map(|(token, owner)| {
            let secret: ProductSecret = token.parse().ok()?;
            is_signed(&secret).then_some(Signer {
                secret,
                token_owner: Some(owner),
            })
        });
        Ok(found)
    }

    /// Whether this signer may have this name.
    async fn check_name(&self, wanted: &Wanted, signer: &Signer) -> Result<(), Refused> {
        let Some(token_owner) = &signer.token_owner else {
            return Ok(());
        };
        let Some(camera) = wanted.camera else {
            let words = "a registration signed with a pairing token needs the camera's public key in `camera`";
            return Err((code::BAD_REQUEST, words.to_owned()));
        };
        let Some(known) = self.store.device(&wanted.device).await.map_err(internal)? else {
            return Ok(());
        };
        if known.camera != Some(camera.to_string()) {
            return Err(other_key());
        }
        match known.owner {
            Some(owner) if owner != *token_owner => Err((
                code::NOT_YOURS,
                "this camera belongs to another owner, who has to remove it first; or reset the camera".into(),
            )),
            _ => Ok(()),
        }
    }
}

fn other_key() -> Refused {
    let words = "another camera registered this name before; give this one another name";
    (code::NOT_YOURS, words.to_owned())
}

fn internal(error: Error) -> Refused {
    tracing::error!(%error, "registration failed");
    (
        code::INTERNAL,
        "the hub failed; its log says why".to_owned(),
    )
}

/// A device's secret of fresh random bytes.
pub(crate) fn fresh_secret() -> Result<DeviceSecret> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(DeviceSecret::from_bytes(&bytes))
}
