//! One fragment: our `uuid`, `moof`, `mdat`.

use super::boxes::{BOX, Cursor, UUID_BOX, put, put_full, put_i64, put_u32, put_u64};
use super::head::{AUDIO_TRACK, DELTA_SAMPLE, SYNC_SAMPLE, TICKS, VIDEO_TRACK};
use super::{Error, Fragment, Head, MOST_FRAGMENT, MOST_SAMPLES, Place};
use crate::Packet;

/// Names our box in front of every fragment.
const GOP_UUID: [u8; 16] = *b"porthole.gop..v1";
/// Our box: length of the fragment, its start and end, the checksum of what follows, the checksum of these four.
pub(super) const GOP_BOX: usize = UUID_BOX + 4 + 8 + 8 + 4 + 4;
/// The bytes that every fragment begins with.
pub(super) const GOP_START: [u8; UUID_BOX] = gop_start();
/// tfhd: offsets count from the `moof` (ISO/IEC 14496-12, 8.8.7).
const BASE_IS_MOOF: u32 = 0x02_0000;
/// trun: where its data begins, a duration and a size a sample (8.8.8).
const DATA_DURATION_SIZE: u32 = 0x301;
/// trun: flags and a composition time a sample, too.
const FLAGS_COMPOSITION: u32 = 0xc00;

const fn gop_start() -> [u8; UUID_BOX] {
    let mut start = [0; UUID_BOX];
    start[3] = GOP_BOX as u8;
    (start[4], start[5], start[6], start[7]) = (b'u', b'u', b'i', b'd');
    let mut i = 0;
    while i < GOP_UUID.len() {
        start[BOX + i] = GOP_UUID[i];
        i += 1;
    }
    start
}

/// A sample as `trun` has it.
pub(super) struct Sample<'a> {
    pub(super) duration: u32,
    pub(super) flags: u32,
    pub(super) composition: i32,
    pub(super) data: &'a [u8],
}

/// A track's samples and the time of the first, in the track's ticks from the start of the file.
pub(super) struct Run<'a> {
    pub(super) at: u64,
    pub(super) samples: Vec<Sample<'a>>,
}

/// Appends a fragment. The lengths were checked.
pub(super) fn put_fragment(
    out: &mut Vec<u8>,
    sequence: u32,
    times: (i64, i64),
    video: &Run<'_>,
    audio: Option<&Run<'_>>,
) {
    let start = out.len();
    out.extend_from_slice(&GOP_START);
    out.resize(start + GOP_BOX, 0);
    let moof = out.len();
    // Every field has a fixed length: a fragment that is moved to another file keeps its own.
    let video_run = BOX + 12 + video.samples.len() * 16;
    let audio_run = audio.map_or(0, |run| TRAF + BOX + 12 + run.samples.len() * 8);
    let data = BOX + 16 + TRAF + video_run + audio_run + BOX;
    put(out, b"moof", |out| {
        put_full(out, b"mfhd", 0, 0, |out| put_u32(out, sequence));
        put_traf(out, VIDEO_TRACK, video, data, true);
        if let Some(audio) = audio {
            let before: usize = video.samples.iter().map(|sample| sample.data.len()).sum();
            put_traf(out, AUDIO_TRACK, audio, data + before, false);
        }
    });
    debug_assert_eq!(out.len() - moof + BOX, data);
    put(out, b"mdat", |out| {
        let all = [Some(video), audio].into_iter().flatten();
        for sample in all.flat_map(|run| &run.samples) {
            out.extend_from_slice(sample.data);
        }
    });
    seal(out.get_mut(start..).unwrap_or_default(), times);
}

/// Bytes of `traf` with everything but its `trun`.
const TRAF: usize = BOX + (BOX + 8) + (BOX + 12);

fn put_traf(out: &mut Vec<u8>, track: u32, run: &Run<'_>, data: usize, pictures: bool) {
    put(out, b"traf", |out| {
        put_full(out, b"tfhd", 0, BASE_IS_MOOF, |out| put_u32(out, track));
        put_full(out, b"tfdt", 1, 0, |out| put_u64(out, run.at));
        let more = if pictures { FLAGS_COMPOSITION } else { 0 };
        put_full(out, b"trun", 1, DATA_DURATION_SIZE | more, |out| {
            put_u32(out, run.samples.len() as u32);
            put_u32(out, data as u32);
            for sample in &run.samples {
                put_u32(out, sample.duration);
                put_u32(out, sample.data.len() as u32);
                if pictures {
                    put_u32(out, sample.flags);
                    put_u32(out, sample.composition as u32);
                }
            }
        });
    });
}

/// Fills our box in front of a fragment.
fn seal(fragment: &mut [u8], (start_ms, end_ms): (i64, i64)) {
    let Some((front, rest)) = fragment.split_at_mut_checked(GOP_BOX) else {
        return;
    };
    let mut told = Vec::with_capacity(GOP_BOX - UUID_BOX);
    put_u32(&mut told, (GOP_BOX + rest.len()) as u32);
    put_i64(&mut told, start_ms);
    put_i64(&mut told, end_ms);
    put_u32(&mut told, crc32fast::hash(rest));
    let sum = crc32fast::hash(&told);
    put_u32(&mut told, sum);
    if let Some(place) = front.get_mut(UUID_BOX..) {
        place.copy_from_slice(&told);
    }
}

/// What our box in front of a fragment says; `offset` is where it lies.
pub(super) fn read_front(front: &[u8], offset: u64) -> Result<(Place, u32), Error> {
    let mut cursor = Cursor(front.get(..GOP_BOX).ok_or(CUT)?);
    if cursor.array()? != GOP_START {
        return Err(Error::Damaged("no fragment"));
    }
    let told = cursor.0;
    let (bytes, start_ms, end_ms) = (cursor.u32()?, cursor.i64()?, cursor.i64()?);
    let (sum, own_sum) = (cursor.u32()?, cursor.u32()?);
    let summed = told.len().saturating_sub(4);
    if crc32fast::hash(told.get(..summed).unwrap_or_default()) != own_sum {
        return Err(Error::Damaged("the head of a fragment"));
    }
    if bytes as usize > MOST_FRAGMENT || (bytes as usize) < GOP_BOX || end_ms < start_ms {
        return Err(Error::Damaged("the head of a fragment"));
    }
    let place = Place {
        offset,
        bytes,
        start_ms,
        end_ms,
    };
    Ok((place, sum))
}

const CUT: Error = Error::Damaged("a fragment is cut off");

/// Whether these are the bytes of a whole fragment.
pub(super) fn check(bytes: &[u8]) -> Result<Place, Error> {
    let (place, sum) = read_front(bytes, 0)?;
    if bytes.len() != place.bytes as usize {
        return Err(CUT);
    }
    if crc32fast::hash(bytes.get(GOP_BOX..).unwrap_or_default()) != sum {
        return Err(Error::Damaged("the checksum of a fragment"));
    }
    Ok(place)
}

/// Takes a fragment apart. `bytes` are those that its [`Place`] names, in a file with that head.
///
/// # Errors
/// [`Error::Damaged`] if they are not what was written.
pub fn read_fragment(head: &Head, bytes: &[u8]) -> Result<Fragment, Error> {
    let place = check(bytes)?;
    let moof_on = bytes.get(GOP_BOX..).unwrap_or_default();
    let moof = Cursor(moof_on).find(b"moof")?;
    let mut fragment = Fragment {
        start_ms: place.start_ms,
        end_ms: place.end_ms,
        video: Vec::new(),
        audio: Vec::new(),
    };
    let mut trafs = moof;
    while let Some((name, traf)) = trafs.next_box()? {
        if &name != b"traf" {
            continue;
        }
        let mut tfhd = traf.find(b"tfhd")?;
        tfhd.full()?;
        match tfhd.u32()? {
            VIDEO_TRACK => fragment.video = read_run(head.start_ms, TICKS, traf, moof_on)?,
            AUDIO_TRACK => {
                let rate = head.audio.as_ref().map(|audio| audio.format.sample_rate);
                let rate = rate.ok_or(Error::Damaged("sound without a configuration"))?;
                fragment.audio = read_run(head.start_ms, rate, traf, moof_on)?;
            }
            _ => return Err(Error::Damaged("a track that is not there")),
        }
    }
    if !fragment.video.first().is_some_and(|first| first.key) {
        return Err(Error::NoKeyframe);
    }
    Ok(fragment)
}

fn read_run(
    start_ms: i64,
    ticks: u32,
    traf: Cursor<'_>,
    moof_on: &[u8],
) -> Result<Vec<Packet>, Error> {
    let mut tfdt = traf.find(b"tfdt")?;
    tfdt.full()?;
    let mut at = tfdt.u64()?;
    let mut trun = traf.find(b"trun")?;
    let (_, flags) = trun.full()?;
    let (count, data) = (trun.u32()? as usize, trun.u32()? as usize);
    let pictures = match flags.checked_sub(DATA_DURATION_SIZE) {
        Some(0) => false,
        Some(FLAGS_COMPOSITION) => true,
        _ => return Err(Error::Unsupported("a run that a camera did not write")),
    };
    if count > MOST_SAMPLES {
        return Err(Error::Damaged("more samples than fit"));
    }
    let mut data = Cursor(moof_on.get(data..).ok_or(CUT)?);
    let ms = |at: u64| {
        let ms = (u128::from(at) * 1000 + u128::from(ticks) / 2) / u128::from(ticks.max(1));
        start_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
    };
    let mut packets = Vec::with_capacity(count.min(trun.0.len() / 8));
    for _ in 0..count {
        let (duration, size) = (trun.u32()?, trun.u32()?);
        let (flags, composition) = if pictures {
            (trun.u32()?, trun.u32()? as i32)
        } else {
            (SYNC_SAMPLE, 0)
        };
        let dts = ms(at);
        packets.push(Packet {
            data: data.take(size as usize)?.to_vec(),
            pts: dts.saturating_add(i64::from(composition)),
            dts,
            key: flags & DELTA_SAMPLE & 0x00ff_ffff == 0,
        });
        at = at.saturating_add(u64::from(duration));
    }
    Ok(packets)
}

/// Makes a fragment of one file one of another, in place: it keeps its length and its wall times, and gets the other file's
/// time base and its sequence number there (1, 2, …).
///
/// # Errors
/// [`Error::Damaged`] if it is not what was written, [`Error::Unsupported`] if the files' tracks differ or it lies before
/// the other file's start.
pub fn move_fragment(bytes: &mut [u8], from: &Head, to: &Head, sequence: u32) -> Result<(), Error> {
    if !from.same_tracks(to) {
        return Err(Error::Unsupported("tracks that differ"));
    }
    let place = check(bytes)?;
    let later = from.start_ms.saturating_sub(to.start_ms);
    let moof_on = bytes.get_mut(GOP_BOX..).ok_or(CUT)?;
    put_at(moof_on, BOX + BOX + 4, &sequence.to_be_bytes())?;
    let mut traf = BOX + 16;
    while moof_on.get(traf + 4..traf + 8) == Some(b"traf") {
        let track = u32_at(moof_on, traf + BOX + BOX + 4)?;
        let ticks = match track {
            VIDEO_TRACK => TICKS,
            _ => to
                .audio
                .as_ref()
                .map_or(TICKS, |audio| audio.format.sample_rate),
        };
        let at_place = traf + BOX + (BOX + 8) + BOX + 4;
        let at = Cursor(moof_on.get(at_place..).ok_or(CUT)?).u64()?;
        let later = i128::from(later) * i128::from(ticks) / 1000;
        let at = i128::from(at) + later;
        let early = u64::try_from(-at).unwrap_or(0);
        if early > 0 {
            if track == VIDEO_TRACK || early > u64::from(ticks) {
                return Err(Error::Unsupported(
                    "a fragment before the start of the file",
                ));
            }
            shorten(moof_on, at_place + 8, early)?;
        }
        let at = u64::try_from(at).unwrap_or(0);
        put_at(moof_on, at_place, &at.to_be_bytes())?;
        traf += u32_at(moof_on, traf)?.max(BOX as u32) as usize;
    }
    seal(bytes, (place.start_ms, place.end_ms));
    Ok(())
}

/// Takes so many ticks off the first samples of sound, whose `trun` begins at `trun`: sound that begins a little before
/// its pictures, at the start of a file, ends where it did.
fn shorten(moof_on: &mut [u8], trun: usize, mut ticks: u64) -> Result<(), Error> {
    let count = u32_at(moof_on, trun + BOX + 4)? as usize;
    for sample in 0..count {
        let place = trun + BOX + 12 + sample * 8;
        let duration = u64::from(u32_at(moof_on, place)?);
        let less = duration.min(ticks);
        put_at(moof_on, place, &((duration - less) as u32).to_be_bytes())?;
        ticks -= less;
        if ticks == 0 {
            break;
        }
    }
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    Cursor(bytes.get(at..).ok_or(CUT)?).u32()
}

fn put_at(bytes: &mut [u8], at: usize, value: &[u8]) -> Result<(), Error> {
    let place = bytes.get_mut(at..at + value.len()).ok_or(CUT)?;
    place.copy_from_slice(value);
    Ok(())
}
