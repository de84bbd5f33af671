//! The viewer's side: a request goes out, a response comes back.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::event::SessionEvent;

use super::duplex::{AfterStop, Duplex};
use super::{Received, cause, put_headers, take_headers};
use crate::body::{Body, Outgoing};
use crate::message::PRIORITY_HEADER;
use crate::session::link::{Active, Link};
use crate::{Error, Method, Request, Response, defaults};

/// An exchange that is under way. Dropped, it is given up: the camera's body and the viewer's upload end.
#[derive(Debug)]
pub(crate) struct Exchange {
    active: Active,
    _task: AbortOnDropHandle<()>,
    ended: bool,
}

impl Exchange {
    pub(crate) fn link(&self) -> &Link {
        self.active.link()
    }

    /// The response was read to its clean end.
    pub(crate) fn ended(&mut self) {
        self.ended = true;
        self.link().tell(SessionEvent::Eof);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.ended {
            self.link().tell(SessionEvent::Close);
        }
    }
}

/// Sends a request and waits for the head of its response.
pub(crate) async fn exchange(link: &Arc<Link>, request: Request) -> Result<Response, Error> {
    let limit = head_limit(&request);
    let watched = request.watched;
    let active = link.enter(watched);
    let stop = CancellationToken::new();
    let level = request.priority.level();
    let outgoing = outgoing(request, stop.clone())?;

    let (send, recv) = link.open().await?;
    let stopped = send.stopped();
    let wanted = Arc::new(AtomicUsize::new(level));
    let io = Duplex::new(send, recv, link.gate(), wanted, AfterStop::Swallow);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(defaults::MAX_HEAD)
        .max_headers(defaults::MAX_HEADERS)
        .writev(false)
        .handshake(TokioIo::new(io))
        .await
        .map_err(|error| link.failure(cause(&error)))?;
    let task = tokio::spawn(async move {
        tokio::pin!(connection);
        tokio::select! {
            _ = &mut connection => return,
            _ = stopped => stop.cancel(),
        }
        let _ = connection.await;
    });
    let exchange = Exchange {
        active,
        _task: AbortOnDropHandle::new(task),
        ended: false,
    };
    link.tell(SessionEvent::Request);

    let head = tokio::select! {
        biased;
        () = link.stale() => return Err(Error::Silent),
        head = sender.send_request(outgoing) => head.map_err(|error| link.failure(cause(&error)))?,
        () = wait(limit) => {
            if watched {
                link.silent();
                return Err(Error::Silent);
            }
            return Err(Error::Timeout { what: "response", after: limit.unwrap_or_default() });
        }
    };
    let (parts, incoming) = head.into_parts();
    let status = parts.status.as_u16();
    let headers = take_headers(&parts.headers);
    link.tell(SessionEvent::Parsed {
        status,
        headers: headers.clone(),
    });
    let body = Body::received(Received::new(incoming, Some(exchange), watched));
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// How long the response may take to begin. A streaming upload is answered when it ends, whenever that is.
fn head_limit(request: &Request) -> Option<Duration> {
    match (request.body.is_streaming(), request.watched) {
        (true, _) => None,
        (false, true) => Some(defaults::LIVE_HEAD),
        (false, false) => Some(defaults::HEAD),
    }
}

async fn wait(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

fn outgoing(request: Request, stop: CancellationToken) -> Result<hyper::Request<Outgoing>, Error> {
    let Request {
        method,
        target,
        headers,
        body,
        priority,
        ..
    } = request;
    let uri: hyper::Uri = target
        .parse()
        .ok()
        .filter(|_| target.starts_with('/'))
        .ok_or(Error::Invalid {
            what: "target",
            expected: "an absolute path and query",
            got: target,
        })?;
    let mut outgoing = hyper::Request::new(Outgoing::until(body, stop));
    *outgoing.method_mut() = match method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    *outgoing.uri_mut() = uri;
    let map = outgoing.headers_mut();
    put_headers(map, &headers);
    map.insert(HOST, HeaderValue::from_static("porthole"));
    map.insert(
        HeaderName::from_static(PRIORITY_HEADER),
        HeaderValue::from_static(priority.name()),
    );
    Ok(outgoing)
}
