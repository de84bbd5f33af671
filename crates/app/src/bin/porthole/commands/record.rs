//! `porthole record CAMERA FILE.mp4`

use crate::out::Out;
use app::App;
use app::api::{Failure, Quality};
use app::continuous::{Fed, Feed};
use app::live::Unit;
use app::record::{Naming, Recorder};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Records until Ctrl-C or for some seconds; the file is finished either way.
pub(crate) async fn run(
    app: &App,
    out: &Out,
    camera: &str,
    file: PathBuf,
    seconds: Option<f64>,
    quality: Quality,
) -> Result<(), Failure> {
    let session = app.cameras().meant(camera)?;
    let name = session.name();
    let mut feed = Feed::open(session, quality);
    let recorder = Recorder::start(Naming::File(file), &[], true)?;
    let mut clip = Clip::new(seconds);
    let interrupted = super::end(None);
    tokio::pin!(interrupted);
    let mut failed = None;
    loop {
        let fed = tokio::select! {
            biased;
            () = &mut interrupted => break,
            () = clip.end() => break,
            fed = feed.next() => fed,
        };
        match fed {
            Ok(Fed::Unit(unit)) if clip.takes(&unit) => recorder.push(&unit),
            Ok(Fed::Unit(_)) => out.progress(out.say(
                "Waiting for the next key picture …",
                "正在等待下一个关键帧……",
            )),
            Ok(Fed::Lost(_)) => recorder.interrupt(),
            Ok(Fed::Opened(_)) => {}
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        }
        let progress = recorder.progress();
        if progress.failure.is_some() {
            break;
        }
        let seconds = progress.duration_ms as f64 / 1000.0;
        out.progress(&format!(
            "{}: {seconds:.1} s, {} kB",
            progress.path.display(),
            progress.bytes / 1000
        ));
    }
    let finished = recorder.finish().await;
    out.progress_done();
    if let Some(failure) = failed {
        return Err(failure);
    }
    let progress = finished.map_err(|failure| failure.with("camera", name))?;
    let path = progress.path.display().to_string();
    let people = format!(
        "{path}: {:.1} s, {} bytes",
        progress.duration_ms as f64 / 1000.0,
        progress.bytes
    );
    out.data(
        &json!({ "path": path, "bytes": progress.bytes, "durationMs": progress.duration_ms }),
        &people,
    );
    Ok(())
}

/// Which part of the stream is recorded: all of it, or some seconds from now.
///
/// A stream begins with the group of pictures that is under way, which are of the past. For a clip of some seconds they do
/// not count: it begins with the key picture after them.
#[derive(Default)]
struct Clip {
    length: Option<Duration>,
    /// A key picture has come: the next one is live.
    seen: bool,
    ends: Option<tokio::time::Instant>,
}

impl Clip {
    fn new(seconds: Option<f64>) -> Self {
        let length = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Self {
            length,
            ..Self::default()
        }
    }

    /// Whether a unit belongs to it.
    fn takes(&mut self, unit: &Unit) -> bool {
        let Unit::Video(video) = unit else {
            // Sound before the first picture is left out by the recorder, which wants to know its coding early.
            return true;
        };
        self.takes_picture(video.key)
    }

    fn takes_picture(&mut self, key: bool) -> bool {
        let Some(length) = self.length else {
            return true;
        };
        if self.ends.is_none() && key && std::mem::replace(&mut self.seen, true) {
            self.ends = Some(tokio::time::Instant::now() + length);
        }
        self.ends.is_some()
    }

    /// Resolves when it is long enough.
    async fn end(&self) {
        match self.ends {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn seconds_count_from_the_first_live_key_picture() {
        let mut clip = Clip::new(Some(3.0));
        let cached = [true, false, false].map(|key| clip.takes_picture(key));
        assert_eq!(cached, [false; 3]);
        let long = Duration::from_secs(60);
        assert!(tokio::time::timeout(long, clip.end()).await.is_err());
        assert!(!clip.takes_picture(false));
        let begun = tokio::time::Instant::now();
        assert_eq!(
            [true, false, true].map(|key| clip.takes_picture(key)),
            [true; 3]
        );
        clip.end().await;
        assert_eq!(begun.elapsed().as_secs(), 3);
    }

    #[test]
    fn without_seconds_everything_is_taken() {
        let mut clip = Clip::new(None);
        assert_eq!([true, false].map(|key| clip.takes_picture(key)), [true; 2]);
    }
}
