//! The hub's TLS identity: a key made once, kept for good, and the pin by which cameras and apps know it.
//!
//! No certificate authority is asked: the pin (SHA-256 of the key's SubjectPublicKeyInfo, RFC 7469) reaches the camera with the
//! pairing token and the app with the invitation. The certificate around the key may be made anew; the pin stays.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use wire::hub::Pin;

use crate::{Error, Result};

/// The key's file inside the hub's folder, PEM, mode 0600.
pub const KEY_FILE: &str = "tls.key";
/// Name inside the certificate. Who knows the pin does not look at it.
pub const SERVER_NAME: &str = "porthole-hub";

/// The hub's key and the certificate around it. `Debug` shows the pin only.
pub struct Identity {
    key: KeyPair,
    certificate: CertificateDer<'static>,
    pin: Pin,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({}, secret ***)", self.pin)
    }
}

impl Identity {
    /// Reads the key in `dir`, or makes one there (ECDSA P-256). Two programs that start at once end with the same key.
    ///
    /// # Errors
    /// [`Error::Io`], also when others may read the key; [`Error::Tls`] when the file is damaged: it is never replaced.
    pub fn load_or_create(dir: &Path) -> Result<Self> {
        make_private_folder(dir)?;
        let path = dir.join(KEY_FILE);
        if !path.exists() {
            let fresh = KeyPair::generate().map_err(|error| Error::Tls(error.to_string()))?;
            write_private(dir, &path, fresh.serialize_pem().as_bytes())?;
        }
        check_private(&path)?;
        let pem = fs::read_to_string(&path).map_err(io("read", &path))?;
        let damaged = |error: rcgen::Error| {
            Error::Tls(format!(
                "the key in {} is damaged ({error}); put a copy of it back: with another key every camera has to be paired again",
                path.display()
            ))
        };
        Self::new(KeyPair::from_pem(&pem).map_err(damaged)?)
    }

    fn new(key: KeyPair) -> Result<Self> {
        let failed = |error: rcgen::Error| Error::Tls(error.to_string());
        let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()]).map_err(failed)?;
        params
            .distinguished_name
            .push(DnType::CommonName, SERVER_NAME);
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            certificate: certificate.der().clone(),
            pin: pin_of(&key.subject_public_key_info()),
            key,
        })
    }

    /// By what cameras and apps know this hub.
    pub fn pin(&self) -> &Pin {
        &self.pin
    }

    /// The certificate, DER.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The secret key, PKCS #8 DER.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> String {
        let body = data_encoding::BASE64.encode(&self.certificate);
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap_or_default())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    }

    /// The secret key as PEM, for a library that takes nothing else. A secret.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// How a server of the hub speaks TLS: 1.2 and 1.3, no client certificates.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn server_config(&self) -> Result<Arc<rustls::ServerConfig>> {
        let failed = |error: rustls::Error| Error::Tls(error.to_string());
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key())
            .map_err(failed)?;
        Ok(Arc::new(config))
    }
}

/// The one implementation of cryptography that the hub's TLS uses.
pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The pin of a public key in its SubjectPublicKeyInfo form.
pub(crate) fn pin_of(public_key_info: &[u8]) -> Pin {
    Pin(Sha256::digest(public_key_info).into())
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io {
        doing,
        path,
        source,
    }
}

/// Makes `dir` with mode 0700 if it is not there.
pub(crate) fn make_private_folder(dir: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(io("create", dir))
}

/// Keeps the temporary files of two threads apart.
static CREATED: AtomicU32 = AtomicU32::new(0);

/// Writes `path` whole, mode 0600, unless another program was faster: then its file stays.
fn write_private(dir: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let ordinal = CREATED.fetch_add(1, Ordering::Relaxed);
    let fresh = dir.join(format!("{KEY_FILE}.{}-{ordinal}.new", std::process::id()));
    let written = (|| {
        let mut file = private_options().truncate(true).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match fs::hard_link(&fresh, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            // Some file systems have no links; a rename is as whole.
            Err(_) => fs::rename(&fresh, path),
            Ok(()) => Ok(()),
        }
    })();
    let _ = fs::remove_file(&fresh);
    written.map_err(io("write", path))
}

/// Options that make a file which only this user may read.
pub(crate) fn private_options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<()> {
    let meta = fs::metadata(path).map_err(io("read", path))?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::Tls(format!(
        "others may read the key in {} (mode {mode:o}); chmod 600 it if nobody else has seen it",
        path.display()
    )))
}

#[cfg(not(unix))]
fn check_private(_path: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_is_the_hash_of_the_certificates_public_key_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::load_or_create(dir.path()).unwrap();
        let again = Identity::load_or_create(dir.path()).unwrap();
        assert_eq!(first.pin(), again.pin());
        let end = webpki::EndEntityCert::try_from(first.certificate()).unwrap();
        assert_eq!(pin_of(&end.subject_public_key_info()), *first.pin());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(!format!("{first:?}").contains("BEGIN"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_command_that_helps() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        Identity::load_or_create(dir.path()).unwrap();
        let path = dir.path().join(KEY_FILE);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Identity::load_or_create(dir.path()).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_damaged_key_is_an_error_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        private_options()
            .open(&path)
            .unwrap()
            .write_all(b"-----BEGIN PRIVATE KEY-----\nAAAA\n")
            .unwrap();
        let error = Identity::load_or_create(dir.path()).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        assert!(fs::read_to_string(&path).unwrap().contains("AAAA"));
    }

    #[test]
    fn programs_that_start_at_once_share_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let pins: Vec<Pin> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| Identity::load_or_create(dir.path())))
                .collect();
            all.into_iter()
                .map(|one| *one.join().unwrap().unwrap().pin())
                .collect()
        });
        assert!(pins.iter().all(|pin| *pin == pins[0]));
    }
}
