//! The head of a file: `ftyp`, our `uuid`, `moov`.

use flv::{AudioCodec, AudioFormat, VideoCodec, VideoConfig, opus::OpusHead};

use super::boxes::{BOX, Cursor, UUID_BOX, put, put_full, put_i64, put_u16, put_u32, put_u64};
use super::{AudioTrack, Error, Head, MOST_HEAD, VideoTrack};

/// Names our box in the head.
const HEAD_UUID: [u8; 16] = *b"porthole.head.v1";
/// `ftyp` with four brands.
const FTYP: usize = BOX + 24;
/// Our box: label, three spare bytes, number, start, length and checksum of `moov`.
const HEAD_BOX: usize = UUID_BOX + 4 + 8 + 8 + 4 + 4;
/// Longest configuration of sound: its descriptor's length is one byte (ISO/IEC 14496-1, 8.3.3).
const MOST_SOUND_CONFIG: usize = 96;

/// Track numbers.
pub(super) const VIDEO_TRACK: u32 = 1;
pub(super) const AUDIO_TRACK: u32 = 2;
/// Ticks of a second of pictures and of the file: what FLV counts in.
pub(super) const TICKS: u32 = 1000;
/// Seconds from 1904 (ISO/IEC 14496-12, 8.2.2) to 1970.
const FROM_1904: i64 = 2_082_844_800;
/// Sample flags: nothing depends on earlier samples (8.8.3.1).
pub(super) const SYNC_SAMPLE: u32 = 0x0200_0000;
/// Sample flags: depends on others, is no sync sample.
pub(super) const DELTA_SAMPLE: u32 = 0x0101_0000;

impl Head {
    /// The bytes at the start of a file.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if a configuration record does not fit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let config = self.audio.as_ref().map_or(0, |audio| audio.config.len());
        if config > MOST_SOUND_CONFIG {
            return Err(too_large(
                "the configuration of sound",
                config,
                MOST_SOUND_CONFIG,
            ));
        }
        let mut moov = Vec::with_capacity(1024 + self.video.record.len());
        put(&mut moov, b"moov", |out| self.put_moov(out));
        let mut out = Vec::with_capacity(FTYP + HEAD_BOX + moov.len());
        put(&mut out, b"ftyp", |out| {
            out.extend_from_slice(b"iso5\0\0\0\x01iso5iso6mp41dash")
        });
        put(&mut out, b"uuid", |out| {
            out.extend_from_slice(&HEAD_UUID);
            out.extend_from_slice(&[self.label, 0, 0, 0]);
            put_u64(out, self.number);
            put_i64(out, self.start_ms);
            put_u32(out, moov.len() as u32);
            let sum = checksum(out.get(FTYP + UUID_BOX..).unwrap_or_default(), &moov);
            put_u32(out, sum);
        });
        out.extend_from_slice(&moov);
        if out.len() > MOST_HEAD {
            return Err(too_large("the head", out.len(), MOST_HEAD));
        }
        Ok(out)
    }

    /// Reads the head at the start of a file: the head and its length. `bytes` may go on behind it.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Unsupported`].
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let mut cursor = Cursor(bytes);
        let ftyp = cursor.take(FTYP)?;
        if ftyp.get(4..8) != Some(b"ftyp") {
            return Err(Error::Damaged("no MP4"));
        }
        let mut ours = Cursor(cursor.take(HEAD_BOX)?);
        if (ours.u32()? as usize, ours.array()?, ours.array()?) != (HEAD_BOX, *b"uuid", HEAD_UUID) {
            return Err(Error::Unsupported("an MP4 that a camera did not write"));
        }
        let summed = ours.0.get(..HEAD_BOX - UUID_BOX - 4).unwrap_or_default();
        let [label, ..] = ours.array::<4>()?;
        let (number, start_ms) = (ours.u64()?, ours.i64()?);
        let length = ours.u32()? as usize;
        if length > MOST_HEAD {
            return Err(Error::Damaged("the length of the head"));
        }
        let moov = cursor.take(length)?;
        if ours.u32()? != checksum(summed, moov) {
            return Err(Error::Damaged("the checksum of the head"));
        }
        let (video, audio) = parse_moov(Cursor(moov).find(b"moov")?)?;
        let head = Self {
            start_ms,
            number,
            label,
            video,
            audio,
        };
        Ok((head, FTYP + HEAD_BOX + length))
    }

    fn put_moov(&self, out: &mut Vec<u8>) {
        let created = self.start_ms.div_euclid(1000).saturating_add(FROM_1904);
        let created = u64::try_from(created).unwrap_or(0);
        put_full(out, b"mvhd", 1, 0, |out| {
            put_u64(out, created);
            put_u64(out, created);
            put_u32(out, TICKS);
            put_u64(out, 0);
            put_u32(out, 0x0001_0000);
            put_u16(out, 0x0100);
            out.extend_from_slice(&[0; 10]);
            put_matrix(out);
            out.extend_from_slice(&[0; 24]);
            put_u32(out, AUDIO_TRACK + 1);
        });
        put_video(out, &self.video, created);
        if let Some(audio) = &self.audio {
            put_audio(out, audio, created);
        }
        put(out, b"mvex", |out| {
            put_trex(out, VIDEO_TRACK, DELTA_SAMPLE);
            if self.audio.is_some() {
                put_trex(out, AUDIO_TRACK, SYNC_SAMPLE);
            }
        });
    }
}

fn too_large(what: &'static str, got: usize, most: usize) -> Error {
    Error::TooLarge { what, got, most }
}

fn checksum(ours: &[u8], moov: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(ours);
    sum.update(moov);
    sum.finalize()
}

fn put_matrix(out: &mut Vec<u8>) {
    for value in [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000] {
        put_u32(out, value);
    }
}

fn put_trex(out: &mut Vec<u8>, track: u32, flags: u32) {
    put_full(out, b"trex", 0, 0, |out| {
        for value in [track, 1, 0, 0, flags] {
            put_u32(out, value);
        }
    });
}

fn put_tkhd(out: &mut Vec<u8>, track: u32, created: u64, volume: u16, (width, height): (u32, u32)) {
    // Enabled, in the movie, in the preview (8.3.2).
    put_full(out, b"tkhd", 1, 7, |out| {
        put_u64(out, created);
        put_u64(out, created);
        put_u32(out, track);
        put_u32(out, 0);
        put_u64(out, 0);
        out.extend_from_slice(&[0; 12]);
        put_u16(out, volume);
        put_u16(out, 0);
        put_matrix(out);
        put_u32(out, width << 16);
        put_u32(out, height << 16);
    });
}

fn put_mdhd(out: &mut Vec<u8>, created: u64, ticks: u32) {
    put_full(out, b"mdhd", 1, 0, |out| {
        put_u64(out, created);
        put_u64(out, created);
        put_u32(out, ticks);
        put_u64(out, 0);
        // "und"
        put_u32(out, 0x55c4_0000);
    });
}

fn put_hdlr(out: &mut Vec<u8>, kind: &[u8; 4], name: &[u8]) {
    put_full(out, b"hdlr", 0, 0, |out| {
        put_u32(out, 0);
        out.extend_from_slice(kind);
        out.extend_from_slice(&[0; 12]);
        out.extend_from_slice(name);
    });
}

/// The empty tables that every track has, around its one sample entry.
fn put_tables(out: &mut Vec<u8>, entry: impl FnOnce(&mut Vec<u8>)) {
    put(out, b"dinf", |out| {
        put_full(out, b"dref", 0, 0, |out| {
            put_u32(out, 1);
            put_full(out, b"url ", 0, 1, |_| ());
        });
    });
    put(out, b"stbl", |out| {
        put_full(out, b"stsd", 0, 0, |out| {
            put_u32(out, 1);
            entry(out);
        });
        put_full(out, b"stts", 0, 0, |out| put_u32(out, 0));
        put_full(out, b"stsc", 0, 0, |out| put_u32(out, 0));
        put_full(out, b"stsz", 0, 0, |out| put_u64(out, 0));
        put_full(out, b"stco", 0, 0, |out| put_u32(out, 0));
    });
}

fn put_video(out: &mut Vec<u8>, track: &VideoTrack, created: u64) {
    let config = VideoConfig::parse(track.codec, &track.record).ok();
    let (width, height) = config.and_then(|config| config.size()).unwrap_or_default();
    let (width, height) = (width.min(0xffff), height.min(0xffff));
    let (entry, record) = match track.codec {
        VideoCodec::H264 => (b"avc1", b"avcC"),
        VideoCodec::Hevc => (b"hvc1", b"hvcC"),
    };
    put(out, b"trak", |out| {
        put_tkhd(out, VIDEO_TRACK, created, 0, (width, height));
        put(out, b"mdia", |out| {
            put_mdhd(out, created, TICKS);
            put_hdlr(out, b"vide", b"video\0");
            put(out, b"minf", |out| {
                put_full(out, b"vmhd", 0, 1, |out| out.extend_from_slice(&[0; 8]));
                put_tables(out, |out| {
                    put(out, entry, |out| {
                        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
                        out.extend_from_slice(&[0; 16]);
                        put_u16(out, width as u16);
                        put_u16(out, height as u16);
                        put_u32(out, 0x0048_0000);
                        put_u32(out, 0x0048_0000);
                        put_u32(out, 0);
                        put_u16(out, 1);
                        out.extend_from_slice(&[0; 32]);
                        put_u16(out, 24);
                        put_u16(out, 0xffff);
                        put(out, record, |out| out.extend_from_slice(&track.record));
                    });
                });
            });
        });
    });
}

fn put_audio(out: &mut Vec<u8>, track: &AudioTrack, created: u64) {
    let AudioFormat {
        codec,
        sample_rate,
        channels,
    } = track.format;
    put(out, b"trak", |out| {
        put_tkhd(out, AUDIO_TRACK, created, 0x0100, (0, 0));
        put(out, b"mdia", |out| {
            put_mdhd(out, created, sample_rate.max(1));
            put_hdlr(out, b"soun", b"audio\0");
            put(out, b"minf", |out| {
                put_full(out, b"smhd", 0, 0, |out| put_u32(out, 0));
                put_tables(out, |out| {
                    put(out, entry_name(codec), |out| {
                        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
                        put_u64(out, 0);
                        put_u16(out, u16::from(channels));
                        put_u16(out, 16);
                        put_u32(out, 0);
                        // 16.16; the time base of the track has the whole number.
                        put_u32(out, sample_rate.min(0xffff) << 16);
                        match codec {
                            AudioCodec::Aac => put_esds(out, &track.config),
                            AudioCodec::Opus => put_dops(out, &track.config),
                            AudioCodec::G711A | AudioCodec::G711U | AudioCodec::Pcm => {}
                        }
                    });
                });
            });
        });
    });
}

fn entry_name(codec: AudioCodec) -> &'static [u8; 4] {
    match codec {
        AudioCodec::Aac => b"mp4a",
        AudioCodec::Opus => b"Opus",
        AudioCodec::G711A => b"alaw",
        AudioCodec::G711U => b"ulaw",
        AudioCodec::Pcm => b"sowt",
    }
}

/// Descriptors of ISO/IEC 14496-1, 7.2.6: ES 3, decoder configuration 4, its specific information 5, SL 6.
fn put_esds(out: &mut Vec<u8>, config: &[u8]) {
    let length = config.len() as u8;
    put_full(out, b"esds", 0, 0, |out| {
        out.extend_from_slice(&[3, 3 + 2 + 13 + 2 + length + 3, 0, AUDIO_TRACK as u8, 0]);
        // MPEG-4 audio, an audio stream; buffer size and bit rates are not told.
        out.extend_from_slice(&[4, 13 + 2 + length, 0x40, 0x15]);
        out.extend_from_slice(&[0; 11]);
        out.extend_from_slice(&[5, length]);
        out.extend_from_slice(config);
        out.extend_from_slice(&[6, 1, 2]);
    });
}

/// OpusHead with its numbers the other way round (Encapsulation of Opus in ISOBMFF, 4.3.2).
fn put_dops(out: &mut Vec<u8>, config: &[u8]) {
    let head = OpusHead::parse(config).unwrap_or(OpusHead {
        channels: 1,
        pre_skip: 0,
        input_rate: 48_000,
        gain: 0,
        mapping_family: 0,
    });
    put(out, b"dOps", |out| {
        out.extend_from_slice(&[0, head.channels]);
        put_u16(out, head.pre_skip);
        put_u32(out, head.input_rate);
        put_u16(out, head.gain as u16);
        out.push(0);
    });
}

fn parse_moov(mut moov: Cursor<'_>) -> Result<(VideoTrack, Option<AudioTrack>), Error> {
    let (mut video, mut audio) = (None, None);
    while let Some((name, body)) = moov.next_box()? {
        if &name != b"trak" {
            continue;
        }
        let media = body.find(b"mdia")?;
        let mut mdhd = media.find(b"mdhd")?;
        mdhd.take(4 + 16)?;
        let ticks = mdhd.u32()?;
        let mut stsd = media.find(b"minf")?.find(b"stbl")?.find(b"stsd")?;
        stsd.take(8)?;
        let (entry, body) = stsd.next_box()?.ok_or(Error::Damaged("no sample entry"))?;
        match &entry {
            b"avc1" => video = Some(parse_video(VideoCodec::H264, body, b"avcC")?),
            b"hvc1" => video = Some(parse_video(VideoCodec::Hevc, body, b"hvcC")?),
            _ => audio = Some(parse_audio(entry, body, ticks)?),
        }
    }
    Ok((video.ok_or(Error::Damaged("no pictures"))?, audio))
}

fn parse_video(
    codec: VideoCodec,
    mut entry: Cursor<'_>,
    record: &[u8; 4],
) -> Result<VideoTrack, Error> {
    entry.take(78)?;
    let record = entry.find(record)?.0.to_vec();
    Ok(VideoTrack { codec, record })
}

fn parse_audio(
    name: [u8; 4],
    mut entry: Cursor<'_>,
    sample_rate: u32,
) -> Result<AudioTrack, Error> {
    let codec = [
        AudioCodec::Aac,
        AudioCodec::Opus,
        AudioCodec::G711A,
        AudioCodec::G711U,
        AudioCodec::Pcm,
    ]
    .into_iter()
    .find(|codec| entry_name(*codec) == &name)
    .ok_or(Error::Unsupported("a codec that cameras do not record"))?;
    entry.take(16)?;
    let channels = entry.u16()?;
    entry.take(10)?;
    let config = match codec {
        AudioCodec::Aac => parse_esds(entry.find(b"esds")?)?,
        AudioCodec::Opus => parse_dops(entry.find(b"dOps")?)?,
        AudioCodec::G711A | AudioCodec::G711U | AudioCodec::Pcm => Vec::new(),
    };
    Ok(AudioTrack {
        format: AudioFormat {
            codec,
            sample_rate: sample_rate.max(1),
            channels: u8::try_from(channels).map_err(|_| Error::Damaged("channels"))?,
        },
        config,
    })
}

fn parse_esds(mut esds: Cursor<'_>) -> Result<Vec<u8>, Error> {
    esds.full()?;
    esds.take(5 + 2 + 13)?;
    if esds.u8()? != 5 {
        return Err(Error::Damaged("the configuration of sound"));
    }
    let length = usize::from(esds.u8()?);
    Ok(esds.take(length)?.to_vec())
}

fn parse_dops(mut dops: Cursor<'_>) -> Result<Vec<u8>, Error> {
    dops.u8()?;
    let head = OpusHead {
        channels: dops.u8()?,
        pre_skip: dops.u16()?,
        input_rate: dops.u32()?,
        gain: dops.u16()? as i16,
        mapping_family: 0,
    };
    Ok(head.to_bytes().to_vec())
}
