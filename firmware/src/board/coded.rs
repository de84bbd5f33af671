//! An FLV file's own access units, looped and stamped with the camera's time: what a camera without an encoder shows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flv::{AudioCodec, AudioFormat, AudioKind, Item, Reader, VideoKind};

use super::{CodedSource, CodedUnit, Fault};
use crate::clock::Clock;
use crate::demand::Demand;

/// Bytes read from the file at a time.
const READ: usize = 16 << 10;
/// Time between the last picture of a round and the first of the next, milliseconds.
const SEAM_MS: i64 = 33;
/// A pause of the camera longer than this is left out of the film, milliseconds.
const MOST_BEHIND_MS: i64 = 2_000;

/// See the module's text.
pub struct FlvFile {
    path: PathBuf,
    file: File,
    reader: Reader,
    clock: Arc<Clock>,
    /// Added to the file's times in this round; `None` until its first unit.
    offset_ms: Option<i64>,
    last_ms: i64,
    given: u64,
    ready: VecDeque<CodedUnit>,
    known: Known,
}

/// What was sent on last, so that a repetition is not.
#[derive(Default)]
struct Known {
    record: Vec<u8>,
    sound: Option<(AudioFormat, Vec<u8>)>,
}

impl FlvFile {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Fault::File`] if it cannot be read, [`Fault::Unusable`] if it is no FLV.
    pub fn open(path: &Path, clock: Arc<Clock>) -> Result<Self, Fault> {
        let mut file = File::open(path).map_err(|source| Fault::File {
            path: path.into(),
            source,
        })?;
        let mut signature = [0; 3];
        let read = file
            .read_exact(&mut signature)
            .and_then(|()| file.seek(SeekFrom::Start(0)));
        read.map_err(|source| Fault::File {
            path: path.into(),
            source,
        })?;
        if &signature != b"FLV" {
            return Err(Fault::Unusable {
                what: "file",
                device: path.display().to_string(),
                got: "another format".into(),
                expected: "FLV with H.264 or H.265 and AAC: this build cannot decode",
            });
        }
        let last_ms = clock.media_us(clock.wall_us()) / 1000 - SEAM_MS;
        Ok(Self {
            path: path.into(),
            file,
            reader: Reader::default(),
            clock,
            offset_ms: None,
            last_ms,
            given: 0,
            ready: VecDeque::new(),
            known: Known::default(),
        })
    }

    /// Reads on until there is a unit.
    fn read(&mut self) -> Result<(), Fault> {
        let mut buffer = [0; READ];
        while self.ready.is_empty() {
            let failed = |source| Fault::File {
                path: self.path.clone(),
                source,
            };
            let length = self.file.read(&mut buffer).map_err(failed)?;
            if length == 0 {
                if self.given == 0 {
                    return Err(Fault::Unusable {
                        what: "file",
                        device: self.path.display().to_string(),
                        got: "no picture and no sound".into(),
                        expected: "FLV with H.264 or H.265 and AAC",
                    });
                }
                self.file.seek(SeekFrom::Start(0)).map_err(failed)?;
                (self.reader, self.offset_ms, self.given) = (Reader::default(), None, 0);
                continue;
            }
            self.reader.push(&buffer[..length]);
            loop {
                match self.reader.next() {
                    Ok(Some(item)) => {
                        let mut stamp = |at: i64| {
                            let seam = self.last_ms + SEAM_MS;
                            let at = at + *self.offset_ms.get_or_insert(seam - at);
                            (self.last_ms, self.given) = (self.last_ms.max(at), self.given + 1);
                            at
                        };
                        units(item, &mut self.known, &mut self.ready, &mut stamp);
                    }
                    Ok(None) => break,
                    Err(error) => tracing::debug!(%error, "damaged file"),
                }
            }
        }
        Ok(())
    }
}

impl CodedSource for FlvFile {
    fn next(&mut self, demand: &Demand) -> Result<Vec<CodedUnit>, Fault> {
        self.read()?;
        let Some(unit) = self.ready.front() else {
            return Ok(Vec::new());
        };
        if let CodedUnit::Video { at_ms, .. } | CodedUnit::Audio { at_ms, .. } = unit {
            let (at_ms, now_us) = (*at_ms, self.clock.wall_us());
            let wait_us = at_ms * 1000 - self.clock.media_us(now_us);
            if wait_us > 0 {
                let (wanted, version) = demand.now();
                if wanted.watched() && !wanted.stop {
                    demand.wait(version, Some(self.clock.instant_of(now_us + wait_us)));
                }
                if self.clock.media_us(self.clock.wall_us()) < at_ms * 1000 {
                    return Ok(Vec::new());
                }
            } else if wait_us < -MOST_BEHIND_MS * 1000 {
                // The machine slept: what was due then is not made up for.
                self.offset_ms = self.offset_ms.map(|offset| offset - wait_us / 1000);
                self.last_ms -= wait_us / 1000;
                self.ready.clear();
                return Ok(Vec::new());
            }
        }
        Ok(self.ready.pop_front().into_iter().collect())
    }
}

/// One tag as units of ours. A configuration that is the last one again is left out; a codec without one (G.711, PCM)
/// gets an empty one.
fn units(
    item: Item<'_>,
    known: &mut Known,
    out: &mut VecDeque<CodedUnit>,
    stamp: &mut impl FnMut(i64) -> i64,
) {
    match item {
        Item::Video(tag) => match tag.kind {
            VideoKind::SequenceHeader if known.record != tag.data => {
                known.record = tag.data.to_vec();
                out.push_back(CodedUnit::VideoConfig {
                    codec: tag.codec,
                    record: tag.data.to_vec(),
                });
            }
            VideoKind::AccessUnit => out.push_back(CodedUnit::Video {
                at_ms: stamp(tag.timestamp),
                composition_ms: tag.composition_time,
                key: tag.key,
                data: tag.data.to_vec(),
            }),
            VideoKind::SequenceHeader | VideoKind::EndOfSequence => {}
        },
        Item::Audio(tag) => {
            let format = AudioFormat {
                codec: tag.codec,
                sample_rate: tag.sample_rate,
                channels: tag.channels,
            };
            let has_config = matches!(tag.codec, AudioCodec::Aac | AudioCodec::Opus);
            let config = match tag.kind {
                AudioKind::SequenceHeader => Some(tag.data),
                AudioKind::Frame if has_config => None,
                AudioKind::Frame => Some(&[][..]),
            };
            if let Some(config) = config
                && known
                    .sound
                    .as_ref()
                    .is_none_or(|(f, c)| (*f, &c[..]) != (format, config))
            {
                known.sound = Some((format, config.to_vec()));
                out.push_back(CodedUnit::AudioConfig {
                    format,
                    config: config.to_vec(),
                });
            }
            if tag.kind == AudioKind::Frame {
                out.push_back(CodedUnit::Audio {
                    at_ms: stamp(tag.timestamp),
                    data: tag.data.to_vec(),
                });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::Lane;
    use std::io::Write;
    use std::time::Instant;
    use wire::stream::Quality;

    fn sample(frames: i64) -> Vec<u8> {
        let (writer, mut out) = (flv::Writer::default(), Vec::new());
        writer.header(&mut out, true, true);
        writer
            .video_config(&mut out, 0, flv::VideoCodec::H264, &[1, 2, 3])
            .unwrap();
        writer
            .audio_config(&mut out, 0, flv::AudioCodec::Aac, &[0x11, 0x88])
            .unwrap();
        for n in 0..frames {
            writer
                .video(
                    &mut out,
                    5_000 + n * 20,
                    0,
                    n % 5 == 0,
                    flv::VideoCodec::H264,
                    &[0, 0, 0, 1, 0x65],
                )
                .unwrap();
        }
        out
    }

    fn open(bytes: &[u8]) -> Result<FlvFile, Fault> {
        let name = format!(
            "porthole-coded-{}-{:?}.flv",
            std::process::id(),
            std::thread::current().id()
        );
        let path = std::env::temp_dir().join(name);
        File::create(&path).unwrap().write_all(bytes).unwrap();
        let file = FlvFile::open(&path, Arc::new(Clock::start()));
        std::fs::remove_file(path).unwrap();
        file
    }

    #[test]
    fn units_come_in_real_time_and_start_over_without_a_jump() {
        let mut file = open(&sample(10)).unwrap();
        let demand = Demand::default();
        demand.join(Lane::Video(Quality::High));
        let (started, mut times, mut configs) = (Instant::now(), Vec::new(), 0);
        while times.len() < 25 {
            for unit in file.next(&demand).unwrap() {
                match unit {
                    CodedUnit::Video { at_ms, .. } => times.push(at_ms),
                    _ => configs += 1,
                }
            }
        }
        assert_eq!(configs, 2, "repeated configurations are not sent again");
        assert!(
            times
                .windows(2)
                .all(|pair| (20..=33).contains(&(pair[1] - pair[0]))),
            "{times:?}"
        );
        let real = started.elapsed().as_millis() as i64;
        assert!(
            (real - (times[24] - times[0])).abs() < 60,
            "{real} ms for {times:?}"
        );
    }

    #[test]
    fn what_is_no_flv_or_holds_nothing_is_refused() {
        assert!(matches!(open(b"RIFF....AVI"), Err(Fault::Unusable { .. })));
        assert!(matches!(open(b"F"), Err(Fault::File { .. })));
        let mut empty = open(&sample(0)).unwrap();
        let demand = Demand::default();
        let results: Vec<_> = (0..4).map(|_| empty.next(&demand)).collect();
        assert!(matches!(results.last(), Some(Err(Fault::Unusable { .. }))));
    }
}
