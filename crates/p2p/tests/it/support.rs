//! A camera that answers test requests, and viewers of it.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use p2p::{
    Access, Body, BoxFuture, Endpoint, Error, Identity, Options, Request, Response, Role, Server,
    Service, Session, State, Viewer,
};
use tokio::sync::mpsc;
use wire::address::Address;
use wire::id::{PeerId, Secret};

pub(crate) const SECRET: [u8; 16] = [7; 16];

/// The list of viewers, and one invitation.
#[derive(Default)]
pub(crate) struct Guests {
    pub(crate) known: Mutex<HashSet<PeerId>>,
    pub(crate) secret: Mutex<Option<Secret>>,
}

impl Access for Guests {
    fn admits(&self, viewer: &PeerId) -> bool {
        self.known.lock().unwrap().contains(viewer)
    }

    fn pair(&self, viewer: &PeerId, request: &wire::pair::Request) -> bool {
        let mut secret = self.secret.lock().unwrap();
        if !secret
            .as_ref()
            .is_some_and(|secret| secret.matches(&request.secret))
        {
            return false;
        }
        *secret = None;
        self.known.lock().unwrap().insert(*viewer)
    }
}

/// What a test wants to know of the camera's inside.
#[derive(Debug)]
pub(crate) enum Seen {
    /// The body of `/live` or `/quiet` has no reader any more.
    Closed(Instant),
    /// `/slow` was given up before it answered.
    Dropped(Instant),
    /// An upload's next piece, or how it ended.
    Piece(usize),
    End(Result<(), Error>),
    Joined(Viewer),
    Left(Viewer),
}

pub(crate) struct Desk {
    pub(crate) seen: mpsc::UnboundedSender<Seen>,
}

impl Service for Desk {
    fn call(&self, request: Request) -> BoxFuture<Response> {
        let seen = self.seen.clone();
        Box::pin(async move {
            let (path, number) = request
                .target
                .split_once('?')
                .unwrap_or((&request.target, "0"));
            let number: usize = number.parse().unwrap_or_default();
            match path {
                "/hello" => Response::new(200, "hello").header("x-test", "yes"),
                "/status" => Response::new(number as u16, "no"),
                "/echo" => Response::new(200, request.body),
                "/live" => live(seen, Duration::from_millis(number as u64)),
                "/quiet" => quiet(seen, number),
                "/slow" => {
                    let _dropped = OnDrop(seen);
                    std::future::pending().await
                }
                "/file" => file(number),
                "/short" => {
                    let (sender, body) = Body::channel(1);
                    tokio::spawn(async move { sender.send(vec![0; 10]).await });
                    Response::new(200, body).header("content-length", "20")
                }
                "/abort" => {
                    let (sender, body) = Body::channel(1);
                    tokio::spawn(async move {
                        sender.send(vec![0; 10]).await.unwrap();
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        sender.abort();
                    });
                    Response::new(200, body)
                }
                "/upload" => upload(request.body, seen).await,
                "/busy" => Response::new(503, "camera full"),
                _ => Response::new(404, Body::empty()),
            }
        })
    }

    fn viewer_joined(&self, viewer: Viewer) {
        let _ = self.seen.send(Seen::Joined(viewer));
    }

    fn viewer_left(&self, viewer: Viewer) {
        let _ = self.seen.send(Seen::Left(viewer));
    }
}

struct OnDrop(mpsc::UnboundedSender<Seen>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(Seen::Dropped(Instant::now()));
    }
}

fn live(seen: mpsc::UnboundedSender<Seen>, every: Duration) -> Response {
    let (sender, body) = Body::channel(4);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
        loop {
            ticks.tick().await;
            if sender.send(vec![1; 1000]).await.is_err() {
                let _ = seen.send(Seen::Closed(Instant::now()));
                return;
            }
        }
    });
    Response::new(200, body).header("content-type", "video/x-flv")
}

fn quiet(seen: mpsc::UnboundedSender<Seen>, pieces: usize) -> Response {
    let (sender, body) = Body::channel(4);
    tokio::spawn(async move {
        for _ in 0..pieces {
            let _ = sender.send(vec![1; 1000]).await;
        }
        sender.closed().await;
        let _ = seen.send(Seen::Closed(Instant::now()));
    });
    Response::new(200, body)
}

fn file(bytes: usize) -> Response {
    let (sender, body) = Body::channel(4);
    tokio::spawn(async move {
        let piece = p2p::Chunk::from(vec![5; 64 * 1024]);
        let mut left = bytes;
        while left > 0 {
            let now = left.min(piece.len());
            let piece = if now == piece.len() {
                piece.clone()
            } else {
                p2p::Chunk::from(&piece[..now])
            };
            if sender.send(piece).await.is_err() {
                return;
            }
            left -= now;
        }
    });
    Response::new(200, body)
}

async fn upload(mut body: Body, seen: mpsc::UnboundedSender<Seen>) -> Response {
    let mut total = 0;
    while let Some(chunk) = body.chunk().await {
        match chunk {
            Ok(chunk) => {
                total += chunk.len();
                let _ = seen.send(Seen::Piece(chunk.len()));
            }
            Err(error) => {
                let _ = seen.send(Seen::End(Err(error)));
                return Response::new(400, Body::empty());
            }
        }
    }
    let _ = seen.send(Seen::End(Ok(())));
    Response::new(200, total.to_string())
}

pub(crate) struct Camera {
    pub(crate) endpoint: Endpoint,
    pub(crate) server: Server,
    pub(crate) guests: Arc<Guests>,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
}

impl Camera {
    pub(crate) async fn start() -> Self {
        Self::with(options(Role::Camera)).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let endpoint = Endpoint::bind(options).await.unwrap();
        let guests = Arc::new(Guests::default());
        let (sender, seen) = mpsc::unbounded_channel();
        let server = endpoint.serve(guests.clone(), Arc::new(Desk { seen: sender }));
        Self {
            endpoint,
            server,
            guests,
            seen,
        }
    }

    pub(crate) fn address(&self) -> Address {
        loopback(&self.endpoint)
    }

    pub(crate) fn invite(&self) {
        *self.guests.secret.lock().unwrap() = Some(Secret::from_bytes(SECRET));
    }

    /// The next thing seen that is neither a join nor a leave.
    pub(crate) async fn next(&mut self) -> Seen {
        loop {
            match within(Duration::from_secs(10), self.seen.recv())
                .await
                .unwrap()
            {
                Seen::Joined(_) | Seen::Left(_) => continue,
                other => return other,
            }
        }
    }
}

pub(crate) fn options(role: Role) -> Options {
    Options {
        lan: false,
        name: "Front door".into(),
        ..Options::new(Identity::ephemeral().unwrap(), role)
    }
}

/// The endpoint's address on this machine.
pub(crate) fn loopback(endpoint: &Endpoint) -> Address {
    let port = endpoint
        .ports()
        .iter()
        .find(|socket| socket.is_ipv4())
        .unwrap()
        .port();
    Address {
        addrs: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)],
        ..Address::new(endpoint.id())
    }
}

pub(crate) async fn viewer() -> Endpoint {
    Endpoint::bind(options(Role::Viewer)).await.unwrap()
}

/// A camera and a viewer that it knows.
pub(crate) async fn pair() -> (Camera, Endpoint, Session) {
    let camera = Camera::start().await;
    let viewer = viewer().await;
    camera.guests.known.lock().unwrap().insert(viewer.id());
    let session = viewer.session(camera.address());
    (camera, viewer, session)
}

pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> F::Output {
    tokio::time::timeout(limit, future)
        .await
        .expect("took too long")
}

pub(crate) async fn until_connected(session: &Session) {
    let connected = async {
        session
            .state()
            .until(|state| matches!(state, State::Connected { .. }))
            .await
    };
    within(Duration::from_secs(10), connected).await.unwrap();
}

pub(crate) async fn hello(session: &Session) -> Result<Vec<u8>, Error> {
    session
        .request(Request::get("/hello"))
        .await?
        .body
        .read_to_end(100)
        .await
}

pub(crate) fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize]
}
