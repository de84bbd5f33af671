//! Bodies of requests and responses: empty, whole, or piece by piece in both directions.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::{Error, defaults, http};

/// A piece of a body. Cheap to clone: clones share the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk(pub(crate) Bytes);

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Chunk {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl Chunk {
    /// The bytes; copied only if a clone still shares them.
    pub fn into_vec(self) -> Vec<u8> {
        self.0.into()
    }
}

/// The reader of a [`Body::channel`] is gone: the peer stopped reading, or the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads this body any more")]
pub struct Closed;

/// A body, to be sent or being received. Dropping a received one tells the sender to stop.
#[derive(Debug)]
pub struct Body(Inner);

#[derive(Debug)]
enum Inner {
    Whole(Bytes),
    Channel {
        pieces: mpsc::Receiver<Bytes>,
        aborted: Arc<AtomicBool>,
    },
    Received(Box<http::Received>),
}

impl Body {
    /// A body of no bytes.
    pub fn empty() -> Self {
        Self(Inner::Whole(Bytes::new()))
    }

    /// A body that is sent while it is made. `capacity` is the number of chunks that wait at most, at least 1.
    pub fn channel(capacity: usize) -> (BodySender, Self) {
        let (sender, pieces) = mpsc::channel(capacity.max(1));
        let aborted = Arc::new(AtomicBool::new(false));
        (
            BodySender {
                pieces: sender,
                aborted: aborted.clone(),
            },
            Self(Inner::Channel { pieces, aborted }),
        )
    }

    pub(crate) fn received(received: http::Received) -> Self {
        Self(Inner::Received(Box::new(received)))
    }

    /// Whether this body is made while it is sent.
    pub(crate) fn is_streaming(&self) -> bool {
        !matches!(self.0, Inner::Whole(_))
    }

    /// The next piece; `None` at the clean end. After an error the body has ended. Cancel-safe.
    pub async fn chunk(&mut self) -> Option<Result<Chunk, Error>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => None,
            Inner::Whole(bytes) => Some(Ok(Chunk(std::mem::take(bytes)))),
            Inner::Channel { pieces, aborted } => match pieces.recv().await {
                Some(piece) => Some(Ok(Chunk(piece))),
                None => aborted
                    .swap(false, Ordering::Acquire)
                    .then_some(Err(Error::Aborted)),
            },
            Inner::Received(received) => received.chunk().await,
        }
    }

    /// Reads to the end. [`Error::TooLarge`] once more than `limit` bytes have arrived.
    pub async fn read_to_end(mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await {
            let chunk = chunk?;
            if chunk.len() > limit - all.len() {
                return Err(Error::TooLarge { limit });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// Reads to the end, at most `limit` bytes, within `time`.
    pub async fn read_to_end_within(self, limit: usize, time: Duration) -> Result<Vec<u8>, Error> {
        match tokio::time::timeout(time, self.read_to_end(limit)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout {
                what: "end of the body",
                after: time,
            }),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Inner::Whole(bytes.into()))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Self {
        text.to_string().into()
    }
}

impl From<Chunk> for Body {
    fn from(chunk: Chunk) -> Self {
        Self(Inner::Whole(chunk.0))
    }
}

/// The writing end of [`Body::channel`]. Dropping it ends the body cleanly.
#[derive(Debug)]
pub struct BodySender {
    pieces: mpsc::Sender<Bytes>,
    aborted: Arc<AtomicBool>,
}

impl BodySender {
    /// Hands over a piece; waits while `capacity` pieces are waiting.
    pub async fn send(&self, chunk: impl Into<Chunk>) -> Result<(), Closed> {
        self.pieces.send(chunk.into().0).await.map_err(|_| Closed)
    }

    /// Hands over a piece if there is room: `Ok(false)` if there is none.
    pub fn try_send(&self, chunk: impl Into<Chunk>) -> Result<bool, Closed> {
        match self.pieces.try_send(chunk.into().0) {
            Ok(()) => Ok(true),
            Err(mpsc::error::TrySendError::Full(_)) => Ok(false),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Closed),
        }
    }

    /// Pieces that may be handed over without waiting.
    pub fn room(&self) -> usize {
        self.pieces.capacity()
    }

    /// Resolves when nobody reads this body any more: the peer dropped it, or the connection ended.
    pub async fn closed(&self) {
        self.pieces.closed().await;
    }

    /// Whether nobody reads this body any more.
    pub fn is_closed(&self) -> bool {
        self.pieces.is_closed()
    }

    /// Ends the body as failed: the peer gets [`Error::Aborted`] or [`Error::Truncated`] instead of an end.
    pub fn abort(self) {
        self.aborted.store(true, Ordering::Release);
    }
}

/// A [`Body`] as hyper takes it: in small pieces, and ended early when the peer stops reading.
pub(crate) struct Outgoing {
    body: Option<Body>,
    rest: Bytes,
    stopped: Option<Pin<Box<tokio_util::sync::WaitForCancellationFutureOwned>>>,
}

impl Outgoing {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body: Some(body),
            rest: Bytes::new(),
            stopped: None,
        }
    }

    /// Ends when `stopped` is cancelled.
    pub(crate) fn until(body: Body, stopped: tokio_util::sync::CancellationToken) -> Self {
        Self {
            stopped: Some(Box::pin(stopped.cancelled_owned())),
            ..Self::new(body)
        }
    }
}

impl hyper::body::Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if let Some(stopped) = &mut this.stopped
            && stopped.as_mut().poll(cx).is_ready()
        {
            this.body = None;
            this.stopped = None;
            this.rest = Bytes::new();
        }
        while this.rest.is_empty() {
            let Some(body) = &mut this.body else {
                return Poll::Ready(None);
            };
            match std::task::ready!(body.poll_chunk(cx)) {
                Some(Ok(bytes)) => this.rest = bytes,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    this.body = None;
                    return Poll::Ready(None);
                }
            }
        }
        let piece = this
            .rest
            .split_to(this.rest.remaining().min(defaults::PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
            && match &self.body {
                Some(Body(Inner::Whole(bytes))) => bytes.is_empty(),
                Some(_) => false,
                None => true,
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(Body(Inner::Whole(bytes))) => {
                SizeHint::with_exact((bytes.len() + self.rest.len()) as u64)
            }
            Some(_) => SizeHint::default(),
            None => SizeHint::with_exact(self.rest.len() as u64),
        }
    }
}

impl Body {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        match &mut self.0 {
            Inner::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Whole(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Inner::Channel { pieces, aborted } => pieces.poll_recv(cx).map(|piece| match piece {
                Some(piece) => Some(Ok(piece)),
                None => aborted
                    .swap(false, Ordering::Acquire)
                    .then_some(Err(Error::Aborted)),
            }),
            // Passing a received body on, without its watchdog: the one who receives it there has one.
            Inner::Received(received) => {
                Pin::new(received.incoming())
                    .poll_frame(cx)
                    .map(|frame| match frame? {
                        Ok(frame) => Some(Ok(frame.into_data().unwrap_or_default())),
                        Err(error) => Some(Err(http::cause(&error))),
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_channel_ends_cleanly_when_dropped_and_fails_when_aborted() {
        let (sender, mut body) = Body::channel(2);
        sender.send(vec![1]).await.unwrap();
        drop(sender);
        assert_eq!(&*body.chunk().await.unwrap().unwrap(), [1]);
        assert!(body.chunk().await.is_none());

        let (sender, mut body) = Body::channel(2);
        sender.send(vec![1]).await.unwrap();
        sender.abort();
        assert!(body.chunk().await.unwrap().is_ok());
        assert_eq!(body.chunk().await, Some(Err(Error::Aborted)));
        assert!(body.chunk().await.is_none());
    }

    #[tokio::test]
    async fn reading_to_the_end_keeps_its_limit() {
        assert_eq!(Body::from("abc").read_to_end(3).await.unwrap(), b"abc");
        assert_eq!(
            Body::from("abcd").read_to_end(3).await,
            Err(Error::TooLarge { limit: 3 })
        );
        assert_eq!(Body::empty().read_to_end(0).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_sender_learns_that_nobody_reads() {
        let (sender, body) = Body::channel(1);
        assert_eq!(sender.try_send(vec![0]), Ok(true));
        assert_eq!(sender.try_send(vec![0]), Ok(false));
        drop(body);
        sender.closed().await;
        assert_eq!(sender.try_send(vec![0]), Err(Closed));
    }
}
