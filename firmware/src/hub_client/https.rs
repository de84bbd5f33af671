//! One request to the hub over HTTPS, on a connection of its own; the pin says who the hub is.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::StatusCode;
use hyper::header::{DATE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wire::hub::HubAddress;

use super::{Failure, tls};
use crate::defaults::{HUB_ANSWER_BYTES, HUB_CONNECT};

/// Name in the TLS hello when the hub's host is none; who knows the pin does not look at it.
const SERVER_NAME: &str = "porthole-hub";

pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The hub's clock, unix seconds.
    pub(super) time: Option<u64>,
    pub(super) body: Bytes,
}

/// Asks, for [`HUB_CONNECT`] at most.
///
/// # Errors
/// [`HubUnreachable`](wire::soft_ap::Cause::HubUnreachable), [`HubNotTrusted`](wire::soft_ap::Cause::HubNotTrusted).
pub(super) async fn ask(
    hub: &HubAddress,
    request: hyper::http::Result<hyper::Request<Full<Bytes>>>,
) -> Result<Answer, Failure> {
    let unreachable = |error: hyper::http::Error| Failure::unreachable(error.to_string());
    let mut request = request.map_err(unreachable)?;
    let host = HeaderValue::from_str(&hub.http_authority());
    let host = host.map_err(|error| unreachable(error.into()))?;
    request.headers_mut().insert(HOST, host);
    tokio::time::timeout(HUB_CONNECT, exchange(hub, request))
        .await
        .map_err(|_| Failure::unreachable("no answer in time"))?
}

async fn exchange(
    hub: &HubAddress,
    request: hyper::Request<Full<Bytes>>,
) -> Result<Answer, Failure> {
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
        Ok(Answer { status, time, body })
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end together with the answer.
        _ = connection => exchange.await,
    }
}
