//! Still pictures: snapshots and thumbnails, made from coded pictures at hand.

use crate::api::{Failure, FailureCode};
use crate::live::VideoUnit;
use crate::live::pictures::fit;
use crate::store::{not_written, write_atomic};
use jiff::Timestamp;
use media::Picture;
use media::scale::Scaler;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// JPEG quality of a snapshot.
const QUALITY: u8 = 90;
/// JPEG quality of a thumbnail.
const THUMBNAIL_QUALITY: u8 = 75;
/// Width of a thumbnail, pixels.
const THUMBNAIL_WIDTH: u32 = 640;

/// Decodes `pictures` (a key picture and what follows) and gives the newest. Takes about 1 ms a picture at 720p: call
/// it where blocking is allowed.
///
/// # Errors
/// [`FailureCode::NoPictureYet`] without any, [`FailureCode::DecoderFailed`].
pub fn newest(pictures: &[VideoUnit], camera: &str) -> Result<Picture, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(FailureCode::DecoderFailed)
            .with("camera", camera)
            .detail(error)
    };
    let none = || Failure::new(FailureCode::NoPictureYet).with("camera", camera);
    let first = pictures.first().ok_or_else(none)?;
    let mut decoder = first.track.decoder().map_err(|error| failed(&error))?;
    let mut newest = None;
    let mut trouble = None;
    for unit in pictures {
        match decoder.decode(&unit.data, unit.pts.saturating_mul(1000)) {
            Ok(decoded) => newest = decoded.into_iter().next_back().or(newest),
            Err(error) => trouble = Some(error),
        }
    }
    if newest.is_none() {
        newest = decoder
            .finish()
            .ok()
            .and_then(|rest| rest.into_iter().next_back());
    }
    newest.ok_or_else(|| trouble.map_or_else(none, |error| failed(&error)))
}

/// A snapshot as JPEG.
///
/// # Errors
/// As [`newest`].
pub fn jpeg(pictures: &[VideoUnit], camera: &str) -> Result<Vec<u8>, Failure> {
    let picture = newest(pictures, camera)?;
    media::jpeg::encode(&picture, QUALITY).map_err(crate::fail::internal)
}

/// A small picture for the home page, as JPEG.
///
/// # Errors
/// As [`newest`].
pub fn thumbnail(pictures: &[VideoUnit], camera: &str) -> Result<Vec<u8>, Failure> {
    small(pictures, camera, THUMBNAIL_WIDTH)
}

/// A picture no wider than `width`, as JPEG.
///
/// # Errors
/// As [`newest`].
pub fn small(pictures: &[VideoUnit], camera: &str, width: u32) -> Result<Vec<u8>, Failure> {
    let picture = newest(pictures, camera)?;
    let (width, height) = fit(picture.width(), picture.height(), width);
    let small = Scaler::new()
        .scale(&picture, width, height)
        .map_err(crate::fail::internal)?;
    media::jpeg::encode(&small, THUMBNAIL_QUALITY).map_err(crate::fail::internal)
}

/// Writes a file whole.
///
/// # Errors
/// [`FailureCode::FileNotWritten`].
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|error| not_written(folder, &error))?;
    }
    write_atomic(path, bytes).map_err(|error| not_written(path, &error))
}

/// A name that no file in `dir` has: `front-door 2026-11-20 18.04.31.jpg` (UTC), with ` (2)` … behind the time if need be.
pub fn free_path(dir: &Path, camera: &str, extension: &str) -> PathBuf {
    let (date, time) = date_and_time(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |passed| passed.as_secs()),
    );
    (1u32..)
        .map(|n| {
            if n == 1 {
                String::new()
            } else {
                format!(" ({n})")
            }
        })
        .map(|more| dir.join(format!("{camera} {date} {time}{more}.{extension}")))
        .find(|path| !path.exists())
        .unwrap_or_else(|| dir.join(format!("{camera}.{extension}")))
}

/// Unix time in seconds as `2026-11-20` and `18.04.31`, UTC.
pub(crate) fn date_and_time(unix: u64) -> (String, String) {
    let at = i64::try_from(unix).ok();
    let at = at.and_then(|unix| Timestamp::from_second(unix).ok());
    let at = at.unwrap_or(Timestamp::MAX);
    let written = |format| at.strftime(format).to_string();
    (written("%F"), written("%H.%M.%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date_and_time(0), ("1970-01-01".into(), "00.00.00".into()));
        assert_eq!(
            date_and_time(951_782_399),
            ("2000-02-28".into(), "23.59.59".into())
        );
        assert_eq!(date_and_time(951_782_400).0, "2000-02-29");
        assert_eq!(
            date_and_time(1_795_197_871),
            ("2026-11-20".into(), "18.04.31".into())
        );
    }

    #[test]
    fn a_name_is_never_used_twice() {
        let dir = tempfile::tempdir().unwrap();
        let first = free_path(dir.path(), "front", "jpg");
        save(&first, b"x").unwrap();
        assert_ne!(free_path(dir.path(), "front", "jpg"), first);
    }

    #[test]
    fn without_pictures_there_is_no_snapshot() {
        assert_eq!(
            jpeg(&[], "Front").unwrap_err().code,
            FailureCode::NoPictureYet
        );
    }
}
