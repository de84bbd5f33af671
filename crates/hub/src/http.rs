//! The hub over HTTPS: the owners' API, registration of cameras, health and figures.

mod serve;
pub(crate) mod tokenapi;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use wire::register::{EXPLORER_PATH, HUB_PATH, Headers};

use crate::hub::core::Core;
use crate::limit::{Limiter, household};
use crate::metrics::Gauges;
use crate::registration::Registration;
use crate::store::now_ms;
use crate::{Refusal, api};
use tokenapi::TokenApi;

pub(crate) use serve::Server;

/// Largest body of a request, bytes.
const MAX_BODY: usize = 64 << 10;
/// A request that takes longer is given up, its body included.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

struct Pages {
    core: Arc<Core>,
    api: TokenApi,
    registration: Registration,
    requests: Limiter<IpAddr>,
}

/// Every path of the hub.
pub(crate) fn router(core: Arc<Core>) -> Router {
    let registration = Registration::new(core.store.clone(), core.metrics.clone(), &core.limits);
    let pages = Arc::new(Pages {
        api: TokenApi::new(core.clone()),
        registration,
        requests: Limiter::new(core.limits.requests_per_minute),
        core,
    });
    Router::new()
        .route(api::PATH, post(tokenapi))
        .route(EXPLORER_PATH, post(register))
        .route(HUB_PATH, post(register_hub))
        .route(wire::relay::PATH, get(relay))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(pages.clone(), guard))
        .with_state(pages)
}

/// Bounds how often an address may ask and how long an answer may take.
async fn guard(State(pages): State<Arc<Pages>>, request: Request, next: Next) -> Response {
    pages.core.metrics.requests.add();
    let peer = request.extensions().get::<Peer>().copied();
    let is_allowed = peer.is_none_or(|Peer(address)| {
        let household = household(address.ip());
        pages.requests.count(&household, Instant::now())
    });
    if !is_allowed {
        pages.core.metrics.requests_refused.add();
        let answer = json(&api::Answer::refused(Refusal::TooMany, ""));
        return (StatusCode::TOO_MANY_REQUESTS, answer).into_response();
    }
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

async fn tokenapi(
    State(pages): State<Arc<Pages>>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Bytes,
) -> Response {
    json(&pages.api.answer(peer.ip(), &body).await)
}

async fn register(
    State(pages): State<Arc<Pages>>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Bytes,
) -> Response {
    let answer = pages.registration.explorer(peer.ip(), &body).await;
    json_text(answer.encode())
}

async fn register_hub(
    State(pages): State<Arc<Pages>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed = Headers::NAMES.map(text);
    let host = text("host").unwrap_or_default();
    let answer = pages.registration.hub(peer.ip(), host, signed, &body).await;
    let request_id = format!("{:016x}", now_ms());
    json_text(answer.encode_hub(&request_id))
}

/// Where the relay is and which certificate to trust: for cameras and apps, which know the hub by its pin. No secret.
async fn relay(State(pages): State<Arc<Pages>>) -> Response {
    match pages.core.relay_address() {
        Some(relay) => json_text(relay.encode()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// For a supervisor: 200 while the database answers. `time` is the hub's clock, unix seconds.
async fn health(State(pages): State<Arc<Pages>>) -> Response {
    let time = now_ms() / 1000;
    match pages.core.store.ping().await {
        Ok(()) => json(&json!({"status": "ok", "time": time})),
        Err(error) => {
            tracing::error!(%error, "not healthy");
            let answer = json(&json!({"status": "database", "time": time}));
            (StatusCode::SERVICE_UNAVAILABLE, answer).into_response()
        }
    }
}

async fn metrics(State(pages): State<Arc<Pages>>) -> Response {
    let core = &pages.core;
    let Ok((devices, bound, online)) = core.store.count_devices().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let page = core.metrics.page(Gauges {
        devices,
        bound,
        online,
        connected: core.connected(),
    });
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, page).into_response()
}

fn json<T: serde::Serialize>(value: &T) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => json_text(text),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json_text(text: String) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        Body::from(text),
    )
        .into_response()
}
