//! The camera's side: a stream is answered by the [`Service`].

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use iroh::endpoint::{RecvStream, SendStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::command::reply::Refusal;

use super::duplex::{AfterStop, Duplex};
use super::{Received, cause, put_headers, take_headers};
use crate::body::{Body, Outgoing};
use crate::gate::Gate;
use crate::message::PRIORITY_HEADER;
use crate::{Method, Priority, Request, Response, Service, Viewer, defaults};

/// Answers the one request of a stream. Returns when the exchange is over, for whatever reason.
///
/// * `shared` - what all streams of the connection have in common: who writes first, and places for bodies that are sent
///   while they are made.
pub(crate) async fn answer(
    service: Arc<dyn Service>,
    viewer: Viewer,
    (gate, bodies): (Arc<Gate>, Arc<Semaphore>),
    send: SendStream,
    recv: RecvStream,
) {
    let stopped = send.stopped();
    let level = Arc::new(AtomicUsize::new(Priority::Control.level()));
    let io = Duplex::new(send, recv, gate, level.clone(), AfterStop::Fail);
    let uploading = Arc::new(AtomicBool::new(false));
    let upload = uploading.clone();
    // Kept until the viewer has read the answer, or gives it up.
    let place = Arc::new(OnceLock::new());
    let taken = place.clone();
    let call = service_fn(move |incoming: hyper::Request<Incoming>| {
        upload.store(!incoming.body().is_end_stream(), Ordering::Relaxed);
        let request = request(incoming, viewer);
        let answer = request.map(|request| {
            level.store(request.priority.level(), Ordering::Relaxed);
            service.call(request)
        });
        let (taken, bodies) = (taken.clone(), bodies.clone());
        async move {
            Ok::<_, Infallible>(match answer {
                Ok(answer) => response(placed(answer.await, &taken, bodies)),
                Err(status) => response(Response::new(status.as_u16(), Body::empty())),
            })
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(defaults::REQUEST_HEAD)
        .max_buf_size(defaults::MAX_HEAD)
        .max_headers(defaults::MAX_HEADERS)
        .half_close(true)
        .keep_alive(false)
        .writev(false)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(io), call);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        stop = stopped => match stop {
            // All is sent and acknowledged.
            Ok(None) => connection.await,
            // The viewer stopped reading, or is gone: whoever makes the body learns it now. Whoever reads an upload
            // learns first how that ended.
            Ok(Some(_)) | Err(_) => {
                if uploading.load(Ordering::Relaxed) {
                    let _ = tokio::time::timeout(defaults::UPLOAD_GRACE, connection).await;
                }
                return;
            }
        },
    };
    if let Err(error) = result {
        tracing::debug!(viewer = %viewer.id.short(), error = %cause(&error), "exchange failed");
    }
}

/// The answer, if there is a place for it; one that is whole needs none.
fn placed(
    answer: Response,
    taken: &OnceLock<OwnedSemaphorePermit>,
    bodies: Arc<Semaphore>,
) -> Response {
    if !answer.body.is_streaming() {
        return answer;
    }
    match bodies.try_acquire_owned() {
        Ok(place) => {
            // One request a stream: nothing is there yet.
            let _ = taken.set(place);
            answer
        }
        Err(_) => {
            let refusal = Refusal::too_many_streams();
            Response::new(refusal.http_status(), refusal.encode().into_bytes())
                .header("content-type", "application/json")
        }
    }
}

fn request(incoming: hyper::Request<Incoming>, viewer: Viewer) -> Result<Request, StatusCode> {
    let (parts, body) = incoming.into_parts();
    let method = match parts.method {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
    };
    let target = parts
        .uri
        .path_and_query()
        .ok_or(StatusCode::BAD_REQUEST)?
        .to_string();
    let priority = parts
        .headers
        .get(PRIORITY_HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(Priority::from_name)
        .unwrap_or_default();
    Ok(Request {
        method,
        target,
        headers: take_headers(&parts.headers),
        body: Body::received(Received::new(body, None, false)),
        priority,
        watched: false,
        viewer: Some(viewer.id),
        connection: viewer.connection,
    })
}

fn response(response: Response) -> hyper::Response<Outgoing> {
    let streaming = response.body.is_streaming();
    let mut outgoing = hyper::Response::new(Outgoing::new(response.body));
    *outgoing.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    put_headers(outgoing.headers_mut(), &response.headers);
    if !streaming {
        // A whole body knows its length better than the caller.
        outgoing.headers_mut().remove(header::CONTENT_LENGTH);
    }
    outgoing
}
