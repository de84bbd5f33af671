//! Writing a file, fragment by fragment.

use flv::AudioCodec;
use flv::aac::AudioSpecificConfig;

use super::boxes::{put, put_full, put_u32, put_u64};
use super::fragment::{GOP_BOX, Run, Sample, put_fragment};
use super::head::{DELTA_SAMPLE, SYNC_SAMPLE, VIDEO_TRACK};
use super::{AudioTrack, Error, Fragment, Head, MOST_FRAGMENT, MOST_SAMPLES, Place};
use crate::Packet;

/// Sound whose time differs less than this from what the samples so far say follows them without a seam, ms.
const SEAM_MS: i64 = 60;
/// Samples of an Opus packet if nothing says how many they are: 20 ms.
const OPUS_FRAME: i64 = 960;

/// Makes the bytes of one file. It does no I/O: append what it gives.
#[derive(Debug)]
pub struct Writer {
    head: Head,
    length: u64,
    places: Vec<Place>,
    /// Where the next packet of sound begins, in samples since the start.
    sound_next: Option<i64>,
    /// Samples of an AAC frame.
    frame: i64,
}

impl Writer {
    /// A file with that head, and the head's bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the head does not fit.
    pub fn new(head: Head) -> Result<(Self, Vec<u8>), Error> {
        let bytes = head.to_bytes()?;
        let frame = head.audio.as_ref().map_or(1024, |audio| {
            AudioSpecificConfig::parse(&audio.config).map_or(1024, |config| {
                let doubled = if config.sbr_rate.is_some() { 2 } else { 1 };
                i64::from(config.frame_length) * doubled
            })
        });
        let writer = Self {
            head,
            length: bytes.len() as u64,
            places: Vec::new(),
            sound_next: None,
            frame,
        };
        Ok((writer, bytes))
    }

    /// The bytes of the next fragment. Its times may not lie before those of the one before; sound from before the
    /// start of the file, and sound in a file without any, is left out.
    ///
    /// # Errors
    /// [`Error::NoKeyframe`], [`Error::TooLarge`]. The writer is then as before.
    pub fn fragment(&mut self, fragment: &Fragment) -> Result<Vec<u8>, Error> {
        if !fragment.video.first().is_some_and(|first| first.key) {
            return Err(Error::NoKeyframe);
        }
        let both = [&fragment.video, &fragment.audio];
        let most = both.map(|packets| packets.len()).into_iter().max();
        if let Some(got) = most.filter(|most| *most > MOST_SAMPLES) {
            let (what, most) = ("the samples of a fragment", MOST_SAMPLES);
            return Err(Error::TooLarge { what, got, most });
        }
        let bytes: usize = both.into_iter().flatten().map(|one| one.data.len()).sum();
        let room = bytes + (fragment.video.len() + fragment.audio.len()) * 16 + 512;
        if room > MOST_FRAGMENT {
            return Err(Error::TooLarge {
                what: "a fragment",
                got: room,
                most: MOST_FRAGMENT,
            });
        }
        let video = self.pictures(fragment);
        let audio = match &self.head.audio {
            Some(audio) => sound(audio, &self.head, self.frame, self.sound_next, fragment),
            None => None,
        };
        if let Some((_, next)) = &audio {
            self.sound_next = Some(*next);
        }
        let mut out = Vec::with_capacity(room);
        let sequence = self.places.len() as u32 + 1;
        let times = (fragment.start_ms, fragment.end_ms.max(fragment.start_ms));
        put_fragment(
            &mut out,
            sequence,
            times,
            &video,
            audio.as_ref().map(|(run, _)| run),
        );
        self.places.push(Place {
            offset: self.length,
            bytes: out.len() as u32,
            start_ms: times.0,
            end_ms: times.1,
        });
        self.length += out.len() as u64;
        Ok(out)
    }

    /// Takes the last fragment back: its bytes could not be written.
    pub fn take_back(&mut self) {
        if let Some(place) = self.places.pop() {
            self.length = place.offset;
        }
    }

    fn pictures<'a>(&self, fragment: &'a Fragment) -> Run<'a> {
        let packets = &fragment.video;
        let next = packets
            .iter()
            .skip(1)
            .map(|packet| packet.dts)
            .chain([fragment.end_ms]);
        let samples = packets.iter().zip(next).map(|(packet, next)| Sample {
            duration: clamp(next.saturating_sub(packet.dts)),
            flags: if packet.key {
                SYNC_SAMPLE
            } else {
                DELTA_SAMPLE
            },
            composition: i32::try_from(packet.pts.saturating_sub(packet.dts)).unwrap_or(0),
            data: &packet.data,
        });
        let first = packets.first().map_or(0, |packet| packet.dts);
        Run {
            at: u64::try_from(first.saturating_sub(self.head.start_ms)).unwrap_or(0),
            samples: samples.collect(),
        }
    }

    /// The head it was made with.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The fragments so far.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Bytes so far, the head's too.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes that close the file.
    pub fn finish(&self) -> Vec<u8> {
        keyframe_index(&self.head, &self.places)
    }
}

/// What stands behind the last fragment of a closed file: an index of its keyframes, for players that seek (ISO/IEC
/// 14496-12, 8.8.9).
pub fn keyframe_index(head: &Head, places: &[Place]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + places.len() * 19);
    put(&mut out, b"mfra", |out| {
        put_full(out, b"tfra", 1, 0, |out| {
            put_u32(out, VIDEO_TRACK);
            put_u32(out, 0);
            put_u32(out, places.len() as u32);
            for place in places {
                let at = place.start_ms.saturating_sub(head.start_ms);
                put_u64(out, u64::try_from(at).unwrap_or(0));
                put_u64(out, place.offset + GOP_BOX as u64);
                out.extend_from_slice(&[1, 1, 1]);
            }
        });
        let size = out.len() as u32 + 16;
        put_full(out, b"mfro", 0, 0, |out| put_u32(out, size));
    });
    out
}

fn clamp(ticks: i64) -> u32 {
    u32::try_from(ticks.max(0)).unwrap_or(u32::MAX)
}

/// The sound of a fragment, and where the sound behind it begins.
fn sound<'a>(
    track: &AudioTrack,
    head: &Head,
    frame: i64,
    mut next: Option<i64>,
    fragment: &'a Fragment,
) -> Option<(Run<'a>, i64)> {
    let rate = i64::from(track.format.sample_rate.max(1));
    let mut times = Vec::with_capacity(fragment.audio.len());
    let mut packets = Vec::with_capacity(fragment.audio.len());
    for packet in &fragment.audio {
        let said = packet.pts.saturating_sub(head.start_ms);
        if said < 0 {
            continue;
        }
        let said = said.saturating_mul(rate) / 1000;
        // Packet times are whole milliseconds: the samples know better.
        let at = match next {
            Some(next) if said.abs_diff(next) <= (SEAM_MS * rate / 1000).unsigned_abs() => next,
            Some(next) => said.max(next),
            None => said,
        };
        next = Some(at.saturating_add(samples_of(track, frame, packet)));
        times.push(at);
        packets.push(packet);
    }
    let (first, end) = (*times.first()?, next?);
    let ends = times.iter().copied().skip(1).chain([end]);
    let samples = times.iter().zip(ends).zip(packets);
    let samples = samples.map(|((at, end), packet)| Sample {
        duration: clamp(end.saturating_sub(*at)),
        flags: SYNC_SAMPLE,
        composition: 0,
        data: &packet.data,
    });
    let run = Run {
        at: u64::try_from(first).unwrap_or(0),
        samples: samples.collect(),
    };
    Some((run, end))
}

/// Samples a channel that a packet holds.
fn samples_of(track: &AudioTrack, frame: i64, packet: &Packet) -> i64 {
    let a_channel = packet.data.len() / usize::from(track.format.channels.max(1));
    match track.format.codec {
        AudioCodec::Aac => frame,
        AudioCodec::Opus => OPUS_FRAME,
        AudioCodec::G711A | AudioCodec::G711U => a_channel as i64,
        AudioCodec::Pcm => a_channel as i64 / 2,
    }
}
