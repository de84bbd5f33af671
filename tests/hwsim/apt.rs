//! Packages from the host's own apt sources, fetched and unpacked without installing them.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages that stand for the newest kernel: Debian's name, then Ubuntu's.
const KERNELS: &[&str] = &["linux-image-amd64", "linux-image-generic"];

/// apt with lists of its own: works without root and does not disturb the host's.
pub(crate) struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Fetches the lists into `folder`.
    pub(crate) fn update(folder: &Path) -> Result<Self> {
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
    pub(crate) fn missing(&self, names: &[&str]) -> Result<Vec<String>> {
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
    pub(crate) fn kernel(&self) -> Result<Vec<String>> {
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
    pub(crate) fn download(&self, names: &[String]) -> Result<Vec<PathBuf>> {
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
pub(crate) fn unpack(package: &Path, folder: &Path) -> Result<()> {
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

/// What is in a folder, sorted; nothing if it cannot be read.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
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
pub(crate) fn output(command: &mut Command) -> Result<String> {
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
