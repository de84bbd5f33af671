//! The bytes of a download: from where it stopped, hashed while they are written.

use super::record::{Paths, Record};
use crate::api::{DownloadWhat, Failure, FailureCode};
use crate::fail;
use crate::session::Session;
use crate::store::not_written;
use p2p::{Chunk, Priority, Request, Response};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use wire::stream::{Download, Source, StreamRequest, header};

/// Pieces that may wait for the disk.
const PIECES: usize = 64;
/// Without a byte for this long the camera has gone.
const SILENCE: Duration = Duration::from_secs(20);
/// What is left free on the disk beside the download, bytes.
const RESERVE: u64 = 32 << 20;

/// Where a download stands, for those who look.
#[derive(Debug, Default)]
pub struct Count {
    /// Bytes so far.
    pub received: AtomicU64,
    /// Bytes in all; 0 = not known yet.
    pub total: AtomicU64,
}

/// How the fetching ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fetched {
    /// Everything is there; its hash.
    Whole([u8; 32]),
    /// The bytes so far belong to something else: begin anew.
    Changed,
    /// It was stopped.
    Stopped,
}

/// What a download is of, on the wire.
pub(super) fn source(what: &DownloadWhat) -> Source {
    let seconds = |ms: i64| u64::try_from(ms.div_euclid(1000)).unwrap_or(0);
    match what {
        DownloadWhat::File { name } => Source::File(name.clone()),
        DownloadWhat::Range { from_ms, to_ms } => Source::Range {
            start_time: seconds(*from_ms),
            end_time: seconds(to_ms.saturating_add(999)),
        },
    }
}

/// Fetches what is missing of `record` into its part. The record is kept up to date on the disk.
///
/// # Errors
/// What the camera, the transport and the disk say. What came stays.
pub(super) async fn fetch(
    session: &Session,
    record: &mut Record,
    paths: &Paths,
    count: &Count,
    stop: &mut watch::Receiver<bool>,
) -> Result<Fetched, Failure> {
    let have = paths.received();
    count.received.store(have, Ordering::Relaxed);
    count.total.store(record.total, Ordering::Relaxed);
    if have > 0 && have == record.total {
        return hash_whole(paths).await;
    }
    let response = tokio::select! {
        response = ask(session, record, have) => response?,
        () = stopped(stop) => return Ok(Fetched::Stopped),
    };
    match response.status {
        200 | 206 => {}
        412 | 416 if have > 0 => return Ok(Fetched::Changed),
        _ => {
            let wanted = match &record.what {
                DownloadWhat::File { name } => name.clone(),
                DownloadWhat::Range { .. } => paths.name(),
            };
            return Err(fail::status(response, &session.name(), &wanted).await);
        }
    }
    note(record, &response, have).map_err(|failure| failure.with("camera", session.name()))?;
    count.total.store(record.total, Ordering::Relaxed);
    paths.write(record)?;
    check_room(&paths.part, record.total, have)?;
    take(session, record, paths, count, stop, response, have).await
}

async fn ask(session: &Session, record: &Record, have: u64) -> Result<Response, Failure> {
    let wanted = StreamRequest::Download(Download {
        channel: 0,
        source: source(&record.what),
        offset: have,
    });
    let mut request = Request::get(wanted.to_path()).priority(Priority::Download);
    if let Some(etag) = record.etag.as_ref().filter(|_| have > 0) {
        request = request.header("if-match", etag);
    }
    session
        .p2p()
        .request(request)
        .await
        .map_err(|error| fail::transport(&error, &session.name()))
}

/// Learns what the camera says of the bytes that follow.
fn note(record: &mut Record, response: &Response, have: u64) -> Result<(), Failure> {
    let number = |name: &str| {
        response
            .header_value(name)
            .and_then(|text| text.parse().ok())
    };
    let moment = |name: &str| number(name).and_then(|ms: u64| i64::try_from(ms).ok());
    let start = moment(header::START_MS);
    if let (Some(start), Some(earliest)) = (start, record.not_before_ms)
        && start < earliest
    {
        return Err(Failure::new(FailureCode::NoRecording));
    }
    record.total = number("content-length").map_or(0, |rest: u64| rest.saturating_add(have));
    record.from_ms = start.unwrap_or(record.from_ms);
    record.to_ms = moment(header::END_MS).unwrap_or(record.to_ms);
    record.etag = response.header_value("etag").map(str::to_owned);
    record.sha256 = response.header_value(header::SHA256).map(str::to_owned);
    Ok(())
}

async fn take(
    session: &Session,
    record: &Record,
    paths: &Paths,
    count: &Count,
    stop: &mut watch::Receiver<bool>,
    mut response: Response,
    have: u64,
) -> Result<Fetched, Failure> {
    let (pieces, queue) = mpsc::channel(PIECES);
    let path = paths.part.clone();
    let writer = tokio::task::spawn_blocking(move || write(&path, have, queue));
    let name = session.name();
    let lost = |detail: &str| {
        Failure::new(FailureCode::ConnectionLost)
            .with("camera", &name)
            .detail(detail)
    };
    let ended = loop {
        let chunk = tokio::select! {
            chunk = tokio::time::timeout(SILENCE, response.body.chunk()) => chunk,
            () = stopped(stop) => break Ok(false),
        };
        match chunk {
            Err(_) => break Err(lost("silent")),
            Ok(None) => break Ok(true),
            Ok(Some(Err(error))) => break Err(fail::transport(&error, &name)),
            Ok(Some(Ok(chunk))) => {
                let bytes = chunk.len() as u64;
                if pieces.send(chunk).await.is_err() {
                    // The writer says why.
                    break Ok(true);
                }
                count.received.fetch_add(bytes, Ordering::Relaxed);
            }
        }
    };
    drop(pieces);
    let written = writer.await.map_err(fail::internal)?;
    let (hash, length) = written.map_err(|error| disk(&paths.part, &error))?;
    count.received.store(length, Ordering::Relaxed);
    if !ended? {
        return Ok(Fetched::Stopped);
    }
    if length < record.total {
        return Err(lost("the file ended early"));
    }
    Ok(Fetched::Whole(hash))
}

/// Resolves when the user stops it.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender nobody can stop it any more: then it is to end as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Writes what comes behind the first `have` bytes and hashes all of it; the hash and the length.
fn write(
    path: &Path,
    have: u64,
    mut queue: mpsc::Receiver<Chunk>,
) -> std::io::Result<([u8; 32], u64)> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)?;
    file.set_len(have)?;
    let mut hash = Sha256::new();
    hash_file(&mut file, &mut hash)?;
    file.seek(SeekFrom::Start(have))?;
    let mut length = have;
    while let Some(chunk) = queue.blocking_recv() {
        file.write_all(&chunk)?;
        hash.update(&*chunk);
        length += chunk.len() as u64;
    }
    file.sync_data()?;
    Ok((hash.finalize().into(), length))
}

fn hash_file(file: &mut File, hash: &mut Sha256) -> std::io::Result<u64> {
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(read) => {
                hash.update(&buffer[..read]);
                length += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The hash of a part that is there already.
async fn hash_whole(paths: &Paths) -> Result<Fetched, Failure> {
    let path = paths.part.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        let mut hash = Sha256::new();
        hash_file(&mut File::open(&path)?, &mut hash)?;
        Ok::<_, std::io::Error>(hash.finalize().into())
    });
    let hashed = hashed.await.map_err(fail::internal)?;
    hashed
        .map(Fetched::Whole)
        .map_err(|error| disk(&paths.part, &error))
}

/// What an error of the disk means.
pub(super) fn disk(path: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == ErrorKind::StorageFull {
        return full(path, 0);
    }
    not_written(path, error)
}

/// Whether there is room for what is missing and for the file that is made of it.
fn check_room(part: &Path, total: u64, have: u64) -> Result<(), Failure> {
    let needed = total.saturating_sub(have).saturating_add(total);
    match free(part) {
        Some(free) if needed > 0 && free < needed.saturating_add(RESERVE) => {
            Err(full(part, needed))
        }
        _ => Ok(()),
    }
}

fn free(part: &Path) -> Option<u64> {
    fs4::available_space(folder(part)).ok()
}

fn folder(part: &Path) -> &Path {
    part.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn full(part: &Path, needed: u64) -> Failure {
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    Failure::new(FailureCode::DiskFull)
        .with("path", folder(part).display())
        .with("needed", megabytes(needed.saturating_add(RESERVE)))
        .with("free", megabytes(free(part).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(pieces: &[&[u8]]) -> mpsc::Receiver<Chunk> {
        let (sender, queue) = mpsc::channel(16);
        for piece in pieces {
            sender.try_send(Chunk::from(piece.to_vec())).unwrap();
        }
        queue
    }

    #[test]
    fn what_is_written_in_two_runs_has_the_hash_of_the_whole() {
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("x.download");
        let (_, length) = write(&part, 0, chunks(&[b"hello", b" wor"])).unwrap();
        assert_eq!(length, 9);
        // What was written after the record's last word is written again.
        let (hash, length) = write(&part, 6, chunks(&[b"world"])).unwrap();
        assert_eq!(std::fs::read(&part).unwrap(), b"hello world");
        let whole: [u8; 32] = Sha256::digest(b"hello world").into();
        assert_eq!((hash, length), (whole, 11));
    }

    #[test]
    fn a_disk_without_room_is_told_before_the_first_byte() {
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("x.download");
        assert!(check_room(&part, 1000, 0).is_ok());
        let failure = check_room(&part, u64::MAX, 0).unwrap_err();
        assert_eq!(failure.code, FailureCode::DiskFull);
        assert!(failure.params.contains_key("needed"), "{failure}");
    }

    #[test]
    fn a_range_is_asked_for_in_whole_seconds_around_it() {
        let range = DownloadWhat::Range {
            from_ms: 1_999,
            to_ms: 7_001,
        };
        assert_eq!(
            source(&range),
            Source::Range {
                start_time: 1,
                end_time: 8
            }
        );
    }
}
