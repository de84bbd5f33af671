//! What is printed on a camera: its hotspot as a standard Wi-Fi QR code, with its key behind.
//!
//! ```text
//! WIFI:T:WPA;S:Porthole-4F2A;P:k3v9x2m7qa;camera:<id, 64 hex>;;
//! ```
//!
//! Phones join from it by themselves; they skip the field that they do not know.

use std::str::FromStr;

use crate::error::ParseError;
use crate::id::CameraId;
use crate::wifi::{Passphrase, Ssid};

/// Longest text that is read, in bytes.
pub const MAX_LABEL_BYTES: usize = 512;

const MESSAGE: &str = "label";
const SCHEME: &str = "WIFI:";

/// A camera's label. `Debug` does not show the passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Name of the camera's hotspot.
    pub ssid: Ssid,
    /// Its passphrase; `None` if it is open.
    pub passphrase: Option<Passphrase>,
    /// The camera's key, own.
    pub camera: Option<CameraId>,
}

impl Label {
    /// The text of the QR code. A name that is not UTF-8 is written with replacements.
    pub fn to_text(&self) -> String {
        let ssid = escape(&self.ssid.to_string());
        let mut text = match &self.passphrase {
            Some(passphrase) => {
                format!("{SCHEME}T:WPA;S:{ssid};P:{};", escape(passphrase.as_str()))
            }
            None => format!("{SCHEME}T:nopass;S:{ssid};"),
        };
        if let Some(camera) = &self.camera {
            text.push_str(&format!("camera:{camera};"));
        }
        text.push(';');
        text
    }
}

impl FromStr for Label {
    type Err = ParseError;

    /// Reads any Wi-Fi QR code: fields in any order, unknown ones skipped. The error shows no passphrase.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        ParseError::limit(MESSAGE, "text", text.len(), MAX_LABEL_BYTES)?;
        let text = text.trim();
        let fields = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, fields)) if scheme.eq_ignore_ascii_case(SCHEME) => fields,
            _ => return Err(ParseError::secret(MESSAGE, "scheme", text, SCHEME)),
        };
        let (mut ssid, mut passphrase, mut camera) = (None, None, None);
        for field in split(fields) {
            let (name, value) = field.split_once(':').unwrap_or((&field, ""));
            match name {
                "S" => ssid = Some(value.parse()?),
                "P" if !value.is_empty() => passphrase = Some(value.parse()?),
                "camera" => camera = Some(value.parse()?),
                _ => {}
            }
        }
        Ok(Self {
            ssid: ssid.ok_or_else(|| ParseError::missing(MESSAGE, "ssid", "S:<name>;"))?,
            passphrase,
            camera,
        })
    }
}

/// A backslash before what parts the fields.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | ';' | ',' | ':' | '"') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The fields with their backslashes taken out.
fn split(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, fields.last_mut()) {
            ('\\', Some(field)) => field.extend(chars.next()),
            (';', _) => fields.push(String::new()),
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        Label {
            ssid: "Porthole-4F2A".parse().unwrap(),
            passphrase: Some("k3v9x2m7qa".parse().unwrap()),
            camera: Some(crate::id::PeerId([0xab; 32])),
        }
    }

    #[test]
    fn is_a_standard_code_with_the_key_behind() {
        let text = label().to_text();
        assert_eq!(
            text,
            format!(
                "WIFI:T:WPA;S:Porthole-4F2A;P:k3v9x2m7qa;camera:{};;",
                "ab".repeat(32)
            )
        );
        assert_eq!(text.parse(), Ok(label()));
        assert!(!format!("{:?}", label()).contains("k3v9"));
    }

    #[test]
    fn what_parts_the_fields_is_escaped() {
        let odd = Label {
            ssid: r#"a;b:c,d\e"f"#.parse().unwrap(),
            passphrase: Some(r"pass;word\".parse().unwrap()),
            camera: None,
        };
        assert_eq!(odd.to_text().parse(), Ok(odd));
    }

    #[test]
    fn any_wifi_code_is_read() {
        for text in [
            "wifi:S:Porthole-4F2A;T:WPA;P:k3v9x2m7qa;H:false;;",
            " WIFI:P:k3v9x2m7qa;S:Porthole-4F2A\n",
        ] {
            let read: Label = text.parse().unwrap();
            assert_eq!(read.ssid, label().ssid, "{text}");
            assert_eq!(read.passphrase, label().passphrase, "{text}");
        }
        let open: Label = "WIFI:T:nopass;S:Guests;P:;;".parse().unwrap();
        assert_eq!(open.passphrase, None);
        assert_eq!(open.to_text(), "WIFI:T:nopass;S:Guests;;");
    }

    #[test]
    fn errors_name_the_part_and_show_no_passphrase() {
        for (text, field) in [
            ("", "scheme"),
            ("k3v9x2m7qa", "scheme"),
            ("WIFI:T:WPA;P:k3v9x2m7qa;;", "ssid"),
            ("WIFI:S:;P:k3v9x2m7qa;;", "ssid"),
            ("WIFI:S:a;P:k3v9x2;;", "password"),
            ("WIFI:S:a;camera:12;;", "id"),
            (&"W".repeat(513), "text"),
        ] {
            let error = text.parse::<Label>().unwrap_err();
            assert_eq!(error.field(), field, "{text}");
            assert!(!error.to_string().contains("k3v9"), "{error}");
        }
    }
}
