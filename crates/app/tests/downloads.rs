//! Downloads that are cut off, stopped, damaged, and finished all the same.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use app::api::{
    Call, Download, DownloadCall, DownloadReply, DownloadState, DownloadWhat, Event, FailureCode,
    Reply,
};
use app::live::sound::Device;
use app::{App, FileStore, Options};
use common::Camera;
use common::card::{FILE, FILM, LENGTH, START};
use media::file::{Source, Unit};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::broadcast;

async fn app(dir: &Path) -> App {
    let store = FileStore::open(dir).unwrap();
    let mut options = Options::new(dir, dir.join("media"), Box::new(store));
    options.lan = false;
    options.hub = false;
    options.sound = Device::None;
    App::start(options).await.unwrap()
}

struct Bench {
    camera: Camera,
    app: App,
    key: String,
    events: broadcast::Receiver<Event>,
    dir: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let (camera, dir) = (Camera::start().await, tempfile::tempdir().unwrap());
        let app = app(dir.path()).await;
        let add = Call::AddCamera {
            link: camera.link(),
            name: None,
            room: None,
        };
        let Ok(Reply::Camera { camera: added }) = app.call(add, None).await else {
            panic!()
        };
        Self {
            events: app.events(),
            camera,
            app,
            key: added.key,
            dir,
        }
    }

    async fn start(&self, what: DownloadWhat) -> u32 {
        let call = DownloadCall::StartDownload {
            camera: self.key.clone(),
            what,
        };
        match self.app.call(Call::Download(call), None).await {
            Ok(Reply::Download(DownloadReply::DownloadStarted { id })) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn order(&self, call: DownloadCall) {
        let done = self.app.call(Call::Download(call), None).await;
        assert_eq!(done, Ok(Reply::Done));
    }

    async fn list(&self) -> Vec<Download> {
        let call = Call::Download(DownloadCall::Downloads);
        match self.app.call(call, None).await {
            Ok(Reply::Download(DownloadReply::Downloads { downloads })) => downloads,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until a download is told to be so.
    async fn until(&mut self, id: u32, wanted: impl Fn(&Download) -> bool) -> Download {
        let found = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                let downloads = match self.events.recv().await {
                    Ok(Event::Downloads { downloads }) => downloads,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(error) => panic!("{error}"),
                };
                let found = downloads.into_iter().find(|d| d.id == id && wanted(d));
                if let Some(found) = found {
                    return found;
                }
            }
        });
        found.await.expect("no such state of the download")
    }

    async fn done(&mut self, id: u32) -> Download {
        let done = self
            .until(id, |d| {
                matches!(d.state, DownloadState::Done | DownloadState::Failed)
            })
            .await;
        assert_eq!(done.state, DownloadState::Done, "{done:?}");
        done
    }
}

fn file() -> DownloadWhat {
    DownloadWhat::File { name: FILE.into() }
}

/// The counters of all pictures of a finished file.
fn counters(path: &str) -> Vec<u32> {
    let mut source = Source::open(Path::new(path)).unwrap();
    assert!(source.audio_format().is_some(), "with sound");
    let mut counters = Vec::new();
    while source.rounds() == 0 {
        if let Unit::Video(picture) = source.next().unwrap() {
            let (width, height) = (picture.width(), picture.height());
            counters.extend(media::marks::read_counter(
                picture.y(),
                width as usize,
                width,
                height,
            ));
        }
    }
    counters.truncate(250);
    counters
}

fn whole() -> Vec<u32> {
    (0..250).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_a_plain_mp4_with_all_its_pictures() {
    let mut bench = Bench::new().await;
    let id = bench.start(file()).await;
    let done = bench.done(id).await;
    assert_eq!(done.name, format!("{} 2026-07-07 16.10.00.mp4", bench.key));
    assert_eq!((done.from_ms, done.to_ms), (START, START + LENGTH));
    let path = done.path.unwrap();
    assert_eq!(counters(&path), whole());
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(done.total, bytes.len() as u64);
    let place = |name: &[u8]| bytes.windows(4).position(|four| four == name);
    assert!(place(b"moov") < place(b"mdat") && place(b"moof").is_none());
    let folder = Path::new(&path).parent().unwrap();
    assert_eq!(
        std::fs::read_dir(folder).unwrap().count(),
        1,
        "nothing else is left"
    );
    bench.order(DownloadCall::ForgetDownload { id }).await;
    assert!(bench.list().await.is_empty() && Path::new(&path).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_goes_on_at_the_byte_where_it_stopped() {
    let mut bench = Bench::new().await;
    let half = FILM.file.len() / 2 / 4096 * 4096;
    bench
        .camera
        .brain
        .card
        .cut_after
        .store(half, Ordering::SeqCst);
    let id = bench.start(file()).await;
    let done = bench.done(id).await;
    let offsets = bench.camera.brain.card.offsets();
    assert_eq!((offsets.len(), offsets[0]), (2, 0), "{offsets:?}");
    assert!(offsets[1] > 0 && offsets[1] <= half as u64, "{offsets:?}");
    assert_eq!(counters(&done.path.unwrap()), whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_ends_goes_on_when_it_is_started_again() {
    let mut bench = Bench::new().await;
    bench.camera.brain.card.slow.store(40, Ordering::SeqCst);
    let id = bench.start(file()).await;
    bench.until(id, |d| d.received > 20_000).await;
    bench.app.shutdown().await;
    bench.camera.brain.card.slow.store(0, Ordering::SeqCst);
    bench.app = app(bench.dir.path()).await;
    bench.events = bench.app.events();
    let done = match bench.list().await.first() {
        Some(done) if done.state == DownloadState::Done => done.clone(),
        _ => bench.done(id).await,
    };
    let offsets = bench.camera.brain.card.offsets();
    assert!(
        offsets.last().is_some_and(|offset| *offset >= 20_000),
        "{offsets:?}"
    );
    assert_eq!(counters(&done.path.unwrap()), whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_paused_resumed_and_cancelled() {
    let mut bench = Bench::new().await;
    bench.camera.brain.card.slow.store(40, Ordering::SeqCst);
    let id = bench.start(file()).await;
    let running = bench
        .until(id, |d| d.received > 8_000 && d.remaining_ms.is_some())
        .await;
    assert!(running.bytes_per_second > 0.0 && running.total == FILM.file.len() as u64);
    bench.order(DownloadCall::PauseDownload { id }).await;
    bench.until(id, |d| d.state == DownloadState::Paused).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let held = bench.list().await[0].received;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.list().await[0].received, held);
    bench.order(DownloadCall::ResumeDownload { id }).await;
    bench.until(id, |d| d.received > held).await;
    bench.order(DownloadCall::CancelDownload { id }).await;
    assert!(bench.list().await.is_empty());
    let folder = bench.dir.path().join("media/Downloads");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    let unknown = DownloadCall::PauseDownload { id };
    let refused = bench.app.call(Call::Download(unknown), None).await;
    assert_eq!(refused.unwrap_err().code, FailureCode::DownloadUnknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_differ_are_fetched_again_and_told_if_they_still_do() {
    let mut bench = Bench::new().await;
    bench.camera.brain.card.damaged.store(1, Ordering::SeqCst);
    let id = bench.start(file()).await;
    let done = bench.done(id).await;
    assert_eq!(bench.camera.brain.card.offsets(), [0, 0]);
    assert_eq!(counters(&done.path.unwrap()), whole());
    bench.camera.brain.card.damaged.store(2, Ordering::SeqCst);
    let id = bench.start(file()).await;
    let failed = bench.until(id, |d| d.state == DownloadState::Failed).await;
    assert_eq!(failed.failure.unwrap().code, FailureCode::DownloadDamaged);
    // The user tries again.
    bench.order(DownloadCall::ResumeDownload { id }).await;
    bench.until(id, |d| d.state == DownloadState::Done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_downloaded_and_what_is_not_there_is_told() {
    let mut bench = Bench::new().await;
    let range = |from_ms, to_ms| DownloadWhat::Range { from_ms, to_ms };
    let id = bench.start(range(START, START + LENGTH)).await;
    let done = bench.done(id).await;
    assert_eq!(counters(&done.path.unwrap()), whole());
    let id = bench
        .start(range(START + 3_600_000, START + 3_700_000))
        .await;
    let failed = bench.until(id, |d| d.state == DownloadState::Failed).await;
    assert_eq!(failed.failure.unwrap().code, FailureCode::NoRecording);
    let hostile = DownloadWhat::File {
        name: "../../etc/passwd".into(),
    };
    let id = bench.start(hostile).await;
    let failed = bench.until(id, |d| d.state == DownloadState::Failed).await;
    assert_eq!(failed.failure.unwrap().code, FailureCode::NoSuchFile);
    let call = DownloadCall::StartDownload {
        camera: bench.key.clone(),
        what: range(5, 5),
    };
    let refused = bench.app.call(Call::Download(call), None).await;
    assert_eq!(refused.unwrap_err().code, FailureCode::CommandMalformed);
}
