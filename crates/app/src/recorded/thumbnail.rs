//! Small pictures of recorded moments, and the few of them that are kept.

use crate::api::{Failure, FailureCode};
use crate::book::now_ms;
use crate::live::demux::Demux;
use crate::live::{Unit, VideoUnit};
use crate::session::{COMMAND_TIME, Session};
use crate::{fail, snapshot};
use p2p::{Priority, Request};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use wire::stream::{StreamRequest, THUMBNAIL_WIDTHS, Thumbnail, header};

/// Largest picture that is read: a key picture of 1080p.
const MAX_BYTES: usize = 4 << 20;
/// Pictures kept at most.
const MAX_KEPT: usize = 256;
/// Bytes kept at most.
const MAX_KEPT_BYTES: usize = 8 << 20;
/// A moment this close to now may still get a better picture, ms.
const FRESH_MS: i64 = 90_000;

/// A small picture and when it was taken, unix ms.
pub(crate) type Small = (Arc<[u8]>, i64);

/// The small pictures shown lately.
#[derive(Debug, Default)]
pub struct Thumbnails(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The one used last is at the end.
    pictures: VecDeque<(Key, Small)>,
    bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    camera: String,
    second: i64,
    width: u16,
}

impl Kept {
    fn get(&mut self, key: &Key) -> Option<Small> {
        let at = self.pictures.iter().position(|(kept, _)| kept == key)?;
        let found = self.pictures.remove(at)?;
        let small = found.1.clone();
        self.pictures.push_back(found);
        Some(small)
    }

    fn keep(&mut self, key: Key, small: Small) {
        self.bytes += small.0.len();
        self.pictures.push_back((key, small));
        while self.pictures.len() > MAX_KEPT || self.bytes > MAX_KEPT_BYTES {
            let Some((_, (jpeg, _))) = self.pictures.pop_front() else {
                return;
            };
            self.bytes -= jpeg.len();
        }
    }
}

impl Thumbnails {
    /// The picture of a moment, kept or asked for.
    ///
    /// # Errors
    /// As [`thumbnail`].
    pub async fn get(&self, session: &Session, at_ms: i64, width: u32) -> Result<Small, Failure> {
        let width = clamp(width);
        let key = Key {
            camera: session.key().to_owned(),
            second: at_ms.div_euclid(1000),
            width,
        };
        if let Some(small) = self.kept().get(&key) {
            return Ok(small);
        }
        let small = thumbnail(session, at_ms, u32::from(width)).await?;
        if at_ms < now_ms() as i64 - FRESH_MS {
            self.kept().keep(key, small.clone());
        }
        Ok(small)
    }

    /// Forgets all of one camera's: its card was erased, or it is gone.
    pub fn forget(&self, camera: &str) {
        let mut kept = self.kept();
        kept.pictures.retain(|(key, _)| key.camera != camera);
        kept.bytes = kept.pictures.iter().map(|(_, (jpeg, _))| jpeg.len()).sum();
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clamp(width: u32) -> u16 {
    u16::try_from(width)
        .unwrap_or(u16::MAX)
        .clamp(*THUMBNAIL_WIDTHS.start(), *THUMBNAIL_WIDTHS.end())
}

/// Asks the camera for the picture of the keyframe at or before a moment, as JPEG, `width` pixels wide.
///
/// # Errors
/// [`FailureCode::NoRecording`], [`FailureCode::NoCard`], [`FailureCode::StreamMalformed`], what the transport says.
pub async fn thumbnail(session: &Session, at_ms: i64, width: u32) -> Result<Small, Failure> {
    let name = session.name();
    let wanted = StreamRequest::Thumbnail(Thumbnail {
        channel: 0,
        time: u64::try_from(at_ms.div_euclid(1000)).unwrap_or(0),
        width: Some(clamp(width)),
    });
    let request = Request::get(wanted.to_path())
        .priority(Priority::Video)
        .watched(false);
    let asked = tokio::time::timeout(COMMAND_TIME, async {
        let response = session
            .p2p()
            .request(request)
            .await
            .map_err(|error| fail::transport(&error, &name))?;
        if response.status != 200 {
            return Err(fail::status(response, &name, "thumbnail").await);
        }
        let taken = response
            .header_value(header::TIME_MS)
            .and_then(|text| text.parse().ok());
        let kind = response.header_value("content-type").unwrap_or_default();
        let flv = kind.starts_with("video/");
        let bytes = response
            .body
            .read_to_end(MAX_BYTES)
            .await
            .map_err(|error| fail::transport(&error, &name))?;
        Ok((bytes, flv, taken))
    });
    let (bytes, flv, taken) = asked.await.unwrap_or_else(|_| {
        Err(Failure::new(FailureCode::CommandTimeout)
            .with("camera", &name)
            .with("seconds", COMMAND_TIME.as_secs_f32()))
    })?;
    let taken = taken.unwrap_or(at_ms);
    if !flv {
        return Ok((bytes.into(), taken));
    }
    let small = tokio::task::spawn_blocking(move || {
        let pictures = pictures(&bytes);
        snapshot::small(&pictures, &name, width)
    });
    Ok((small.await.map_err(fail::internal)??.into(), taken))
}

/// The key picture that a camera without an encoder of JPEG sends.
fn pictures(flv: &[u8]) -> Vec<VideoUnit> {
    let mut demux = Demux::new();
    // What is damaged gives no picture, which is told.
    let _ = demux.push(flv, Instant::now());
    std::iter::from_fn(|| demux.pop())
        .filter_map(|unit| match unit {
            Unit::Video(video) => Some(video),
            Unit::Audio(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let key = |second| Key {
            camera: "front".into(),
            second,
            width: 160,
        };
        let mut kept = Kept::default();
        for second in 0..MAX_KEPT as i64 {
            kept.keep(key(second), (vec![0; 100].into(), second));
        }
        assert_eq!(kept.get(&key(0)).unwrap().1, 0);
        kept.keep(key(-1), (vec![0; 100].into(), -1));
        assert!(kept.get(&key(0)).is_some(), "used just now");
        assert!(kept.get(&key(1)).is_none(), "the oldest makes room");
        kept.keep(key(-2), (vec![0; MAX_KEPT_BYTES].into(), -2));
        assert_eq!(
            (kept.pictures.len(), kept.bytes),
            (1, MAX_KEPT_BYTES),
            "a large one takes the room of all"
        );
    }

    #[test]
    fn widths_are_those_a_camera_takes() {
        assert_eq!((clamp(0), clamp(160), clamp(u32::MAX)), (16, 160, 1280));
    }
}
