//! A disk that forgets: what was written and not flushed lies in a cache, and when the power goes, each sector of it has reached
//! the disk or has not, by chance and in no order. QEMU reaches it as a network block device (the NBD protocol, fixed newstyle).
//!
//! ```text
//!  machine ── write ──> cache ── flush, or power lost: some of it ──> lasting
//!          <── read ─── cache over lasting
//! ```
//!
//! Its power switch is its last block: a write of [`OFF`] there takes the power away, after as many more writes as the byte
//! behind it says; [`ON`] gives it back. In between everything else is refused as an I/O error.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Its size in bytes, with the switch.
pub(crate) const SIZE: u64 = 96 << 20;
/// Size of the block at its end that is the switch, in bytes.
pub(crate) const SWITCH: u64 = 4096;
/// First byte of a write to the switch: no power.
pub(crate) const OFF: u8 = b'0';
/// First byte of a write to the switch: power.
pub(crate) const ON: u8 = b'1';

/// What a disk writes whole or not at all, in bytes.
const SECTOR: u64 = 512;
/// Longest request that is taken, in bytes: QEMU's own limit.
const LONGEST: u32 = 32 << 20;

/// Sectors, and what of them would not survive.
struct Disk {
    lasting: Vec<u8>,
    cache: BTreeMap<u64, [u8; SECTOR as usize]>,
    has_power: bool,
    /// Writes after which the power goes.
    left: Option<u8>,
    seed: u64,
    log: String,
}

impl Disk {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seed = now.map_or(1, |since| since.as_nanos() as u64);
        Self {
            lasting: vec![0; SIZE as usize],
            cache: BTreeMap::new(),
            has_power: true,
            left: None,
            seed,
            log: format!("seed {seed}\n"),
        }
    }

    fn read(&self, at: u64, length: u32) -> Option<Vec<u8>> {
        let range = self.range(at, u64::from(length))?;
        let mut data = self.lasting.get(range)?.to_vec();
        for (index, chunk) in data.chunks_exact_mut(SECTOR as usize).enumerate() {
            if let Some(sector) = self.cache.get(&(at / SECTOR + index as u64)) {
                chunk.copy_from_slice(sector);
            }
        }
        Some(data)
    }

    fn write(&mut self, at: u64, data: &[u8]) -> Option<()> {
        if at == SIZE - SWITCH {
            self.switch(data);
            return Some(());
        }
        self.range(at, data.len() as u64)?;
        for (index, chunk) in data.chunks_exact(SECTOR as usize).enumerate() {
            let sector = chunk.try_into().ok()?;
            self.cache.insert(at / SECTOR + index as u64, sector);
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.left == Some(0) {
            self.lose();
        }
        Some(())
    }

    /// A range of whole sectors, while there is power.
    fn range(&self, at: u64, length: u64) -> Option<std::ops::Range<usize>> {
        let end = at.checked_add(length)?;
        let fits = self.has_power
            && end <= SIZE
            && at.is_multiple_of(SECTOR)
            && length.is_multiple_of(SECTOR);
        fits.then_some(at as usize..end as usize)
    }

    fn flush(&mut self) -> Option<()> {
        if !self.has_power {
            return None;
        }
        for (sector, data) in std::mem::take(&mut self.cache) {
            self.keep(sector, &data);
        }
        Some(())
    }

    fn switch(&mut self, to: &[u8]) {
        match to {
            [OFF, 0, ..] => self.lose(),
            [OFF, writes, ..] => self.left = Some(*writes),
            [ON, ..] => (self.has_power, self.left) = (true, None),
            _ => {}
        }
    }

    /// The power goes.
    fn lose(&mut self) {
        if !std::mem::take(&mut self.has_power) {
            return;
        }
        let (all, mut lost) = (self.cache.len(), 0);
        for (sector, data) in std::mem::take(&mut self.cache) {
            if self.chance() {
                self.keep(sector, &data);
            } else {
                lost += 1;
            }
        }
        let _ = writeln!(
            self.log,
            "off: {lost} of {all} sectors not flushed are lost"
        );
    }

    fn keep(&mut self, sector: u64, data: &[u8]) {
        let at = (sector * SECTOR) as usize;
        if let Some(place) = self.lasting.get_mut(at..at + data.len()) {
            place.copy_from_slice(data);
        }
    }

    /// Heads or tails.
    fn chance(&mut self) -> bool {
        // Knuth, MMIX.
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005);
        self.seed = self.seed.wrapping_add(1_442_695_040_888_963_407);
        self.seed >> 63 == 1
    }
}

/// Serves a new disk to the first who asks at `socket`, until that one leaves; what it lost is noted in `log`.
pub(crate) fn serve(socket: &Path, log: &Path) -> Result<()> {
    let listener = UnixListener::bind(socket)
        .with_context(|| format!("making the socket {}", socket.display()))?;
    let log = log.to_path_buf();
    std::thread::spawn(move || {
        let mut disk = Disk::new();
        let served = listener
            .accept()
            .context("waiting for the machine")
            .and_then(|(mut stream, _)| talk(&mut stream, &mut disk, &log));
        if let Err(error) = served {
            let _ = writeln!(disk.log, "{error:#}");
        }
        let _ = std::fs::write(&log, &disk.log);
    });
    Ok(())
}

fn talk(stream: &mut UnixStream, disk: &mut Disk, log: &Path) -> Result<()> {
    if !greet(stream)? {
        return Ok(());
    }
    while let Some(request) = Request::read(stream)? {
        let had_power = disk.has_power;
        let (error, data) = match request.answer(disk) {
            Some(data) => (0, data),
            None => (nbd::EIO, Vec::new()),
        };
        let mut reply = nbd::REPLY.to_be_bytes().to_vec();
        reply.extend(error.to_be_bytes());
        reply.extend(request.cookie.to_be_bytes());
        reply.extend(data);
        stream.write_all(&reply)?;
        if had_power != disk.has_power {
            std::fs::write(log, &disk.log)?;
        }
    }
    Ok(())
}

/// Numbers of the protocol (NetworkBlockDevice/nbd, `doc/proto.md`).
mod nbd {
    pub(super) const MAGIC: u64 = 0x4e42_444d_4147_4943;
    pub(super) const OPTION: u64 = 0x4948_4156_454f_5054;
    pub(super) const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
    pub(super) const FIXED_NEWSTYLE: u16 = 1 << 0;
    pub(super) const NO_ZEROES: u16 = 1 << 1;
    pub(super) const ABORT: u32 = 2;
    pub(super) const GO: u32 = 7;
    pub(super) const ACK: u32 = 1;
    pub(super) const INFO: u32 = 3;
    pub(super) const INFO_EXPORT: u16 = 0;
    pub(super) const UNSUPPORTED: u32 = (1 << 31) | 1;
    pub(super) const HAS_FLAGS: u16 = 1 << 0;
    pub(super) const SEND_FLUSH: u16 = 1 << 2;
    pub(super) const SEND_FUA: u16 = 1 << 3;
    pub(super) const REQUEST: u32 = 0x2560_9513;
    pub(super) const REPLY: u32 = 0x6744_6698;
    pub(super) const READ: u16 = 0;
    pub(super) const WRITE: u16 = 1;
    pub(super) const DISCONNECT: u16 = 2;
    pub(super) const FLUSH: u16 = 3;
    pub(super) const FUA: u16 = 1 << 0;
    pub(super) const EIO: u32 = 5;
}

/// Agrees on the disk; `false` when the other end leaves again.
fn greet(stream: &mut UnixStream) -> Result<bool> {
    let mut hello = nbd::MAGIC.to_be_bytes().to_vec();
    hello.extend(nbd::OPTION.to_be_bytes());
    hello.extend((nbd::FIXED_NEWSTYLE | nbd::NO_ZEROES).to_be_bytes());
    stream.write_all(&hello)?;
    take::<4>(stream)?;
    loop {
        let magic = u64::from_be_bytes(take(stream)?);
        ensure!(magic == nbd::OPTION, "no option but {magic:#x}");
        let option = u32::from_be_bytes(take(stream)?);
        let length = u32::from_be_bytes(take(stream)?);
        ensure!(length <= 4096, "an option of {length} bytes");
        std::io::copy(&mut stream.take(length.into()), &mut std::io::sink())?;
        match option {
            nbd::GO => {
                let mut info = nbd::INFO_EXPORT.to_be_bytes().to_vec();
                info.extend(SIZE.to_be_bytes());
                let flags = nbd::HAS_FLAGS | nbd::SEND_FLUSH | nbd::SEND_FUA;
                info.extend(flags.to_be_bytes());
                answer(stream, option, nbd::INFO, &info)?;
                answer(stream, option, nbd::ACK, &[])?;
                return Ok(true);
            }
            nbd::ABORT => {
                answer(stream, option, nbd::ACK, &[])?;
                return Ok(false);
            }
            _ => answer(stream, option, nbd::UNSUPPORTED, &[])?,
        }
    }
}

fn answer(stream: &mut UnixStream, option: u32, kind: u32, data: &[u8]) -> Result<()> {
    let mut reply = nbd::OPTION_REPLY.to_be_bytes().to_vec();
    for number in [option, kind, data.len() as u32] {
        reply.extend(number.to_be_bytes());
    }
    reply.extend(data);
    Ok(stream.write_all(&reply)?)
}

/// ```text
///  magic u32 · flags u16 · what u16 · cookie u64 · at u64 · length u32 · data
/// ```
struct Request {
    flags: u16,
    what: u16,
    cookie: u64,
    at: u64,
    length: u32,
    data: Vec<u8>,
}

impl Request {
    /// The next one; `None` when the other end is gone.
    fn read(stream: &mut UnixStream) -> Result<Option<Self>> {
        let Ok(magic) = take(stream) else {
            return Ok(None);
        };
        let magic = u32::from_be_bytes(magic);
        ensure!(magic == nbd::REQUEST, "no request but {magic:#x}");
        let mut request = Self {
            flags: u16::from_be_bytes(take(stream)?),
            what: u16::from_be_bytes(take(stream)?),
            cookie: u64::from_be_bytes(take(stream)?),
            at: u64::from_be_bytes(take(stream)?),
            length: u32::from_be_bytes(take(stream)?),
            data: Vec::new(),
        };
        match request.what {
            nbd::DISCONNECT => return Ok(None),
            _ if request.length > LONGEST => bail!("a request for {} bytes", request.length),
            nbd::WRITE => {
                request.data = vec![0; request.length as usize];
                stream.read_exact(&mut request.data)?;
            }
            _ => {}
        }
        Ok(Some(request))
    }

    fn answer(&self, disk: &mut Disk) -> Option<Vec<u8>> {
        match self.what {
            nbd::READ => return disk.read(self.at, self.length),
            nbd::WRITE => {
                disk.write(self.at, &self.data)?;
                if self.flags & nbd::FUA != 0 && disk.has_power {
                    // More than was asked for, which is never less.
                    disk.flush()?;
                }
            }
            nbd::FLUSH => disk.flush()?,
            _ => return None,
        }
        Some(Vec::new())
    }
}

fn take<const N: usize>(stream: &mut UnixStream) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_flushed_stays_and_of_the_rest_some_is_lost() {
        let mut disk = Disk::new();
        let (old, new) = ([b'a'; 64 << 10], [b'b'; 64 << 10]);
        let length = old.len() as u32;
        disk.write(4096, &old).expect("it has power");
        disk.flush().expect("it has power");
        disk.write(4096, &new).expect("it has power");
        assert_eq!(disk.read(4096, length).as_deref(), Some(&new[..]));
        disk.write(SIZE - SWITCH, &[OFF, 0]);
        assert_eq!(disk.read(4096, length), None);
        assert_eq!(disk.write(0, &old), None);
        assert_eq!(disk.flush(), None);
        disk.write(SIZE - SWITCH, &[ON]);
        let left = disk.read(4096, length).expect("it has power again");
        // 128 sectors, each by the toss of a coin.
        assert!(left != old && left != new);
        for sector in left.chunks(SECTOR as usize) {
            assert!(
                [b'a', b'b']
                    .iter()
                    .any(|byte| sector.iter().all(|one| one == byte))
            );
        }
    }

    #[test]
    fn power_goes_after_as_many_writes_as_were_said() {
        let mut disk = Disk::new();
        disk.write(SIZE - SWITCH, &[OFF, 2]);
        assert_eq!(disk.write(0, &[1; 512]), Some(()));
        assert_eq!(disk.flush(), Some(()));
        assert_eq!(disk.write(512, &[1; 512]), Some(()));
        assert_eq!(disk.write(0, &[2; 512]), None);
        disk.write(SIZE - SWITCH, &[ON]);
        assert_eq!(disk.read(0, 512), Some(vec![1; 512]));
        assert_eq!(disk.write(0, &[2; 512]), Some(()), "it stays on");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut disk = Disk::new();
        assert_eq!(disk.read(SIZE, 512), None);
        assert_eq!(disk.read(u64::MAX, 512), None);
        assert_eq!(disk.read(1, 512), None);
        assert_eq!(disk.write(SIZE - 512, &[0; 1024]), None);
    }
}
