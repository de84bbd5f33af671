//! One HTTP/1.1 exchange on one bi-stream, both ends.

use std::error::Error as _;

use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::{Chunk, Error, defaults};

mod client;
mod duplex;
mod server;

pub(crate) use client::{Exchange, exchange};
pub(crate) use server::answer;

use http_body_util::BodyExt as _;

/// A body that arrives.
#[derive(Debug)]
pub(crate) struct Received {
    incoming: Incoming,
    /// On the viewer: the exchange that the body belongs to, given up when the body is dropped.
    exchange: Option<Exchange>,
    watched: bool,
    ended: bool,
    /// Since when the peer has been silent, as far as somebody was listening.
    quiet_since: Instant,
    listened: Instant,
}

impl Received {
    pub(crate) fn new(incoming: Incoming, exchange: Option<Exchange>, watched: bool) -> Self {
        let now = Instant::now();
        Self {
            incoming,
            exchange,
            watched,
            ended: false,
            quiet_since: now,
            listened: now,
        }
    }

    pub(crate) fn incoming(&mut self) -> &mut Incoming {
        &mut self.incoming
    }

    pub(crate) async fn chunk(&mut self) -> Option<Result<Chunk, Error>> {
        if self.ended {
            return None;
        }
        // A caller that was busy elsewhere has not heard whether the peer was silent.
        if self.listened.elapsed() > defaults::SILENCE / 4 {
            self.quiet_since = Instant::now();
        }
        let result = loop {
            let frame = Listening(self).frame().await;
            match frame.map(|frame| frame.map(|frame| frame.into_data())) {
                Some(Ok(Ok(data))) if data.is_empty() => continue,
                Some(Ok(Ok(data))) => break Ok(Some(Chunk(data))),
                Some(Ok(Err(_trailers))) => continue,
                Some(Err(error)) => break Err(error),
                None => break Ok(None),
            }
        };
        match result {
            Ok(Some(chunk)) => {
                self.quiet_since = self.listened;
                Some(Ok(chunk))
            }
            Ok(None) => {
                self.ended = true;
                if let Some(exchange) = &mut self.exchange {
                    exchange.ended();
                }
                None
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

/// Notes until when somebody listened, also when the future is dropped.
struct Listening<'a>(&'a mut Received);

impl Listening<'_> {
    async fn frame(&mut self) -> Option<Result<hyper::body::Frame<bytes::Bytes>, Error>> {
        let Received {
            incoming,
            exchange,
            watched,
            quiet_since,
            ..
        } = &mut *self.0;
        let Some(exchange) = exchange else {
            return incoming
                .frame()
                .await
                .map(|frame| frame.map_err(|error| cause(&error)));
        };
        let link = exchange.link();
        let frame = tokio::select! {
            biased;
            () = link.stale() => return Some(Err(Error::Silent)),
            frame = incoming.frame() => frame,
            () = tokio::time::sleep_until(*quiet_since + defaults::SILENCE), if *watched => {
                link.silent();
                return Some(Err(Error::Silent));
            }
        };
        // What has arrived after such a gap is old: this process was stopped, and the viewer wants the present.
        if *watched && quiet_since.elapsed() > defaults::FROZEN {
            link.silent();
            return Some(Err(Error::Silent));
        }
        frame.map(|frame| frame.map_err(|error| link.failure(cause(&error))))
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.listened = Instant::now();
    }
}

/// What a hyper error says about the peer or the stream.
pub(crate) fn cause(error: &hyper::Error) -> Error {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return ours.clone();
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::UnexpectedEof => Error::Truncated,
                std::io::ErrorKind::ConnectionReset => Error::Aborted,
                std::io::ErrorKind::NotConnected => Error::Closed {
                    reason: io.to_string(),
                },
                _ => Error::protocol(io),
            };
        }
        source = inner.source();
    }
    if error.is_incomplete_message() {
        Error::Truncated
    } else if error.is_timeout() {
        Error::Timeout {
            what: "request head",
            after: defaults::REQUEST_HEAD,
        }
    } else if error.is_canceled() || error.is_closed() {
        Error::Closed {
            reason: "the stream ended".into(),
        }
    } else {
        Error::protocol(error)
    }
}

/// Lines that belong to one hop and are made by the ends themselves.
fn is_ours(name: &HeaderName) -> bool {
    use hyper::header::{CONNECTION, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
    [CONNECTION, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || name == crate::message::PRIORITY_HEADER
        || name == "keep-alive"
}

/// Adds the lines that can be sent; a name or value that HTTP has no letters for is left out.
fn put_headers(map: &mut HeaderMap, headers: &[(String, String)]) {
    for (name, value) in headers {
        let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) else {
            tracing::debug!(name, "header line left out");
            continue;
        };
        if !is_ours(&name) {
            map.append(name, value);
        }
    }
}

fn take_headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .filter(|(name, _)| !is_ours(name))
        .map(|(name, value)| {
            (
                name.as_str().to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}
