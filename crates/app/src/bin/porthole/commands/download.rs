//! `porthole download CAMERA (FILE | --from T --to T) -o FILE`: goes on where an earlier run stopped.

use crate::out::Out;
use app::App;
use app::api::{DownloadState, DownloadWhat, Failure};
use app::downloads::{Count, Ended, Paths, Record, Transfer};
use app::fail;
use app::session::Session;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// A camera that went away is asked again after this long.
const AGAIN: Duration = Duration::from_secs(1);
/// And so often in a row, without a byte between, until it is given up.
const MAX_LOST: u32 = 60;
/// Progress is shown this often.
const SHOW: Duration = Duration::from_millis(250);

/// Downloads until it is done, also across lost connections. A recording that changes its coding becomes further files, `-2` …
pub(crate) async fn run(
    app: &App,
    out: &Out,
    camera: &str,
    what: DownloadWhat,
    file: &Path,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let (mut what, mut not_before_ms) = (what, None);
    let mut files = Vec::new();
    for number in 1.. {
        let paths = Paths::of(&numbered(file, number));
        let mut record = Record::new(number, session.key().to_owned(), what.clone());
        record.not_before_ms = not_before_ms;
        // What an earlier run has left is of use if it was after the same.
        match paths.read() {
            Some(left) if left.camera == record.camera && is_same(&left.what, &what) => {
                record = left;
            }
            _ => paths.clear(),
        }
        let ended = match one(out, &session, paths, record).await {
            Err(failure) if number > 1 && failure.code == app::FailureCode::NoRecording => break,
            ended => ended?,
        };
        let Some((record, path, bytes, rest)) = ended else {
            return Ok(());
        };
        let path = path.display().to_string();
        files.push(
            json!({ "path": path, "bytes": bytes, "fromMs": record.from_ms, "toMs": record.to_ms }),
        );
        out.progress_done();
        if !out.is_json() {
            out.data(&json!(null), &format!("{path}: {bytes} bytes"));
        }
        let next = rest.and_then(|end| Some((Transfer::rest(&record, end)?, end - 1)));
        let Some((left, end)) = next else { break };
        (what, not_before_ms) = (left, Some(end));
    }
    if out.is_json() {
        out.data(&json!({ "files": files }), "");
    }
    Ok(())
}

/// Whether a record is of what is wanted. The end of a range that reached into what was being recorded is an earlier one.
fn is_same(left: &DownloadWhat, wanted: &DownloadWhat) -> bool {
    match (left, wanted) {
        (
            DownloadWhat::Range {
                from_ms: a,
                to_ms: until,
            },
            DownloadWhat::Range { from_ms: b, to_ms },
        ) => a == b && until <= to_ms,
        (left, wanted) => left == wanted,
    }
}

type One = (Record, PathBuf, u64, Option<i64>);

/// One file; nothing if it was stopped by the user.
async fn one(
    out: &Out,
    session: &Arc<Session>,
    paths: Paths,
    record: Record,
) -> Result<Option<One>, Failure> {
    let (sender, stop) = watch::channel(false);
    let count = Arc::new(Count::default());
    let mut transfer = Transfer {
        session: session.clone(),
        paths,
        record,
        count: count.clone(),
        stop,
    };
    let end = super::end(None);
    tokio::pin!(end);
    let mut lost = 0;
    loop {
        let before = count.received.load(Ordering::Relaxed);
        let ended = {
            let mut told = |state: DownloadState| tracing::debug!(?state, "download");
            let mut show = tokio::time::interval(SHOW);
            let run = transfer.run(&mut told);
            tokio::pin!(run);
            loop {
                tokio::select! {
                    ended = &mut run => break ended,
                    _ = show.tick() => out.progress(&shown(&count)),
                    () = &mut end, if !*sender.borrow() => {
                        sender.send_replace(true);
                    }
                }
            }
        };
        match ended {
            Ok(Ended::Stopped) => return Ok(None),
            Ok(Ended::Done { file, bytes, rest }) => {
                return Ok(Some((transfer.record, file, bytes, rest)));
            }
            Err(failure) if fail::is_passing(failure.code) => {
                if count.received.load(Ordering::Relaxed) > before {
                    lost = 0;
                }
                lost += 1;
                if lost > MAX_LOST {
                    return Err(failure);
                }
                out.progress(&out.title(&failure));
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    () = &mut end => return Ok(None),
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn shown(count: &Count) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let received = count.received.load(Ordering::Relaxed);
    match count.total.load(Ordering::Relaxed) {
        0 => format!("{:.1} MB", megabytes(received)),
        total => format!(
            "{:.1} of {:.1} MB, {:.0} %",
            megabytes(received),
            megabytes(total),
            received as f64 * 100.0 / total as f64
        ),
    }
}

/// `clip.mp4`, `clip-2.mp4` …
fn numbered(file: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return file.to_owned();
    }
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let (stem, extension) = (part(file.file_stem()), part(file.extension()));
    file.with_file_name(format!("{stem}-{number}.{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_files_are_numbered_and_only_the_same_range_is_gone_on_with() {
        assert_eq!(
            numbered(Path::new("/a/b.c.mp4"), 1),
            Path::new("/a/b.c.mp4")
        );
        assert_eq!(
            numbered(Path::new("/a/b.c.mp4"), 3),
            Path::new("/a/b.c-3.mp4")
        );
        let range = |from_ms, to_ms| DownloadWhat::Range { from_ms, to_ms };
        assert!(
            is_same(&range(1, 5), &range(1, 9)),
            "it had not been recorded yet"
        );
        assert!(!is_same(&range(1, 9), &range(1, 5)));
        assert!(!is_same(&range(2, 9), &range(1, 9)));
    }
}
