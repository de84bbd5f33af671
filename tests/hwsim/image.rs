//! What the machine boots: a Debian kernel, a small initial file system with its modules, and a layer of radio
//! programs to lay over the host's own root. Made once and kept in a cache folder; no root needed, and nothing is
//! installed on the host. The packages come from the host's own apt sources.

use crate::apt::{self, Apt, entries};
use crate::archive::Archive;
use crate::modules::Modules;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Raised when what is made from the same packages changes.
const FORMAT: u32 = 1;

/// The programs of the layer. What the host has already is not fetched again.
const PROGRAMS: &[&str] = &[
    "busybox-static",
    "dbus",
    "dnsmasq-base",
    "hostapd",
    "iproute2",
    "iw",
    "network-manager",
    "udhcpc",
    "udhcpd",
    "wireless-regdb",
    "wpasupplicant",
];

/// Modules in front of the root file system, a disk's, and the radios' with the ciphers that they ask for by name.
const MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_rng",
    "virtio_blk",
    "9p",
    "9pnet_virtio",
    "overlay",
    "ext4",
    "crc32c_generic",
    "af_packet",
    "ccm",
    "cmac",
    "gcm",
    "ctr",
    "mac80211_hwsim",
];

/// The first program of the machine.
const INIT: &str = include_str!("init.sh");

/// Files of a machine that can boot.
pub(crate) struct Image {
    /// The kernel.
    pub(crate) kernel: PathBuf,
    /// Its first file system.
    pub(crate) initial: PathBuf,
    /// Radio programs, laid over the host's root.
    pub(crate) layer: PathBuf,
}

impl Image {
    /// The image in `cache`; each half is made if it is missing or was made from something else.
    pub(crate) fn prepare(cache: &Path) -> Result<Self> {
        let image = Self {
            kernel: cache.join("kernel/vmlinuz"),
            initial: cache.join("kernel/initial.cpio"),
            layer: cache.join("layer/root"),
        };
        // The layer depends on what the host has already, the kernel does not: it is fetched far less often.
        let (layer, kernel) = (
            Part::new(cache, "layer", host()?),
            Part::new(cache, "kernel", 0),
        );
        if layer.is_made() && kernel.is_made() {
            return Ok(image);
        }
        println!("making the machine's image in {}", cache.display());
        let apt = Apt::update(&cache.join("apt"))?;
        if !layer.is_made() {
            layer.make(|| image.make_layer(&apt))?;
        }
        if !kernel.is_made() {
            kernel.make(|| image.make_kernel(&apt, &cache.join("kernel/unpacked")))?;
        }
        fs::remove_dir_all(cache.join("apt"))?;
        Ok(image)
    }

    /// Unpacks the programs so that they fit over a root whose `/bin`, `/lib` and `/sbin` are links into `/usr`.
    fn make_layer(&self, apt: &Apt) -> Result<()> {
        fs::create_dir_all(&self.layer)?;
        for name in ["bin", "sbin", "lib", "lib64"] {
            fs::create_dir_all(self.layer.join("usr").join(name))?;
            std::os::unix::fs::symlink(format!("usr/{name}"), self.layer.join(name))?;
        }
        for package in apt.download(&apt.missing(PROGRAMS)?)? {
            apt::unpack(&package, &self.layer)?;
        }
        Ok(())
    }

    /// Takes the kernel and the modules it needs, and drops the other thousands.
    fn make_kernel(&self, apt: &Apt, unpacked: &Path) -> Result<()> {
        fs::create_dir_all(unpacked)?;
        for package in apt.download(&apt.kernel()?)? {
            apt::unpack(&package, unpacked)?;
        }
        let kernel = find(&unpacked.join("boot"), |name| name.starts_with("vmlinuz-"))
            .context("the kernel's package holds no boot/vmlinuz-*")?;
        fs::copy(&kernel, &self.kernel)?;
        let mut archive = Archive::new();
        for folder in [
            "bin",
            "dev",
            "etc",
            "lib",
            "lib/firmware",
            "modules",
            "new",
            "proc",
            "sys",
        ] {
            archive.folder(folder);
        }
        archive.file("init", 0o755, INIT.as_bytes());
        archive.file("bin/busybox", 0o755, &self.busybox()?);
        for name in ["regulatory.db", "regulatory.db.p7s"] {
            archive.file(
                &format!("lib/firmware/{name}"),
                0o644,
                &self.regulation(name)?,
            );
        }
        let modules = Modules::below(&unpacked.join("lib/modules"))?;
        let order = modules.with_dependencies(MODULES)?;
        for (name, content) in &order {
            archive.file(&format!("modules/{name}.ko"), 0o644, content);
        }
        let names: Vec<&str> = order.iter().map(|(name, _)| name.as_str()).collect();
        archive.file("modules/order", 0o644, names.join("\n").as_bytes());
        fs::write(&self.initial, archive.finish())?;
        fs::remove_dir_all(unpacked)?;
        Ok(())
    }

    fn busybox(&self) -> Result<Vec<u8>> {
        let layer = self.layer.join("usr/bin/busybox");
        let path = if layer.is_file() {
            layer
        } else {
            PathBuf::from("/bin/busybox")
        };
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }

    /// One of the files about what each country allows; Debian keeps them under two names.
    fn regulation(&self, name: &str) -> Result<Vec<u8>> {
        for folder in [
            self.layer.join("usr/lib/firmware"),
            PathBuf::from("/lib/firmware"),
        ] {
            for name in [name.to_owned(), format!("{name}-debian")] {
                if let Ok(content) = fs::read(folder.join(name)) {
                    return Ok(content);
                }
            }
        }
        bail!("the package wireless-regdb holds no {name}")
    }
}

/// A folder of the cache with a note of what it was made from.
struct Part {
    folder: PathBuf,
    recipe: String,
}

impl Part {
    fn new(cache: &Path, name: &str, host: u64) -> Self {
        let recipe = hash(&format!("{FORMAT} {PROGRAMS:?} {MODULES:?} {INIT}"));
        Self {
            folder: cache.join(name),
            recipe: format!("recipe {recipe:016x}, host {host:016x}\n"),
        }
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("stamp")
    }

    fn is_made(&self) -> bool {
        fs::read_to_string(self.stamp()).is_ok_and(|made| made == self.recipe)
    }

    fn make(&self, make: impl FnOnce() -> Result<()>) -> Result<()> {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("making {}", self.folder.display()))?;
        make()?;
        fs::write(self.stamp(), &self.recipe)
            .with_context(|| format!("writing {}", self.stamp().display()))
    }
}

/// What is installed on the host.
fn host() -> Result<u64> {
    let list = ["-W", "-f", "${Package} ${Version}\n"];
    Ok(hash(&apt::output(Command::new("dpkg-query").args(list))?))
}

/// FNV-1a: notices a change, and stays the same from one build of this program to the next.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn find(folder: &Path, is_it: impl Fn(&str) -> bool) -> Option<PathBuf> {
    entries(folder)
        .into_iter()
        .find(|path| path.file_name().and_then(OsStr::to_str).is_some_and(&is_it))
}
