//! A camera's body as hyper sends it on.

use crate::session::Hold;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

type Piece = (Option<Result<p2p::Chunk, p2p::Error>>, p2p::Body);

/// A whole text, or a stream that ends when the client goes: dropping it tells the camera to stop.
pub(crate) struct Outgoing(Inner);

enum Inner {
    Whole(Option<Bytes>),
    Stream {
        next: Pin<Box<dyn Future<Output = Piece> + Send>>,
        _hold: Hold,
    },
    Ended,
}

impl Outgoing {
    pub(crate) fn empty() -> Self {
        Self(Inner::Whole(None))
    }

    pub(crate) fn stream(body: p2p::Body, hold: Hold) -> Self {
        Self(Inner::Stream {
            next: Box::pin(read(body)),
            _hold: hold,
        })
    }
}

impl From<String> for Outgoing {
    fn from(text: String) -> Self {
        Self(Inner::Whole(Some(text.into())))
    }
}

async fn read(mut body: p2p::Body) -> Piece {
    (body.chunk().await, body)
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = p2p::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, p2p::Error>>> {
        let next = match &mut self.0 {
            Inner::Whole(text) => {
                return Poll::Ready(text.take().map(|text| Ok(Frame::data(text))));
            }
            Inner::Ended => return Poll::Ready(None),
            Inner::Stream { next, .. } => next,
        };
        let (chunk, body) = std::task::ready!(next.as_mut().poll(cx));
        match chunk {
            Some(Ok(chunk)) => {
                *next = Box::pin(read(body));
                Poll::Ready(Some(Ok(Frame::data(chunk.into_vec().into()))))
            }
            Some(Err(error)) => {
                self.0 = Inner::Ended;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                self.0 = Inner::Ended;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Whole(None) | Inner::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            _ => SizeHint::default(),
        }
    }
}
