//! The camera's hotspot as it is printed on its label: hotspot.json.
//!
//! The passphrase is random for each camera and stays for its life: a factory reset does not change what is printed. The
//! camera's key is not on the label, because a reset makes a new one.

use serde::{Deserialize, Serialize};
use wifi::{Passphrase, Ssid};
use wire::id::CameraId;
use wire::label::Label;

use crate::data::{DataDir, DataError};

/// The file's name in the data directory.
pub const FILE: &str = "hotspot.json";
/// Letters of a passphrase: none that looks like another one in print. A power of two, so that none is likelier.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters in a passphrase: 50 bits.
const PASSPHRASE_CHARS: usize = 10;

#[derive(Serialize, Deserialize)]
struct File {
    ssid: String,
    passphrase: String,
}

/// The label; made up when it is asked for the first time.
///
/// # Errors
/// The file cannot be read or written, or is damaged.
pub fn load_or_create(dir: &DataDir, camera: &CameraId) -> Result<Label, DataError> {
    let file = match dir.read::<File>(FILE)? {
        Some(file) => file,
        None => {
            let file = File {
                ssid: ssid(camera),
                passphrase: passphrase(dir)?,
            };
            dir.write(FILE, &file)?;
            file
        }
    };
    let damaged = |field: &str| DataError::Damaged {
        path: dir.path(FILE),
        text: format!("{field} cannot be read"),
    };
    let passphrase: Result<Passphrase, _> = file.passphrase.parse();
    let ssid: Result<Ssid, _> = file.ssid.parse();
    Ok(Label {
        ssid: ssid.map_err(|_| damaged("ssid"))?,
        passphrase: Some(passphrase.map_err(|_| damaged("passphrase"))?),
        camera: None,
    })
}

/// `Porthole-4F2A`: enough to tell the cameras on one table apart.
fn ssid(camera: &CameraId) -> String {
    let [a, b, ..] = camera.as_bytes();
    format!("Porthole-{a:02X}{b:02X}")
}

fn passphrase(dir: &DataDir) -> Result<String, DataError> {
    let mut bytes = [0; PASSPHRASE_CHARS];
    getrandom::fill(&mut bytes).map_err(|error| DataError::Io {
        doing: "make a passphrase for",
        path: dir.path(FILE),
        source: std::io::Error::other(error.to_string()),
    })?;
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(bytes.into_iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::Temporary;
    use wire::id::PeerId;

    #[test]
    fn a_label_is_made_once_and_stays_whatever_key_the_camera_gets() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        let label = load_or_create(&dir, &PeerId([0x4f; 32])).unwrap();
        assert_eq!(label.ssid.to_string(), "Porthole-4F4F");
        assert_eq!(
            label.passphrase.as_ref().unwrap().as_str().len(),
            PASSPHRASE_CHARS
        );
        assert_eq!(load_or_create(&dir, &PeerId([1; 32])).unwrap(), label);
        assert_eq!(label.to_text().parse(), Ok(label));
    }

    #[test]
    fn no_two_cameras_have_the_same_passphrase() {
        let (one, two) = (Temporary::new(), Temporary::new());
        let make = |temporary: &Temporary| {
            let label = load_or_create(&temporary.open(), &PeerId([7; 32])).unwrap();
            label.passphrase.unwrap()
        };
        assert_ne!(make(&one), make(&two));
    }

    #[test]
    fn a_damaged_file_is_named_without_the_passphrase() {
        let temporary = Temporary::new();
        let dir = temporary.open();
        std::fs::write(dir.path(FILE), r#"{"ssid":"a","passphrase":"short"}"#).unwrap();
        let error = load_or_create(&dir, &PeerId([7; 32]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("passphrase") && !error.contains("short"),
            "{error}"
        );
    }
}
