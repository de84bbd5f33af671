//! A certificate and its key as rmqtt wants them: in files, for as long as it takes to read them.

use std::fmt;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Error, Write};
use std::path::{Path, PathBuf};

/// A certificate chain and its key, both PEM. `Debug` prints neither.
#[derive(Clone)]
pub struct Pem {
    /// The chain, the hub's own certificate first.
    pub certificate: String,
    /// The secret key, PKCS #8.
    pub key: String,
}

impl fmt::Debug for Pem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pem(***)")
    }
}

impl Pem {
    /// Writes both into a folder that only this user can open.
    pub(super) fn on_disk(&self) -> Result<Files, Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(Error::other)?;
        let name = data_encoding::HEXLOWER.encode(&random);
        let files = Files(std::env::temp_dir().join(format!("porthole-hub-{name}")));
        let mut folder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        // Fails when it is there already: then somebody else made it.
        folder.create(&files.0)?;
        write(Path::new(&files.certificate()), &self.certificate)?;
        write(Path::new(&files.key()), &self.key)?;
        Ok(files)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

/// The folder, which is deleted with everything in it when this is dropped.
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn certificate(&self) -> String {
        self.0.join("certificate.pem").display().to_string()
    }

    pub(super) fn key(&self) -> String {
        self.0.join("key.pem").display().to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_key_is_on_disk_for_its_owner_only_and_not_for_long() {
        use std::os::unix::fs::PermissionsExt;
        let pem = Pem {
            certificate: "C".into(),
            key: "K".into(),
        };
        let files = pem.on_disk().unwrap();
        let folder = files.0.clone();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(Path::new(&files.key())), 0o600);
        assert_eq!(std::fs::read_to_string(files.key()).unwrap(), "K");
        drop(files);
        assert!(!folder.exists());
        assert_eq!(format!("{pem:?}"), "Pem(***)");
    }
}
