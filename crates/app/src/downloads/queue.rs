//! All downloads of the app.

use super::fetch::Count;
use super::record::{Paths, Record};
use super::transfer::{Ended, Transfer};
use crate::api::{
    CameraKey, Download, DownloadId, DownloadState, DownloadWhat, Event, Failure, FailureCode,
};
use crate::cameras::Cameras;
use crate::fail;
use crate::session::Core;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

mod entry;

use entry::{Entry, Rate};

/// Downloads that run at the same time: the camera gives them less than live views, and two fill what is left.
const AT_ONCE: usize = 2;
/// Progress is told this often.
const TELL: Duration = Duration::from_millis(250);
/// Finished downloads that are remembered.
const MAX_DONE: usize = 100;
/// Downloads that may be on the list.
const MAX_LISTED: usize = 1000;
/// Store key of [`Saved`].
const SAVED: &str = "downloads";
/// Waits before a camera that went away is asked again, seconds.
const WAITS: [u64; 5] = [1, 2, 5, 10, 30];

/// What is remembered in the store; downloads that are not done have their own records.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Saved {
    next: DownloadId,
    done: Vec<Download>,
}

/// The queue. Clones are the same queue.
#[derive(Clone)]
pub struct Downloads(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    cameras: Arc<Cameras>,
    dir: PathBuf,
    list: Mutex<List>,
    slots: Arc<Semaphore>,
    /// Something changed since it was told.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct List {
    next: DownloadId,
    entries: Vec<Entry>,
    done: Vec<Download>,
}

impl Downloads {
    /// The downloads that were begun in `dir`. With `go_on` those that ran go on. Must be called inside a tokio runtime.
    pub fn open(core: Arc<Core>, cameras: Arc<Cameras>, dir: &Path, go_on: bool) -> Self {
        let saved: Saved = core.book.value(SAVED).unwrap_or_default();
        let mut list = List {
            next: saved.next.max(1),
            done: saved.done,
            entries: Vec::new(),
        };
        for paths in Paths::all(dir) {
            if let Some(record) = paths.read() {
                list.next = list.next.max(record.id.saturating_add(1));
                list.entries.push(Entry::new(paths, record));
            }
        }
        list.entries.sort_by_key(|entry| entry.record.id);
        let waiting: Vec<_> = list
            .entries
            .iter()
            .filter(|entry| entry.state == DownloadState::Waiting)
            .map(|entry| entry.record.id)
            .collect();
        let inner = Arc::new(Inner {
            core,
            cameras,
            dir: dir.to_owned(),
            list: Mutex::new(list),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            changed: watch::Sender::new(()),
        });
        tokio::spawn(tell(Arc::downgrade(&inner), inner.changed.subscribe()));
        let downloads = Self(inner);
        if go_on {
            waiting.into_iter().for_each(|id| downloads.run(id));
        }
        downloads
    }

    /// Begins a download.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`], [`FailureCode::CommandMalformed`] for a range that is none,
    /// [`FailureCode::FileNotWritten`].
    pub fn start(&self, camera: &CameraKey, what: DownloadWhat) -> Result<DownloadId, Failure> {
        self.0.cameras.get(camera)?;
        if let DownloadWhat::Range { from_ms, to_ms } = what
            && !(0 <= from_ms && from_ms < to_ms)
        {
            return Err(Failure::new(FailureCode::CommandMalformed)
                .with("reason", format!("{from_ms} to {to_ms} ms is no time")));
        }
        let id = self.put(camera, what, None)?;
        self.run(id);
        Ok(id)
    }

    fn put(
        &self,
        camera: &CameraKey,
        what: DownloadWhat,
        not_before_ms: Option<i64>,
    ) -> Result<DownloadId, Failure> {
        let mut list = self.list();
        if list.entries.len() >= MAX_LISTED {
            return Err(fail::internal("a thousand downloads are waiting"));
        }
        let id = list.next;
        let record = Record {
            not_before_ms,
            ..Record::new(id, camera.clone(), what)
        };
        let paths = Paths::free(&self.0.dir, &record.file_name());
        paths.write(&record)?;
        list.next = id.saturating_add(1);
        list.entries.push(Entry::new(paths, record));
        self.save(&list);
        drop(list);
        self.0.changed.send_replace(());
        Ok(id)
    }

    /// Stops a download so that it can go on.
    ///
    /// # Errors
    /// [`FailureCode::DownloadUnknown`].
    pub fn pause(&self, id: DownloadId) -> Result<(), Failure> {
        let mut list = self.list();
        let entry = list.entry(id)?;
        entry.stop();
        entry.record.paused = true;
        entry.become_state(DownloadState::Paused, None);
        entry.paths.write(&entry.record)?;
        self.0.changed.send_replace(());
        Ok(())
    }

    /// Goes on with a download that was paused or failed.
    ///
    /// # Errors
    /// [`FailureCode::DownloadUnknown`].
    pub fn resume(&self, id: DownloadId) -> Result<(), Failure> {
        let mut list = self.list();
        let entry = list.entry(id)?;
        if entry.is_stopped() {
            entry.record.paused = false;
            entry.record.failure = None;
            entry.become_state(DownloadState::Waiting, None);
            entry.paths.write(&entry.record)?;
            drop(list);
            self.run(id);
        }
        Ok(())
    }

    /// Stops a download and deletes what came so far.
    ///
    /// # Errors
    /// [`FailureCode::DownloadUnknown`].
    pub async fn cancel(&self, id: DownloadId) -> Result<(), Failure> {
        let (paths, task) = {
            let mut list = self.list();
            let entry = list.entry(id)?;
            entry.stop();
            let gone = (entry.paths.clone(), entry.task.take());
            list.entries.retain(|entry| entry.record.id != id);
            gone
        };
        self.0.changed.send_replace(());
        if let Some(task) = task {
            let _ = task.await;
        }
        paths.clear();
        Ok(())
    }

    /// Takes a finished download off the list; its file stays.
    ///
    /// # Errors
    /// [`FailureCode::DownloadUnknown`] if no finished one has that number.
    pub fn forget(&self, id: DownloadId) -> Result<(), Failure> {
        let mut list = self.list();
        let before = list.done.len();
        list.done.retain(|done| done.id != id);
        if list.done.len() == before {
            return Err(unknown(id));
        }
        self.save(&list);
        drop(list);
        self.0.changed.send_replace(());
        Ok(())
    }

    /// All of them, the newest first.
    pub fn list_all(&self) -> Vec<Download> {
        self.list().all()
    }

    /// Stops all of them, to go on at the next start.
    pub async fn stop(&self) {
        let tasks: Vec<_> = {
            let mut list = self.list();
            let stop = |entry: &mut Entry| {
                entry.stop();
                entry.task.take()
            };
            list.entries.iter_mut().filter_map(stop).collect()
        };
        for task in tasks {
            let _ = task.await;
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self, list: &List) {
        let saved = Saved {
            next: list.next,
            done: list.done.clone(),
        };
        if let Err(failure) = self.0.core.book.set_value(SAVED, &saved) {
            tracing::warn!(%failure, "the list of downloads");
        }
    }

    /// Starts the task of a download that waits.
    fn run(&self, id: DownloadId) {
        let mut list = self.list();
        let Ok(entry) = list.entry(id) else { return };
        let (sender, stop) = watch::channel(false);
        entry.stop = sender;
        // A task that was stopped may still be writing.
        let before = entry.task.take();
        let downloads = self.clone();
        entry.task = Some(tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            downloads.carry(id, stop).await;
        }));
        drop(list);
        self.0.changed.send_replace(());
    }

    /// Carries a download through until it is done, stopped, or in need of the user.
    async fn carry(&self, id: DownloadId, mut stop: watch::Receiver<bool>) {
        let mut lost = 0;
        loop {
            let slot = tokio::select! {
                slot = self.0.slots.clone().acquire_owned() => slot,
                () = super::fetch::stopped(&mut stop) => return,
            };
            let before = self.received(id);
            let ended = match self.transfer(id, stop.clone()) {
                Some(Ok(mut transfer)) => {
                    let downloads = self.clone();
                    let mut told = move |state| downloads.become_state(id, state, None);
                    let ended = transfer.run(&mut told).await;
                    self.keep(id, &transfer.record);
                    ended
                }
                Some(Err(failure)) => Err(failure),
                None => return,
            };
            drop(slot);
            if self.received(id) > before {
                lost = 0;
            }
            match ended {
                Ok(Ended::Stopped) => return,
                Ok(Ended::Done { file, bytes, rest }) => return self.done(id, &file, bytes, rest),
                Err(failure) if fail::is_passing(failure.code) => {
                    tracing::info!(id, %failure, "download waits");
                    self.become_state(id, DownloadState::Waiting, Some(failure));
                    let wait = WAITS.get(lost).copied().unwrap_or(30);
                    lost += 1;
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(wait)) => {}
                        () = super::fetch::stopped(&mut stop) => return,
                    }
                }
                Err(failure) => return self.failed(id, failure),
            }
        }
    }

    fn transfer(
        &self,
        id: DownloadId,
        stop: watch::Receiver<bool>,
    ) -> Option<Result<Transfer, Failure>> {
        let mut list = self.list();
        let entry = list.entry(id).ok()?;
        let session = match self.0.cameras.get(&entry.record.camera) {
            Ok(session) => session,
            Err(failure) => return Some(Err(failure)),
        };
        Some(Ok(Transfer {
            session,
            paths: entry.paths.clone(),
            record: entry.record.clone(),
            count: entry.count.clone(),
            stop,
        }))
    }

    fn received(&self, id: DownloadId) -> u64 {
        let mut list = self.list();
        list.entry(id)
            .map_or(0, |entry| entry.count.received.load(Ordering::Relaxed))
    }

    /// Keeps what a run has learnt, unless the user has changed something meanwhile.
    fn keep(&self, id: DownloadId, learnt: &Record) {
        if let Ok(entry) = self.list().entry(id) {
            entry.record = Record {
                paused: entry.record.paused,
                failure: entry.record.failure.clone(),
                ..learnt.clone()
            };
        }
    }

    fn become_state(&self, id: DownloadId, state: DownloadState, failure: Option<Failure>) {
        if let Ok(entry) = self.list().entry(id)
            && !entry.is_stopped()
        {
            entry.become_state(state, failure);
        }
        self.0.changed.send_replace(());
    }

    fn failed(&self, id: DownloadId, failure: Failure) {
        let mut list = self.list();
        let Ok(entry) = list.entry(id) else { return };
        if entry.record.not_before_ms.is_some() && failure.code == FailureCode::NoRecording {
            // The file before was the last one.
            entry.paths.clear();
            list.entries.retain(|entry| entry.record.id != id);
        } else {
            entry.record.failure = Some(failure.clone());
            entry.become_state(DownloadState::Failed, Some(failure));
            if let Err(failure) = entry.paths.write(&entry.record) {
                tracing::warn!(%failure, id, "record");
            }
        }
        drop(list);
        self.0.changed.send_replace(());
    }

    fn done(&self, id: DownloadId, file: &Path, bytes: u64, rest: Option<i64>) {
        let mut list = self.list();
        let Ok(entry) = list.entry(id) else { return };
        let record = entry.record.clone();
        let done = Download {
            state: DownloadState::Done,
            received: bytes,
            total: bytes,
            path: Some(file.display().to_string()),
            ..entry.shown()
        };
        list.entries.retain(|entry| entry.record.id != id);
        list.done.push(done);
        let forgotten = list.done.len().saturating_sub(MAX_DONE);
        list.done.drain(..forgotten);
        self.save(&list);
        drop(list);
        self.0.changed.send_replace(());
        if let Some(end) = rest
            && let Some(what) = Transfer::rest(&record, end)
        {
            match self.put(&record.camera, what, Some(end - 1)) {
                Ok(id) => self.run(id),
                Err(failure) => tracing::warn!(%failure, "the rest of a recording"),
            }
        }
    }
}

impl List {
    fn entry(&mut self, id: DownloadId) -> Result<&mut Entry, Failure> {
        self.entries
            .iter_mut()
            .find(|entry| entry.record.id == id)
            .ok_or_else(|| unknown(id))
    }

    fn all(&self) -> Vec<Download> {
        let running = self.entries.iter().map(Entry::shown);
        let mut all: Vec<_> = running.chain(self.done.iter().cloned()).collect();
        all.sort_by_key(|download| std::cmp::Reverse(download.id));
        all
    }
}

fn unknown(id: DownloadId) -> Failure {
    Failure::new(FailureCode::DownloadUnknown).with("id", id)
}

/// Tells the UI what changed, at once if the last word is old enough, and progress while something runs.
async fn tell(downloads: Weak<Inner>, mut changed: watch::Receiver<()>) {
    let mut rates: Vec<(DownloadId, Rate)> = Vec::new();
    loop {
        let _ = tokio::time::timeout(Duration::from_secs(3600), changed.changed()).await;
        let Some(inner) = downloads.upgrade() else {
            return;
        };
        let now = Instant::now();
        let running = {
            let mut list = inner.list.lock().unwrap_or_else(PoisonError::into_inner);
            let mut running = false;
            for entry in &mut list.entries {
                running |= entry.is_moving();
                let id = entry.record.id;
                let at = rates.iter().position(|(of, _)| *of == id);
                let at = at.unwrap_or_else(|| {
                    rates.push((id, Rate::default()));
                    rates.len() - 1
                });
                entry.rate = rates[at].1.measure(entry, now);
            }
            rates.retain(|(id, _)| list.entries.iter().any(|entry| entry.record.id == *id));
            let downloads = list.all();
            drop(list);
            inner.core.tell(Event::Downloads { downloads });
            running
        };
        if running {
            inner.changed.send_replace(());
        }
        drop(inner);
        tokio::time::sleep(TELL).await;
    }
}

/// A task of the queue.
type Task = JoinHandle<()>;
