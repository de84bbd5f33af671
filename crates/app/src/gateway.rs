//! The local gateway: the cameras' streams at `http://127.0.0.1:…` for VLC, mpv, ffmpeg, Frigate, Home Assistant.
//!
//! ```text
//!  GET /<key>/<camera>/ipc.flv?action=live&channel=0&quality=high     the camera's own bytes, not re-muxed
//!  GET /<key>/<camera>/ipc.flv?action=playback&…  thumbnail, download  what it recorded; `Range` and `If-Match` are passed on
//!  GET /<key>/<camera>/command?action=inner_define&…                  the camera's reply
//! ```
//!
//! It listens on loopback only. The key is 128 random bits made on this machine: other users and web pages do not know
//! it. `Host` must be the gateway's own, against DNS rebinding; a request with a foreign `Origin` comes from a web page.

use crate::api::{Failure, FailureCode, GatewayUrl};
use crate::cameras::Cameras;
use crate::fail;
use crate::session::{Core, Hold, Session};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use p2p::{Priority, Request};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use wire::PREFIX;
use wire::stream::{StreamRequest, header};

mod body;
use body::Outgoing;

/// Clients served at the same time.
const MAX_CLIENTS: usize = 64;
/// A client gets this long to send its request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Longest refusal of a camera that is passed on.
const MAX_REFUSAL: usize = 16 << 10;
/// How long it may take.
const REFUSAL_TIME: Duration = Duration::from_secs(2);
/// Store key of [`Saved`].
const SAVED: &str = "gateway";
/// What a client says of the bytes it wants, which the camera is told.
const PASSED_ON: [&str; 3] = ["range", "if-match", "if-range"];
/// What a camera says of the bytes it sends, which the client is told.
const PASSED_BACK: [&str; 9] = [
    "content-length",
    "content-range",
    "accept-ranges",
    "etag",
    header::SHA256,
    header::START_MS,
    header::END_MS,
    header::TIME_MS,
    header::SESSION,
];

type Answer = hyper::Response<Outgoing>;

/// What is remembered, so that URLs typed into other programs stay good.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Saved {
    /// 32 hex digits.
    key: String,
    port: u16,
}

/// A listening gateway; dropping it ends all its streams.
pub struct Gateway {
    address: SocketAddr,
    key: String,
    task: JoinHandle<()>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gateway {
    /// Listens on the port that is saved, or for this time on another one if that is taken.
    ///
    /// # Errors
    /// [`FailureCode::GatewayUnavailable`].
    pub async fn start(core: &Core, cameras: Arc<Cameras>) -> Result<Self, Failure> {
        let saved: Option<Saved> = core.book.value(SAVED);
        let port = saved.as_ref().map_or(0, |saved| saved.port);
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(_) if port != 0 => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
            bound => bound,
        };
        let unavailable = |reason: &dyn std::fmt::Display| {
            Failure::new(FailureCode::GatewayUnavailable)
                .with("address", format!("127.0.0.1:{port}"))
                .with("reason", reason)
        };
        let listener = listener.map_err(|error| unavailable(&error))?;
        let address = listener.local_addr().map_err(|error| unavailable(&error))?;
        if port != 0 && address.port() != port {
            // Not saved: the port may be another Porthole program's, whose URLs stay good.
            tracing::warn!(taken = port, %address, "the gateway listens on another port this time");
        }
        let fresh = Saved {
            key: fresh_key()?,
            port: address.port(),
        };
        let Saved { key, .. } = core
            .book
            .value_or(SAVED, fresh, |saved| saved.key.len() == 32)?;
        let door = Arc::new(Door {
            cameras,
            key: key.clone(),
            port: address.port(),
        });
        let task = tokio::spawn(listen(listener, door));
        Ok(Self { address, key, task })
    }

    /// Ends all its streams; when this returns, its port is closed.
    pub async fn stop(mut self) {
        self.task.abort();
        // The answer is that it was aborted.
        let _ = (&mut self.task).await;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A camera's live stream.
    pub fn url(&self, camera: &str, quality: &str) -> String {
        format!(
            "http://{}/{}/{camera}/ipc.flv?action=live&channel=0&quality={quality}",
            self.address, self.key
        )
    }

    /// One URL a camera.
    pub fn urls(&self, cameras: &Cameras) -> Vec<GatewayUrl> {
        let url = |camera: crate::api::Camera| GatewayUrl {
            url: self.url(&camera.key, "high"),
            camera: camera.key,
        };
        cameras.list().into_iter().map(url).collect()
    }
}

fn fresh_key() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(fail::internal)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}

async fn listen(listener: TcpListener, door: Arc<Door>) {
    let room = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!(%error, "gateway");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(_) = clients.join_next() => continue,
        };
        let door = door.clone();
        clients.spawn(async move {
            serve(socket, door).await;
            drop(place);
        });
    }
}

async fn serve(socket: TcpStream, door: Arc<Door>) {
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request| {
        let door = door.clone();
        async move { Ok::<_, Infallible>(door.answer(&request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(32 << 10)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "gateway client");
    }
}

struct Door {
    cameras: Arc<Cameras>,
    key: String,
    port: u16,
}

impl Door {
    async fn answer(&self, request: &hyper::Request<Incoming>) -> Answer {
        if !self.is_own_host(request) || !self.is_own_origin(request) {
            return refuse(StatusCode::FORBIDDEN, "foreign_host_or_origin");
        }
        let mut parts = request.uri().path().splitn(4, '/').skip(1);
        let (key, camera, what) = (parts.next(), parts.next(), parts.next());
        let right_key = key.is_some_and(|key| key.as_bytes().ct_eq(self.key.as_bytes()).into());
        if !right_key {
            return refuse(StatusCode::FORBIDDEN, "wrong_key");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = refuse(StatusCode::METHOD_NOT_ALLOWED, "only_get_and_head");
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let Ok(session) = self.cameras.get(camera.unwrap_or_default()) else {
            return refuse(StatusCode::NOT_FOUND, "unknown_camera");
        };
        let query = request.uri().query().unwrap_or_default();
        let head = request.method() == Method::HEAD;
        match what {
            Some("ipc.flv") => stream(session, query, request).await,
            Some("command") => command(&session, query, head).await,
            _ => refuse(StatusCode::NOT_FOUND, "unknown_path"),
        }
    }

    fn is_own_host(&self, request: &hyper::Request<Incoming>) -> bool {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let named = request
            .uri()
            .authority()
            .is_none_or(|named| self.is_own(named.as_str()));
        named && host.to_str().is_ok_and(|host| self.is_own(host))
    }

    fn is_own_origin(&self, request: &hyper::Request<Incoming>) -> bool {
        request.headers().get_all(ORIGIN).iter().all(|origin| {
            let text = origin.to_str().unwrap_or_default();
            text.strip_prefix("http://")
                .is_some_and(|host| self.is_own(host))
        })
    }

    fn is_own(&self, host: &str) -> bool {
        ["127.0.0.1", "localhost"].iter().any(|name| {
            host.strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(':'))
                .is_some_and(|port| port == self.port.to_string())
        })
    }
}

/// A stream, as the camera sends it; its refusal with the camera's own status.
async fn stream(session: Arc<Session>, query: &str, asked: &hyper::Request<Incoming>) -> Answer {
    let wanted = match StreamRequest::parse(&format!("{PREFIX}/ipc.flv?{query}")) {
        Ok(wanted) => wanted,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if asked.method() == Method::HEAD {
        return respond(StatusCode::OK, "video/x-flv", Outgoing::empty());
    }
    let priority = match wanted {
        StreamRequest::Download(_) => Priority::Download,
        StreamRequest::Live {
            audio_only: true, ..
        } => Priority::Audio,
        _ => Priority::Video,
    };
    let live = matches!(wanted, StreamRequest::Live { .. });
    let hold = session.hold();
    let mut request = Request::get(wanted.to_path()).priority(priority);
    for name in PASSED_ON {
        if let Some(value) = asked.headers().get(name).and_then(|v| v.to_str().ok()) {
            request = request.header(name, value);
        }
    }
    match session.p2p().request(request.watched(live)).await {
        Ok(response) => pass(response, hold).await,
        Err(error) => failed(&fail::transport(&error, &session.name())),
    }
}

async fn pass(response: p2p::Response, hold: Hold) -> Answer {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let kind = response.header_value("content-type").map(harmless);
    if status.is_success() {
        let kind = kind.unwrap_or("video/x-flv");
        let told: Vec<_> = PASSED_BACK
            .into_iter()
            .filter_map(|name| {
                let value = HeaderValue::from_str(response.header_value(name)?).ok()?;
                Some((name, value))
            })
            .collect();
        let mut answer = respond(status, kind, Outgoing::stream(response.body, hold));
        for (name, value) in told {
            answer.headers_mut().insert(name, value);
        }
        return answer;
    }
    let said = response
        .body
        .read_to_end_within(MAX_REFUSAL, REFUSAL_TIME)
        .await
        .unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    respond(
        status,
        kind.unwrap_or("application/json"),
        Outgoing::from(said),
    )
}

/// A camera's content type, unless a browser could take the body for a page: its scripts would run in the gateway's
/// name, see the key in their own address, and with it every other camera.
fn harmless(kind: &str) -> &'static str {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    const KNOWN: [&str; 6] = [
        "video/x-flv",
        "video/mp4",
        "audio/x-flv",
        "image/jpeg",
        "application/json",
        "text/plain",
    ];
    KNOWN
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(kind))
        .unwrap_or("application/octet-stream")
}

async fn command(session: &Arc<Session>, query: &str, head: bool) -> Answer {
    if head {
        return respond(StatusCode::OK, "application/json", Outgoing::empty());
    }
    match session.command(query).await {
        Ok(reply) => respond(StatusCode::OK, "application/json", Outgoing::from(reply)),
        Err(failure) => failed(&failure),
    }
}

/// What went wrong on the way to the camera, as a status and JSON.
fn failed(failure: &Failure) -> Answer {
    let status = match failure.code {
        FailureCode::CommandMalformed | FailureCode::CommandRefused => StatusCode::BAD_REQUEST,
        FailureCode::CameraRefused => StatusCode::FORBIDDEN,
        FailureCode::CameraFull => StatusCode::SERVICE_UNAVAILABLE,
        FailureCode::StreamNotFound => StatusCode::NOT_FOUND,
        FailureCode::CommandTimeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let body = serde_json::to_string(failure).unwrap_or_default();
    respond(status, "application/json", Outgoing::from(body))
}

fn refuse(status: StatusCode, error: &str) -> Answer {
    let body =
        serde_json::json!({ "status": status.as_u16().to_string(), "error": error }).to_string();
    respond(status, "application/json", Outgoing::from(body))
}

fn respond(status: StatusCode, kind: &str, body: Outgoing) -> Answer {
    let mut answer = hyper::Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_str(kind).unwrap_or(HeaderValue::from_static("video/x-flv")),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_cannot_make_the_gateway_serve_a_page() {
        assert_eq!(harmless("video/x-flv"), "video/x-flv");
        assert_eq!(
            harmless("Application/JSON; charset=utf-8"),
            "application/json"
        );
        for page in ["text/html", "image/svg+xml", "text/xml", "", "video/"] {
            assert_eq!(harmless(page), "application/octet-stream", "{page}");
        }
    }
}
