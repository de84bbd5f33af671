//! The power fails between any two steps, and the disk forgets what it was not told to keep.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::*;

/// A disk that loses, when its power fails, whatever was not synced: bytes, whole writes, names.
#[derive(Clone, Debug)]
struct Forgetful(Arc<Mutex<Memory>>);

#[derive(Debug)]
struct Memory {
    root: PathBuf,
    /// What is left of it after the power failed.
    left: PathBuf,
    /// Steps until then; `None` once it has.
    steps: Option<u32>,
    unsynced: Vec<Unsynced>,
    /// Inodes whose names are on the disk.
    named: BTreeSet<u64>,
    seed: u64,
}

#[derive(Clone, Debug)]
struct Unsynced {
    inode: u64,
    path: PathBuf,
    at: u64,
    length: u64,
}

impl Memory {
    fn random(&mut self, below: u64) -> u64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99);
        (self.seed >> 33) % below
    }

    /// One step; an error when there is no power any more.
    fn step(&mut self) -> io::Result<()> {
        match self.steps {
            Some(0) => {
                self.steps = None;
                self.fail();
                Err(io::Error::from_raw_os_error(libc::EIO))
            }
            Some(left) => {
                self.steps = Some(left - 1);
                Ok(())
            }
            None => Err(io::Error::from_raw_os_error(libc::EIO)),
        }
    }

    /// Copies what is there, and takes out of the copy what may be lost.
    fn fail(&mut self) {
        let root = self.root.clone();
        self.copy(&root);
        for lost in std::mem::take(&mut self.unsynced) {
            let Ok(inside) = lost.path.strip_prefix(&self.root) else {
                continue;
            };
            let Ok(file) = fs::OpenOptions::new()
                .write(true)
                .open(self.left.join(inside))
            else {
                continue;
            };
            match self.random(4) {
                0 => {}
                1 => file.set_len(lost.at).unwrap(),
                // The length is there and the bytes are not, or not all of them.
                which => {
                    let kept = if which == 2 {
                        0
                    } else {
                        self.random(lost.length + 1)
                    };
                    let zeros = vec![0; (lost.length - kept) as usize];
                    SystemDisk.write(&file, lost.at + kept, &zeros).unwrap();
                }
            }
        }
    }

    fn copy(&mut self, from: &Path) {
        let to = self.left.join(from.strip_prefix(&self.root).unwrap());
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let told = fs::metadata(&path).unwrap();
            if !self.named.contains(&told.ino()) && self.random(2) == 0 {
                continue;
            }
            if told.is_dir() {
                self.copy(&path);
            } else {
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

impl Disk for Forgetful {
    fn write(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut memory = self.0.lock().unwrap();
        SystemDisk.write(file, at, bytes)?;
        let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        memory.unsynced.push(Unsynced {
            inode: file.metadata()?.ino(),
            path,
            at,
            length: bytes.len() as u64,
        });
        memory.step()
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut memory = self.0.lock().unwrap();
        memory.step()?;
        let inode = file.metadata()?.ino();
        memory.unsynced.retain(|one| one.inode != inode);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut memory = self.0.lock().unwrap();
        memory.step()?;
        for entry in fs::read_dir(dir)? {
            memory.named.insert(entry?.metadata()?.ino());
        }
        Ok(())
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        SystemDisk.space(dir)
    }
}

/// Records until the power fails; what the camera believed to be on the card.
fn record(card: &Card) -> Vec<Fragment> {
    let mut done = Vec::new();
    for n in 0..3 {
        let start_ms = START + n * 3 * GOP_MS;
        let Ok(mut writer) = begin(card, start_ms, Kind::Continuous) else {
            return done;
        };
        done.push(gop(start_ms));
        for next in 1..3 {
            let gop = gop(start_ms + next * GOP_MS);
            if writer.append(&gop).is_err() {
                return done;
            }
            done.push(gop);
        }
        if writer.close().is_err() {
            return done;
        }
    }
    done
}

#[test]
fn a_power_cut_at_any_step_loses_nothing_that_was_said_to_be_on_the_card() {
    let (mut cuts, mut torn) = (0, 0);
    for steps in 0.. {
        let mut failed = false;
        for seed in 0..6 {
            let slot = Slot::new();
            let (root, left) = (slot.path().join("card"), slot.path().join("left"));
            fs::create_dir(&root).unwrap();
            let disk = Forgetful(Arc::new(Mutex::new(Memory {
                root: root.clone(),
                left: left.clone(),
                steps: Some(steps),
                unsynced: Vec::new(),
                named: BTreeSet::new(),
                seed: seed * 7 + u64::from(steps),
            })));
            let options = Options {
                dir: root,
                ..slot.options()
            };
            let done = record(&Card::on(options, Box::new(disk.clone())));
            if disk.0.lock().unwrap().steps.is_some() {
                assert_eq!(done.len(), 9);
                continue;
            }
            failed = true;
            cuts += 1;
            let options = Options {
                dir: left,
                ..slot.options()
            };
            let card = Card::on(options, Box::new(Moody::default()));
            assert_eq!(card.status().state, State::Ok);
            let mut read = Vec::new();
            for segment in card.segments(0, i64::MAX) {
                let mut reader = card.open(segment.number).unwrap();
                for place in reader.places() {
                    read.push(reader.read(&place).unwrap());
                }
            }
            // Everything in its place, and at most the fragment that was being written besides.
            let whole = read.len() - done.len();
            assert!(whole <= 1, "step {steps}, seed {seed}");
            assert_eq!(read[..done.len()], done, "step {steps}, seed {seed}");
            torn += usize::from(whole == 0);
            assert_true(&card);
        }
        if !failed {
            break;
        }
    }
    assert!(cuts > 150 && torn > 50, "{cuts} cuts, {torn} with a loss");
}

#[test]
fn a_card_that_cannot_be_made_ready_is_no_reason_to_stop() {
    let slot = Slot::new();
    fs::write(slot.path().join("video"), "a file where a folder should be").unwrap();
    let card = slot.card();
    assert_ne!(card.status().state, State::Ok);
    assert!(begin(&card, START, Kind::Continuous).is_err());
    let error = fs::read_dir(slot.path().join("video")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
}
