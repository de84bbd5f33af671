//! The key that an endpoint is known by.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use wire::id::PeerId;

use crate::IdentityError;

/// An Ed25519 key pair. Its public half is the endpoint's id; its secret half never leaves this crate.
#[derive(Clone)]
pub struct Identity(iroh::SecretKey);

impl Identity {
    /// Reads the key at `path`, or makes one there if the file does not exist.
    ///
    /// The file holds 64 hexadecimal digits and a newline, mode 0600. It is created whole or not at all: two
    /// programs that start at once end with the same key. A file that others may read is refused.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        match Self::load(path) {
            Err(IdentityError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                create(path, &random()?)?;
                Self::load(path)
            }
            other => other,
        }
    }

    /// Reads the key at `path`.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let io = |doing| {
            move |source| IdentityError::Io {
                doing,
                path: path.to_path_buf(),
                source,
            }
        };
        let file = fs::File::open(path).map_err(io("open"))?;
        check_mode(path, &file.metadata().map_err(io("read"))?)?;
        let mut text = Vec::new();
        // One byte more than any valid file shows that it is too long.
        file.take(67).read_to_end(&mut text).map_err(io("read"))?;
        let digits = text.trim_ascii_end();
        let malformed = |got: String| IdentityError::Malformed {
            path: path.to_path_buf(),
            got,
        };
        if digits.len() != 64 {
            let more = if text.len() == 67 { "more than " } else { "" };
            return Err(malformed(format!("{more}{} bytes", digits.len())));
        }
        let seed = data_encoding::HEXLOWER_PERMISSIVE
            .decode(digits)
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or_else(|| malformed("other characters".into()))?;
        Ok(Self(iroh::SecretKey::from_bytes(&seed)))
    }

    /// A fresh key that is never written to disk.
    pub fn ephemeral() -> Result<Self, IdentityError> {
        Ok(Self(iroh::SecretKey::from_bytes(&random()?)))
    }

    /// The public half: what peers call this endpoint.
    pub fn id(&self) -> PeerId {
        PeerId(*self.0.public().as_bytes())
    }

    pub(crate) fn secret(&self) -> iroh::SecretKey {
        self.0.clone()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, secret ***)", self.id())
    }
}

fn random() -> Result<[u8; 32], IdentityError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| IdentityError::Random(error.to_string()))?;
    Ok(seed)
}

/// Keeps the temporary files of two threads apart.
static CREATED: AtomicU32 = AtomicU32::new(0);

/// Writes a temporary file and links it into place, which fails if another program was faster.
fn create(path: &Path, seed: &[u8; 32]) -> Result<(), IdentityError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    let ordinal = CREATED.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}-{ordinal}.new", std::process::id()));
    let fresh: PathBuf = path.with_file_name(name);
    let io = |doing, path: &Path| {
        let path = path.to_path_buf();
        move |source| IdentityError::Io {
            doing,
            path,
            source,
        }
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(io("create", folder))?;
    }
    let written = write_private(&fresh, seed).map_err(io("write", &fresh));
    let linked = written.and_then(|()| match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems (FAT on a memory card) have no links; a rename is as atomic.
        Err(_) => fs::rename(&fresh, path).map_err(io("create", path)),
        Ok(()) => Ok(()),
    });
    let _ = fs::remove_file(&fresh);
    linked
}

fn write_private(path: &Path, seed: &[u8; 32]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(data_encoding::HEXLOWER.encode(seed).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(unix)]
fn check_mode(path: &Path, meta: &fs::Metadata) -> Result<(), IdentityError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o7777;
    if mode & 0o077 != 0 {
        return Err(IdentityError::Permissions {
            path: path.to_path_buf(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _meta: &fs::Metadata) -> Result<(), IdentityError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_identity_is_private_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/identity.key");
        let first = Identity::load_or_create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(Identity::load_or_create(&path).unwrap().id(), first.id());
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no temporary file stays"
        );
        assert!(!format!("{first:?}").contains(fs::read_to_string(&path).unwrap().trim()));
    }

    #[test]
    fn a_readable_identity_is_refused_with_the_command_that_helps() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        Identity::load_or_create(&path).unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Identity::load_or_create(&path).unwrap_err();
            assert!(
                matches!(error, IdentityError::Permissions { .. }),
                "{error}"
            );
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_damaged_identity_is_an_error_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "",
            "abc\n",
            &"g".repeat(64),
            &"a".repeat(63),
            &"a".repeat(65),
            &"a".repeat(5000),
        ] {
            let path = dir.path().join("identity.key");
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = Identity::load_or_create(&path).unwrap_err();
            assert!(
                matches!(error, IdentityError::Malformed { .. }),
                "{text:.10}: {error}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn many_programs_that_start_at_once_share_one_identity() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.key");
        let ids: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Identity::load_or_create(&path).unwrap().id()))
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
