//! A viewer's end of a real session, in this process.

use crate::watching::{Decoding, Frame};
use anyhow::{Context, Result, bail};
use p2p::{Body, Endpoint, Identity, Options, Priority, Request, Role, Session};
use std::time::{Duration, Instant};
use wire::address::Address;
use wire::link::Link;
use wire::stream::{Quality, StreamRequest};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A runtime for sessions.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("starting tokio")
}

/// A key that the camera knows, and where the camera is.
#[derive(Clone)]
pub(super) struct Known {
    identity: Identity,
    address: Address,
}

/// An endpoint with its session.
pub(super) struct Peer {
    endpoint: Endpoint,
    pub(super) session: Session,
}

impl Known {
    /// Makes a key and has it admitted by a link.
    pub(super) async fn pair(link: &str) -> Result<Self> {
        let link: Link = link.parse().context("reading the link")?;
        let known = Self {
            identity: Identity::ephemeral()?,
            address: link.address,
        };
        let peer = known.bind().await?;
        let secret = link.secret.context("a link without a secret")?;
        peer.session
            .pair(wire::pair::Request {
                secret,
                viewer_name: "bench".to_owned(),
            })
            .await?;
        peer.endpoint.close().await;
        Ok(known)
    }

    /// This key and `count` fresh ones for the same camera.
    pub(super) fn with_siblings(self, count: usize) -> Result<Vec<Self>> {
        let mut all = vec![self];
        for _ in 0..count {
            all.push(Self {
                identity: Identity::ephemeral()?,
                address: all[0].address.clone(),
            });
        }
        Ok(all)
    }

    /// The public key.
    pub(super) fn id(&self) -> wire::id::PeerId {
        self.identity.id()
    }

    /// A fresh endpoint under this key, not connected yet.
    pub(super) async fn bind(&self) -> Result<Peer> {
        let options = Options {
            lan: false,
            ..Options::new(self.identity.clone(), Role::Viewer)
        };
        let endpoint = Endpoint::bind(options).await?;
        let session = endpoint.session(self.address.clone());
        Ok(Peer { endpoint, session })
    }
}

impl Peer {
    /// Opens a live stream.
    pub(super) async fn live(&self, quality: Quality) -> Result<Body> {
        let target = StreamRequest::Live {
            channel: 0,
            quality,
            audio_only: false,
        }
        .to_path();
        let request = Request::get(target).priority(Priority::Video);
        let response = tokio::time::timeout(PATIENCE, self.session.request(request)).await??;
        if response.status != 200 {
            bail!("the camera answered {}", response.status);
        }
        Ok(response.body)
    }

    /// Asks for a live stream and waits for its first decoded picture; how long that took, and the stream.
    pub(super) async fn first_picture(&self, quality: Quality) -> Result<(Duration, Body)> {
        let start = Instant::now();
        let mut body = self.live(quality).await?;
        let mut decoding = Decoding::default();
        let mut first = None;
        while first.is_none() {
            let chunk = tokio::time::timeout(PATIENCE, body.chunk())
                .await?
                .context("the stream ended")??;
            decoding.push(&chunk, |frame, _| first = first.or(Some(frame.at)));
        }
        Ok((first.unwrap_or(start) - start, body))
    }

    /// Watches for `time` and returns every decoded picture.
    pub(super) async fn watch(&self, quality: Quality, time: Duration) -> Result<Vec<Frame>> {
        let mut body = self.live(quality).await?;
        let mut decoding = Decoding::default();
        let mut frames = Vec::new();
        let start = Instant::now();
        while start.elapsed() < time {
            let chunk = tokio::time::timeout(PATIENCE, body.chunk())
                .await?
                .context("the stream ended")??;
            decoding.push(&chunk, |frame, _| frames.push(frame));
        }
        Ok(frames)
    }

    /// Ends the session and the endpoint.
    pub(super) async fn close(self) {
        self.endpoint.close().await;
    }
}
