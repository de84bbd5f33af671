//! What was recorded, as streams: playback, thumbnails, downloads.

use std::sync::Arc;

use p2p::{Body, Method, Request, Response};
use wire::command::reply::{FileHash, Refusal, Status, UserReply};
use wire::error::Code;
use wire::id::PeerId;
use wire::stream::header::{END_MS, SESSION, SHA256, START_MS, TIME_MS};
use wire::stream::{Download, Playback, Source, StreamRequest, Thumbnail};

use super::{Desk, json, refuse};
use crate::card::{Card, CardError};
use crate::defaults::THUMBNAIL_WITHIN_MS;
use crate::download::{self, Content, Cut, CutReader, Hashes, Range, Share};
use crate::playback::{CardTape, NoPlayback, Playbacks};
use crate::thumbnail;

/// The card and what is done with it.
pub struct Recorded {
    /// The card.
    pub card: Card,
    /// Who plays back.
    pub playbacks: Arc<Playbacks>,
    share: Arc<Share>,
    hashes: Arc<Hashes>,
    thumbnails: Arc<thumbnail::Maker>,
}

impl Recorded {
    /// A card beside this live.
    pub fn new(card: Card, live: &Arc<crate::live::Live>) -> Self {
        Self {
            card,
            playbacks: Playbacks::new(),
            share: Share::new(Arc::clone(live)),
            hashes: Arc::default(),
            thumbnails: Arc::default(),
        }
    }
}

impl Desk {
    /// Answers a request for something recorded.
    pub(super) async fn recorded(
        &self,
        wanted: StreamRequest,
        request: &Request,
        viewer: &PeerId,
    ) -> Response {
        if request.method != Method::Get {
            let refusal = Refusal::new(Status::BadRequest, "method_not_allowed");
            return json(405, refusal.encode()).header("allow", "GET");
        }
        if wanted.channel() != 0 {
            return refuse(&Refusal::new(Status::BadRequest, "no_such_channel"));
        }
        let Some(recorded) = &self.recorded else {
            return refuse(&Refusal::no_card());
        };
        match wanted {
            StreamRequest::Playback(playback) => recorded.play(&playback, viewer).await,
            StreamRequest::Thumbnail(thumbnail) => recorded.thumbnail(thumbnail).await,
            StreamRequest::Download(wanted) => recorded.download(wanted, request).await,
            StreamRequest::Live { .. } | StreamRequest::Voice { .. } => super::not_supported(),
        }
    }
}

impl Recorded {
    async fn play(&self, wanted: &Playback, viewer: &PeerId) -> Response {
        let tape = CardTape::new(self.card.clone());
        let changes = self.card.changes();
        match self.playbacks.start(viewer, wanted, tape, changes).await {
            Ok(playing) => {
                tracing::info!(viewer = %viewer.short(), playback = %playing.name, "plays back");
                flv(playing.body)
                    .header(SESSION, playing.name.as_str())
                    .header(START_MS, playing.start_ms.to_string())
            }
            Err(NoPlayback::TooMany(too_many)) => {
                refuse(&Refusal::too_many_viewers(too_many.now, too_many.max))
            }
            Err(NoPlayback::Nothing) => refuse(&Refusal::no_recording()),
            Err(error @ NoPlayback::Card(_)) => failed(&error),
        }
    }

    async fn thumbnail(&self, wanted: Thumbnail) -> Response {
        let at_ms = ms(wanted.time);
        let made =
            self.thumbnails
                .make(self.card.clone(), at_ms, THUMBNAIL_WITHIN_MS, wanted.width);
        match made.await {
            Ok(Some(still)) => Response::new(200, Body::from(still.bytes))
                .header("content-type", still.kind)
                .header("cache-control", "no-store")
                .header(TIME_MS, still.at_ms.to_string()),
            Ok(None) => refuse(&Refusal::no_recording()),
            Err(error) => failed(&error),
        }
    }

    async fn download(&self, wanted: Download, request: &Request) -> Response {
        let content = match self.content(wanted.source).await {
            Ok(content) => content,
            Err(refusal) => return refuse(&refusal),
        };
        let header = |name: &str| {
            let found = request.headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.as_str())
        };
        if header("if-match").is_some_and(|tags| !matches(tags, content.etag())) {
            return refuse(&Refusal::changed()).header("etag", content.etag());
        }
        let length = content.len();
        let range = match Range::of(length, wanted.offset, header("range")) {
            Ok(range) => range,
            Err(_) => {
                return refuse(&Refusal::past_end())
                    .header("content-range", format!("bytes */{length}"));
            }
        };
        let mut response = Response::new(if range.partial { 206 } else { 200 }, Body::empty())
            .header("accept-ranges", "bytes")
            .header("cache-control", "no-store")
            .header("content-type", kind(&content))
            .header("content-length", range.len().to_string())
            .header("etag", content.etag());
        if range.partial {
            let (first, last) = (range.first, range.end.saturating_sub(1));
            response = response.header("content-range", format!("bytes {first}-{last}/{length}"));
        }
        if let Some(hash) = content.sha256(&self.hashes) {
            response = response.header(SHA256, wire::Sha256(hash).to_string());
        }
        if let Content::Cut(reader) = &content {
            response = response
                .header(START_MS, reader.cut().start_ms().to_string())
                .header(END_MS, reader.cut().end_ms().to_string());
        }
        let (share, hashes) = (Arc::clone(&self.share), Arc::clone(&self.hashes));
        response.body = download::send(content, range, share, hashes);
        response
    }

    /// Looks a download's content up. Names are looked up in the index; none is ever made a path of.
    async fn content(&self, source: Source) -> Result<Content, Refusal> {
        let card = self.card.clone();
        let looked_up = tokio::task::spawn_blocking(move || look_up(&card, source)).await;
        looked_up.unwrap_or_else(|error| {
            tracing::error!(%error, "looking up a download");
            Err(Refusal::device_error())
        })
    }

    /// The reply to `file_hash`: its head at once, its text when all is read.
    pub(super) fn hash(&self, source: Source) -> Response {
        let (sender, body) = Body::channel(1);
        let (card, share, hashes) = (
            self.card.clone(),
            Arc::clone(&self.share),
            Arc::clone(&self.hashes),
        );
        tokio::spawn(async move {
            let text = tokio::select! {
                text = hash(card, source, &share, &hashes) => text,
                () = sender.closed() => return,
            };
            // The viewer that does not wait any more asks again, and finds what is known by then.
            let _ = sender.send(text.into_bytes()).await;
        });
        Response::new(200, body).header("content-type", "application/json")
    }
}

async fn hash(card: Card, source: Source, share: &Share, hashes: &Arc<Hashes>) -> String {
    let looked_up = tokio::task::spawn_blocking(move || look_up(&card, source)).await;
    let content = match looked_up {
        Ok(Ok(content)) => content,
        Ok(Err(refusal)) => {
            return UserReply::refused(Code::DownloadFailed, &refusal.error).encode();
        }
        Err(error) => {
            tracing::error!(%error, "looking up a download");
            return UserReply::refused(Code::DownloadFailed, Refusal::DEVICE_ERROR).encode();
        }
    };
    let (size, known) = (content.len(), content.sha256(hashes));
    let hash = match known {
        Some(hash) => Ok(hash),
        None => download::hash(content, share, hashes).await,
    };
    match hash {
        Ok(hash) => FileHash {
            sha256: wire::Sha256(hash),
            size,
        }
        .encode(),
        Err(error) => {
            tracing::warn!(%error, "hashing a download");
            UserReply::refused(Code::DownloadFailed, Refusal::DEVICE_ERROR).encode()
        }
    }
}

fn look_up(card: &Card, source: Source) -> Result<Content, Refusal> {
    let refusal = |error: CardError, missing: Refusal| match error {
        CardError::NoSuchFile => missing,
        error => {
            tracing::warn!(%error, "a download cannot be read");
            Refusal::device_error()
        }
    };
    match source {
        Source::File(name) => {
            Content::file(card, &name).map_err(|error| refusal(error, Refusal::no_such_file()))
        }
        Source::Range {
            start_time,
            end_time,
        } => match Cut::plan(card, ms(start_time), ms(end_time)) {
            Ok(Some(cut)) => {
                let reader = CutReader::new(card.clone(), cut);
                Ok(Content::Cut(Box::new(reader)))
            }
            Ok(None) => Err(Refusal::no_recording()),
            Err(error) => Err(refusal(error, Refusal::no_recording())),
        },
    }
}

fn flv(body: Body) -> Response {
    Response::new(200, body)
        .header("content-type", "video/x-flv")
        .header("cache-control", "no-store")
}

/// The card failed: what it said goes along for whoever looks into it.
fn failed(error: &dyn std::fmt::Display) -> Response {
    tracing::warn!(%error, "the card cannot be read");
    super::detailed(&error.to_string())
}

fn kind(content: &Content) -> &'static str {
    match content {
        Content::File { etag, .. } if etag.contains(".jpg-") => "image/jpeg",
        Content::File { .. } | Content::Cut(_) => "video/mp4",
    }
}

/// Whether an `If-Match` names the tag (RFC 9110, 13.1.1).
fn matches(tags: &str, etag: &str) -> bool {
    tags.trim() == "*" || tags.split(',').any(|tag| tag.trim() == etag)
}

pub(super) fn ms(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_one_of_several_tags_or_any() {
        for (tags, good) in [
            ("\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("W/\"a\"", false),
            ("", false),
        ] {
            assert_eq!(matches(tags, "\"a\""), good, "{tags}");
        }
    }

    #[test]
    fn seconds_beyond_time_are_the_end_of_it() {
        assert_eq!(ms(5), 5_000);
        assert_eq!(ms(u64::MAX), i64::MAX);
    }
}
