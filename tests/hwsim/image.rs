//! What the machine boots: a Debian kernel, a small initial file system with its modules, and a layer of radio
//! programs to lay over the host's own root. Made once and kept in a cache folder; no root needed, and nothing is
//! installed on the host. The packages come from the host's own apt sources.

use crate::archive::Archive;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// Packages that stand for the newest kernel: Debian's name, then Ubuntu's.
const KERNELS: &[&str] = &["linux-image-amd64", "linux-image-generic"];

/// Modules in front of the root file system, and the radios' with the ciphers that they ask for by name.
const MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_rng",
    "9p",
    "9pnet_virtio",
    "overlay",
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
            unpack(&package, &self.layer)?;
        }
        Ok(())
    }

    /// Takes the kernel and the modules it needs, and drops the other thousands.
    fn make_kernel(&self, apt: &Apt, unpacked: &Path) -> Result<()> {
        fs::create_dir_all(unpacked)?;
        for package in apt.download(&apt.kernel()?)? {
            unpack(&package, unpacked)?;
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
    Ok(hash(&output(Command::new("dpkg-query").args(list))?))
}

/// FNV-1a: notices a change, and stays the same from one build of this program to the next.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// apt with lists of its own: works without root and does not disturb the host's.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn update(folder: &Path) -> Result<Self> {
        for name in ["lists/partial", "cache/archives/partial", "packages"] {
            fs::create_dir_all(folder.join(name))
                .with_context(|| format!("making {}", folder.display()))?;
        }
        let apt = Self {
            folder: folder.to_path_buf(),
        };
        // Some other source of this host may be out of reach; the download below says if ours is.
        let _ = apt.command("apt-get").args(["update", "-qq"]).status();
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let option =
            |name: &str, path: &str| format!("{name}={}", self.folder.join(path).display());
        command
            .args(["-o", &option("Dir::State::Lists", "lists/")])
            .args(["-o", &option("Dir::Cache", "cache/")])
            .args(["-o", "APT::Sandbox::User="])
            .env("LC_ALL", "C")
            .current_dir(self.folder.join("packages"));
        command
    }

    /// Those of `names`, and of what they need, that the host has not installed.
    fn missing(&self, names: &[&str]) -> Result<Vec<String>> {
        let plan = output(
            self.command("apt-get")
                .args(["install", "--simulate", "--no-install-recommends"])
                .args(names),
        )?;
        let added = plan.lines().filter_map(|line| line.strip_prefix("Inst "));
        Ok(added
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect())
    }

    /// The packages of the newest kernel and its modules.
    fn kernel(&self) -> Result<Vec<String>> {
        let wanted = |text: String| -> Vec<String> {
            let names = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("Depends: "));
            names
                .filter(|name| {
                    ["linux-image-", "linux-modules-"]
                        .iter()
                        .any(|start| name.starts_with(start))
                        && name.contains(|c: char| c.is_ascii_digit())
                })
                .map(str::to_owned)
                .collect()
        };
        for meta in KERNELS {
            let mut names = output(self.command("apt-cache").args(["depends", meta]))
                .map(wanted)
                .unwrap_or_default();
            for name in names.clone() {
                names.extend(wanted(output(
                    self.command("apt-cache").args(["depends", &name]),
                )?));
            }
            if !names.is_empty() {
                names.sort();
                names.dedup();
                return Ok(names);
            }
        }
        bail!(
            "apt offers none of {KERNELS:?}: this ring needs Debian's or Ubuntu's kernel for amd64"
        )
    }

    /// Fetches packages and gives their files.
    fn download(&self, names: &[String]) -> Result<Vec<PathBuf>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        println!("  fetching {}", names.join(" "));
        let packages = self.folder.join("packages");
        let fetched = self
            .command("apt-get")
            .args(["download", "-qq"])
            .args(names)
            .status()
            .context("starting apt-get")?;
        if !fetched.success() {
            bail!("apt-get could not download {}", names.join(" "));
        }
        // Each download empties the folder for the next by moving on to a folder of its own.
        let own = self.folder.join(format!("fetched-{}", names[0]));
        fs::rename(&packages, &own)?;
        fs::create_dir_all(&packages)?;
        Ok(entries(&own)
            .into_iter()
            .filter(|path| path.extension() == Some(OsStr::new("deb")))
            .collect())
    }
}

/// Unpacks a package into `folder`, following links between folders there.
fn unpack(package: &Path, folder: &Path) -> Result<()> {
    let mut deb = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("starting dpkg-deb")?;
    let stream = deb.stdout.take().context("reading from dpkg-deb")?;
    let tar = Command::new("tar")
        .args([
            "--extract",
            "--keep-directory-symlink",
            "--exclude=./usr/share/doc",
            "--exclude=./usr/share/man",
            "--directory",
        ])
        .arg(folder)
        .stdin(stream)
        .status()
        .context("starting tar")?;
    if !(deb.wait()?.success() && tar.success()) {
        bail!("{} could not be unpacked", package.display());
    }
    Ok(())
}

/// The kernel's modules by name.
struct Modules(HashMap<String, PathBuf>);

impl Modules {
    fn below(folder: &Path) -> Result<Self> {
        let mut found = HashMap::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder) {
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(name) = module_name(&path) {
                    found.insert(name, path);
                }
            }
        }
        if found.is_empty() {
            bail!("no modules below {}", folder.display());
        }
        Ok(Self(found))
    }

    /// `names` with what they depend on, each after its own dependencies. A name without a file is built into the
    /// kernel, except the radios, without which there is nothing to test.
    fn with_dependencies(&self, names: &[&str]) -> Result<Vec<(String, Vec<u8>)>> {
        if !self.0.contains_key("mac80211_hwsim") {
            bail!("this kernel has no module mac80211_hwsim");
        }
        let mut order = Vec::new();
        for name in names {
            self.add(name, &mut order)?;
        }
        Ok(order)
    }

    fn add(&self, name: &str, order: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
        let Some(path) = self.0.get(name) else {
            return Ok(());
        };
        if order.iter().any(|(known, _)| known == name) {
            return Ok(());
        }
        let content = read_module(path)?;
        for dependency in depends(&content) {
            self.add(&dependency, order)?;
        }
        order.push((name.to_owned(), content));
        Ok(())
    }
}

/// `kernel/fs/9p/9p.ko.xz` is `9p`; names use `_` where files may use `-`.
fn module_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (name, _) = name.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

fn read_module(path: &Path) -> Result<Vec<u8>> {
    let program = match path.extension().and_then(OsStr::to_str) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => return fs::read(path).with_context(|| format!("reading {}", path.display())),
    };
    let unpacked = Command::new(program)
        .arg("-dc")
        .arg(path)
        .output()
        .with_context(|| format!("starting {program}"))?;
    if !unpacked.status.success() {
        bail!("{program} could not unpack {}", path.display());
    }
    Ok(unpacked.stdout)
}

/// The names in a module's `depends=` entry (kernel, `include/linux/module.h`, section `.modinfo`).
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let rest = &module[start + KEY.len()..];
    let end = rest.iter().position(|&byte| byte == 0).unwrap_or(0);
    let text = String::from_utf8_lossy(&rest[..end]);
    text.split(',')
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('-', "_"))
        .collect()
}

fn find(folder: &Path, is_it: impl Fn(&str) -> bool) -> Option<PathBuf> {
    entries(folder)
        .into_iter()
        .find(|path| path.file_name().and_then(OsStr::to_str).is_some_and(&is_it))
}

/// What is in a folder, sorted; nothing if it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        // A link to a folder is not followed: `build` and `source` lead out of the package.
        .filter(|entry| !entry.file_type().is_ok_and(|kind| kind.is_symlink()))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// What a command prints; an error when it fails.
fn output(command: &mut Command) -> Result<String> {
    let done = command
        .output()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    if !done.status.success() {
        bail!(
            "{} failed: {}",
            command.get_program().display(),
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_names_what_it_depends_on() {
        let module = b"\x7fELF..\0license=GPL\0depends=9pnet,fs-cache\0retpoline=Y\0";
        assert_eq!(depends(module), ["9pnet", "fs_cache"]);
        assert!(depends(b"\0depends=\0name=overlay\0").is_empty());
        assert!(depends(b"no section").is_empty());
    }

    #[test]
    fn packed_and_plain_modules_have_the_same_name() {
        assert_eq!(
            module_name(Path::new("a/virtio-rng.ko.xz")).as_deref(),
            Some("virtio_rng")
        );
        assert_eq!(module_name(Path::new("a/9p.ko")).as_deref(), Some("9p"));
        assert_eq!(module_name(Path::new("a/modules.dep")), None);
    }
}
