//! The calls about recordings, and those that play and keep them.

use super::App;
use crate::FrameSink;
use crate::api::{
    CameraKey, DownloadCall, DownloadReply, Failure, FailureCode, PlaybackAction, PlaybackCall,
    RecordedCall, RecordedReply, Reply, ViewId,
};
use crate::live::view::{Kind, Order};
use crate::playback::{self, Opening, Speed};
use crate::recorded;
use crate::session::Session;
use base64::Engine;
use std::sync::Arc;

impl App {
    /// Answers what is on a camera's card.
    ///
    /// # Errors
    /// What went wrong, with texts in [`crate::texts`].
    pub(super) async fn recorded_call(&self, call: RecordedCall) -> Result<Reply, Failure> {
        let get = |camera: &CameraKey| self.0.cameras.get(camera);
        let reply = match call {
            RecordedCall::RecordedDays {
                camera,
                year,
                month,
                utc_offset_min,
            } => days(&get(&camera)?, year, month, utc_offset_min).await?,
            RecordedCall::Recordings {
                camera,
                from_ms,
                to_ms,
            } => {
                let session = get(&camera)?;
                RecordedReply::Recordings {
                    stretches: recorded::stretches(&session, from_ms, to_ms).await?,
                    events: recorded::events(&session, from_ms, to_ms).await?,
                }
            }
            RecordedCall::RecordedFiles {
                camera,
                from_ms,
                to_ms,
                pictures,
            } => RecordedReply::Files {
                files: recorded::files(&get(&camera)?, from_ms, to_ms, pictures).await?,
            },
            RecordedCall::RecordedThumbnail {
                camera,
                at_ms,
                width,
            } => {
                let session = get(&camera)?;
                let (jpeg, taken) = self.0.thumbnails.get(&session, at_ms, width).await?;
                let jpeg = base64::engine::general_purpose::STANDARD.encode(jpeg);
                return Ok(Reply::Thumbnail {
                    jpeg: Some(jpeg),
                    taken: taken.max(0).unsigned_abs(),
                });
            }
            RecordedCall::CardStatus { camera } => RecordedReply::Card {
                card: recorded::card(&*get(&camera)?).await?,
            },
            RecordedCall::FormatCard { camera } => {
                recorded::format(&*get(&camera)?).await?;
                self.0.thumbnails.forget(&camera);
                return Ok(Reply::Done);
            }
        };
        Ok(Reply::Recorded(reply))
    }

    /// Opens a playback, or does something with an open one.
    ///
    /// # Errors
    /// What went wrong, with texts in [`crate::texts`].
    pub(super) async fn playback_call(
        &self,
        call: PlaybackCall,
        sink: Option<FrameSink>,
    ) -> Result<Reply, Failure> {
        let app = &*self.0;
        match call {
            PlaybackCall::OpenPlayback {
                view,
                camera,
                at_ms,
                sink: carries,
                max_width,
                audio,
            } => {
                let opening = Opening {
                    view,
                    session: app.cameras.get(&camera)?,
                    core: app.core.clone(),
                    sink: sink.ok_or_else(|| crate::fail::internal("a view needs a channel"))?,
                    at_ms,
                    carries,
                    max_width,
                    sound: audio.then(|| (app.device.clone(), app.volume.clone())),
                };
                self.put(view, playback::open(opening)).await;
                Ok(Reply::Done)
            }
            PlaybackCall::Playback { view, action } => {
                if let PlaybackAction::Speed { speed } = action {
                    Speed::new(speed)?;
                }
                self.order(view, Order::Play(action))
            }
        }
    }

    /// Begins, stops, lists downloads.
    ///
    /// # Errors
    /// What went wrong, with texts in [`crate::texts`].
    pub(super) async fn download_call(&self, call: DownloadCall) -> Result<Reply, Failure> {
        let downloads = &self.0.downloads;
        match call {
            DownloadCall::StartDownload { camera, what } => {
                let id = downloads.start(&camera, what)?;
                return Ok(Reply::Download(DownloadReply::DownloadStarted { id }));
            }
            DownloadCall::Downloads => {
                let downloads = downloads.list_all();
                return Ok(Reply::Download(DownloadReply::Downloads { downloads }));
            }
            DownloadCall::PauseDownload { id } => downloads.pause(id)?,
            DownloadCall::ResumeDownload { id } => downloads.resume(id)?,
            DownloadCall::CancelDownload { id } => downloads.cancel(id).await?,
            DownloadCall::ForgetDownload { id } => downloads.forget(id)?,
        }
        Ok(Reply::Done)
    }
}

async fn days(
    session: &Arc<Session>,
    year: u16,
    month: u8,
    utc_offset_min: i32,
) -> Result<RecordedReply, Failure> {
    let span =
        wire::calendar::month(year.into(), month.into(), utc_offset_min).ok_or_else(|| {
            Failure::new(FailureCode::CommandMalformed).with(
                "reason",
                format!("{year}-{month} at {utc_offset_min} min is no month"),
            )
        })?;
    // The first hours of January 1970 are December 1969 in UTC, when there was no camera.
    let stretches = recorded::stretches(session, span.0.max(0), span.1.max(0)).await?;
    Ok(RecordedReply::Days {
        days: recorded::days_of(&stretches, span),
    })
}

/// A view was asked for what the other kind does.
pub(super) fn wrong_view(view: ViewId, kind: Kind) -> Failure {
    let wanted = match kind {
        Kind::Live => Kind::Playback,
        Kind::Playback => Kind::Live,
    };
    Failure::new(FailureCode::WrongView)
        .with("view", view)
        .with("shows", kind.name())
        .with("wanted", wanted.name())
}
