//! Recording what is watched as MP4: a thread that writes, fed with the units that the view receives.
//!
//! Time in the file follows the clock: a lost stream leaves its last picture standing for as long as the break was.
//! Another picture size or codec (the quality was changed) begins another file.

use crate::api::{Failure, FailureCode};
use crate::live::{AudioTrack, Unit, VideoTrack};
use crate::snapshot::free_path;
use crate::store::not_written;
use crate::timeline::Timeline;
use flv::AudioCodec;
use media::Packet;
use media::audio::Transcoder;
use media::mp4;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Units that may wait for the disk: about 20 s. A disk slower than that ends the recording.
const QUEUE: usize = 2048;
/// Bit rate of sound that has to be coded anew, bits a second.
const AAC_BIT_RATE: u32 = 64_000;

/// Where a recording stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// The file written now.
    pub path: PathBuf,
    /// Coded bytes taken so far.
    pub bytes: u64,
    /// Media time so far, ms.
    pub duration_ms: u64,
    /// Why it ended by itself.
    pub failure: Option<Failure>,
}

/// How files are named.
#[derive(Debug, Clone)]
pub enum Naming {
    /// Named by camera and time, in that folder.
    Folder(PathBuf, String),
    /// That file; further ones get `-2` … before the extension.
    File(PathBuf),
}

impl Naming {
    fn path(&self, number: u32) -> PathBuf {
        match self {
            Self::Folder(dir, camera) => free_path(dir, camera, "mp4"),
            Self::File(path) if number == 1 => path.clone(),
            Self::File(path) => {
                let stem = path
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let extension = path
                    .extension()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                path.with_file_name(format!("{stem}-{number}.{extension}"))
            }
        }
    }
}

enum Job {
    Unit(Unit),
    /// Another stream follows.
    Break,
    Finish(oneshot::Sender<Progress>),
}

/// A running recording. Dropping it finishes the file in the background.
pub struct Recorder {
    jobs: SyncSender<Job>,
    progress: Arc<Mutex<Progress>>,
}

impl Recorder {
    /// Begins with `units` (a key picture and what follows), which may be empty.
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`] if the folder cannot be made.
    pub fn start(naming: Naming, units: &[Unit], expects_sound: bool) -> Result<Self, Failure> {
        let path = naming.path(1);
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|error| not_written(folder, &error))?;
        }
        let (jobs, queue) = sync_channel(QUEUE.max(units.len() * 2));
        let progress = Arc::new(Mutex::new(Progress {
            path,
            ..Progress::default()
        }));
        let shared = progress.clone();
        std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || Writer::new(naming, shared, expects_sound).run(&queue))
            .map_err(crate::fail::internal)?;
        let recorder = Self { jobs, progress };
        for unit in units {
            recorder.push(unit);
        }
        Ok(recorder)
    }

    /// The next unit.
    pub fn push(&self, unit: &Unit) {
        if let Err(TrySendError::Full(_)) = self.jobs.try_send(Job::Unit(unit.clone())) {
            let mut progress = lock(&self.progress);
            let full = not_written(&progress.path, &"the disk is too slow");
            progress.failure.get_or_insert(full);
        }
    }

    /// Another stream follows: its times have nothing to do with those before.
    pub fn interrupt(&self) {
        let _ = self.jobs.try_send(Job::Break);
    }

    /// Where it stands.
    pub fn progress(&self) -> Progress {
        lock(&self.progress).clone()
    }

    /// Finishes the file and waits for it.
    ///
    /// # Errors
    /// What ended the recording before, or now.
    pub async fn finish(self) -> Result<Progress, Failure> {
        let (done, finished) = oneshot::channel();
        let jobs = self.jobs.clone();
        let sent = tokio::task::spawn_blocking(move || jobs.send(Job::Finish(done))).await;
        if !matches!(sent, Ok(Ok(()))) {
            let progress = self.progress();
            return match progress.failure {
                Some(failure) => Err(failure),
                None => Ok(progress),
            };
        }
        let progress = finished.await.unwrap_or_else(|_| self.progress());
        match progress.failure {
            Some(failure) => Err(failure),
            None => Ok(progress),
        }
    }
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread's side.
struct Writer {
    naming: Naming,
    files: u32,
    progress: Arc<Mutex<Progress>>,
    expects_sound: bool,
    open: Option<Open>,
    /// Pictures that wait until the sound's configuration is known.
    held: Vec<Unit>,
    timeline: Timeline,
    /// The sound heard last, for the next file.
    sound: Option<Arc<AudioTrack>>,
}

struct Open {
    file: mp4::Writer,
    video: Arc<VideoTrack>,
    sound: Option<Sound>,
}

struct Sound {
    track: Arc<AudioTrack>,
    transcoder: Option<Transcoder>,
}

/// Pictures held at most while the sound's configuration is awaited.
const MAX_HELD: usize = 60;

impl Writer {
    fn new(naming: Naming, progress: Arc<Mutex<Progress>>, expects_sound: bool) -> Self {
        let timeline = Timeline::default();
        Self {
            naming,
            files: 0,
            progress,
            expects_sound,
            open: None,
            held: Vec::new(),
            timeline,
            sound: None,
        }
    }

    fn run(mut self, queue: &Receiver<Job>) {
        let mut done = None;
        while let Ok(job) = queue.recv() {
            let taken = match job {
                Job::Unit(unit) => self.take(unit),
                Job::Break => {
                    self.timeline.interrupt();
                    Ok(())
                }
                Job::Finish(reply) => {
                    done = Some(reply);
                    break;
                }
            };
            if let Err(failure) = taken {
                lock(&self.progress).failure.get_or_insert(failure);
                break;
            }
            if lock(&self.progress).failure.is_some() {
                break;
            }
        }
        self.expects_sound = false;
        let finished = self.release().and_then(|()| self.close());
        let mut progress = lock(&self.progress);
        if let Err(failure) = finished {
            progress.failure.get_or_insert(failure);
        } else if self.files == 0 {
            progress
                .failure
                .get_or_insert(Failure::new(FailureCode::NoPictureYet).with("camera", ""));
        }
        if let Some(reply) = done {
            let _ = reply.send(progress.clone());
        }
    }

    fn take(&mut self, unit: Unit) -> Result<(), Failure> {
        if self.open.is_some() {
            return self.write(&unit);
        }
        // The file's tracks are fixed when it begins: wait a moment for the first sound.
        if let Unit::Audio(audio) = &unit {
            self.sound = Some(audio.track.clone());
        }
        if matches!(unit, Unit::Video(_)) || !self.held.is_empty() {
            self.held.push(unit);
        }
        if self.sound.is_some() || !self.expects_sound || self.held.len() > MAX_HELD {
            return self.release();
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), Failure> {
        for unit in std::mem::take(&mut self.held) {
            if self.open.is_none() {
                self.begin(&unit)?;
            }
            self.write(&unit)?;
        }
        Ok(())
    }

    /// Opens a file at a key picture.
    fn begin(&mut self, unit: &Unit) -> Result<(), Failure> {
        let Unit::Video(video) = unit else {
            return Ok(());
        };
        if !video.key {
            return Ok(());
        }
        self.files += 1;
        let path = if self.files == 1 {
            lock(&self.progress).path.clone()
        } else {
            self.naming.path(self.files)
        };
        let track = &video.track;
        let sound = self.sound.clone().and_then(Sound::open);
        let audio = sound.as_ref().map(Sound::mp4_track);
        let picture = mp4::VideoTrack {
            codec: track.media_codec(),
            record: track.record.to_vec(),
            width: track.width,
            height: track.height,
        };
        let file = mp4::Writer::create(&path, &picture, audio.as_ref())
            .map_err(|error| not_written(&path, &error))?;
        lock(&self.progress).path = path;
        self.open = Some(Open {
            file,
            video: track.clone(),
            sound,
        });
        Ok(())
    }

    fn write(&mut self, unit: &Unit) -> Result<(), Failure> {
        if let (Unit::Video(video), Some(open)) = (unit, &self.open)
            && video.key
            && !Arc::ptr_eq(&video.track, &open.video)
            && *video.track.record != *open.video.record
        {
            self.close()?;
            self.begin(unit)?;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let written = match unit {
            Unit::Video(video) => {
                let Some(dts) = self.timeline.video(video.dts, video.key, video.arrived) else {
                    return Ok(());
                };
                let pts = dts + (video.pts - video.dts);
                open.file.video(&Packet {
                    data: video.data.to_vec(),
                    pts,
                    dts,
                    key: video.key,
                })
            }
            Unit::Audio(audio) => {
                self.sound = Some(audio.track.clone());
                let Some(pts) = self.timeline.audio(audio.pts) else {
                    return Ok(());
                };
                match open
                    .sound
                    .as_mut()
                    .filter(|sound| sound.track.same_coding(&audio.track))
                {
                    Some(sound) => sound.write(&mut open.file, &audio.data, pts),
                    None => Ok(()),
                }
            }
        };
        let mut progress = lock(&self.progress);
        written.map_err(|error| not_written(&progress.path, &error))?;
        progress.bytes += unit.len() as u64;
        progress.duration_ms = self.timeline.duration();
        Ok(())
    }

    fn close(&mut self) -> Result<(), Failure> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let mut progress = lock(&self.progress);
        let summary = open
            .file
            .finish()
            .map_err(|error| not_written(&progress.path, &error))?;
        progress.bytes = summary.bytes;
        progress.duration_ms = summary.duration_ms.max(0) as u64;
        drop(progress);
        self.timeline = Timeline::default();
        Ok(())
    }
}

impl Sound {
    /// AAC is copied, everything else becomes AAC; what cannot, is left out.
    fn open(track: Arc<AudioTrack>) -> Option<Self> {
        if track.codec == AudioCodec::Aac {
            return Some(Self {
                track,
                transcoder: None,
            });
        }
        match Transcoder::open(
            track.codec,
            track.rate,
            track.channels,
            &track.config,
            AAC_BIT_RATE,
        ) {
            Ok(transcoder) => Some(Self {
                track,
                transcoder: Some(transcoder),
            }),
            Err(error) => {
                tracing::warn!(%error, "recording without sound");
                None
            }
        }
    }

    fn mp4_track(&self) -> mp4::AudioTrack {
        let asc = self.transcoder.as_ref().map_or_else(
            || self.track.config.to_vec(),
            |coder| coder.config().to_vec(),
        );
        mp4::AudioTrack {
            asc,
            rate: self.track.rate,
            channels: self.track.channels,
        }
    }

    fn write(&mut self, file: &mut mp4::Writer, data: &[u8], pts: i64) -> media::Result<()> {
        let Some(transcoder) = &mut self.transcoder else {
            return file.audio(&Packet {
                data: data.to_vec(),
                pts,
                dts: pts,
                key: true,
            });
        };
        // One damaged frame is a click, not the end of the recording.
        for packet in transcoder.transcode(data, pts).unwrap_or_default() {
            file.audio(&packet)?;
        }
        Ok(())
    }
}

/// A recording's path when only the folder is given.
pub fn in_folder(dir: &Path, camera: &str) -> Naming {
    Naming::Folder(dir.to_owned(), camera.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_files_are_numbered() {
        let naming = Naming::File("/tmp/a.b.mp4".into());
        assert_eq!(naming.path(1), Path::new("/tmp/a.b.mp4"));
        assert_eq!(naming.path(2), Path::new("/tmp/a.b-2.mp4"));
    }
}
