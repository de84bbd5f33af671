//! The kernel's modules: which need which.

use crate::apt::entries;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kernel's modules by name.
pub(crate) struct Modules(HashMap<String, PathBuf>);

impl Modules {
    /// All below a folder.
    pub(crate) fn below(folder: &Path) -> Result<Self> {
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
    pub(crate) fn with_dependencies(&self, names: &[&str]) -> Result<Vec<(String, Vec<u8>)>> {
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
