//! The two halves of a bi-stream as one socket, with its priority and an honest end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use iroh::endpoint::{RecvStream, SendStream, VarInt, WriteError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::Priority;
use crate::convert::code;
use crate::gate::{Gate, Turn};

/// What a write does once the peer has stopped reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterStop {
    /// It fails.
    Fail,
    /// It is swallowed: an answer may still be coming.
    Swallow,
}

/// Dropped before it was shut down, it resets its sending half: to a QUIC stream a mere drop is a clean end.
#[derive(Debug)]
pub(crate) struct Duplex {
    send: SendStream,
    recv: RecvStream,
    turn: Turn,
    level: usize,
    wanted: Arc<AtomicUsize>,
    after_stop: AfterStop,
    stopped: bool,
    finished: bool,
}

impl Duplex {
    /// `wanted` is the level of the [`Priority`] and may change at any time.
    pub(crate) fn new(
        send: SendStream,
        recv: RecvStream,
        gate: Arc<Gate>,
        wanted: Arc<AtomicUsize>,
        after_stop: AfterStop,
    ) -> Self {
        let level = wanted.load(Ordering::Relaxed);
        let duplex = Self {
            send,
            recv,
            turn: Turn::new(gate, level),
            level,
            wanted,
            after_stop,
            stopped: false,
            finished: false,
        };
        duplex.apply(level);
        duplex
    }

    fn apply(&self, level: usize) {
        if let Some(priority) = Priority::ALL.get(level) {
            let _ = self.send.set_priority(priority.quic());
        }
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.get_mut().recv), cx, buf)
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.stopped {
            return Poll::Ready(Ok(buf.len()));
        }
        let wanted = this.wanted.load(Ordering::Relaxed);
        if wanted != this.level {
            this.level = wanted;
            this.turn.set_level(wanted);
            this.apply(wanted);
        }
        if !this.turn.may_write(cx) {
            return Poll::Pending;
        }
        match Pin::new(&mut this.send).poll_write(cx, buf) {
            Poll::Pending => {
                this.turn.blocked();
                Poll::Pending
            }
            Poll::Ready(result) => {
                this.turn.wrote();
                Poll::Ready(match result {
                    Err(WriteError::Stopped(_)) if this.after_stop == AfterStop::Swallow => {
                        this.stopped = true;
                        Ok(buf.len())
                    }
                    other => other.map_err(io::Error::from),
                })
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.finished = true;
        // A stream that is closed already needs no end.
        let _ = this.send.finish();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.send.reset(VarInt::from_u32(code::ABORTED));
        }
    }
}
