//! Factory reset: the camera forgets who it is, who may watch, and where it belongs.

use std::fs::{self, File};
use std::io::ErrorKind;

use crate::data::{DataDir, DataError};

/// What goes. The label stays: its passphrase is printed on the camera.
const ERASED: &[&str] = &[
    // Whoever may watch goes first: should the power fail in between, a camera that knows nobody is left.
    "viewers.json",
    "invitation.json",
    "setup.json",
    "faults.json",
    "settings.json",
    "record.json",
    "identity.key",
];

/// Erases keys, viewers, network, hub and settings. The camera must be stopped. Gives the names of what there was.
///
/// # Errors
/// A file cannot be removed; what was removed before stays removed. Do it again.
pub fn erase(dir: &DataDir) -> Result<Vec<&'static str>, DataError> {
    let mut erased = Vec::new();
    for name in ERASED {
        let path = dir.path(name);
        match fs::remove_file(&path) {
            Ok(()) => erased.push(*name),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => {
                return Err(DataError::Io {
                    doing: "remove",
                    path,
                    source,
                });
            }
        }
    }
    let path = dir.path("");
    let synced = File::open(&path).and_then(|folder| folder.sync_all());
    synced.map_err(|source| DataError::Io {
        doing: "write",
        path,
        source,
    })?;
    Ok(erased)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::Temporary;

    #[test]
    fn everything_goes_but_the_label() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        for name in ["identity.key", "viewers.json", "setup.json", "hotspot.json"] {
            fs::write(dir.path(name), "x").unwrap();
        }
        let erased = erase(&dir).unwrap();
        assert_eq!(erased, ["viewers.json", "setup.json", "identity.key"]);
        let left: Vec<_> = fs::read_dir(&temporary.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["hotspot.json"]);
        assert!(erase(&dir).unwrap().is_empty());
    }
}
