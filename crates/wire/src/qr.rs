//! The QR code that a viewer shows and a camera reads with its own lens: the network and the token, without a hotspot.
//!
//! ```text
//! 09Home-WiFi08abcd123432<token>                                text form: two digits of length in bytes, then the text
//! {"ssid":"Home-WiFi","bssid":"","pwd":"abcd1234","token":"…"}  JSON form; the only one that can name a hub
//! ```

use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::hub::HubAddress;
use crate::json::Object;
use crate::soft_ap::{DEFAULT_REGION, Join, request};
use crate::wifi::Passphrase;

/// Longest code that is read, in bytes.
pub const MAX_QR_BYTES: usize = 1024;

const MESSAGE: &str = "QR code";

/// The text form. It has no room for hub, region and bssid.
///
/// # Errors
/// A network whose name is no text.
pub fn to_text(join: &Join) -> Result<String, ParseError> {
    let ssid = join.ssid.as_str().ok_or_else(|| {
        ParseError::unsupported(MESSAGE, "ssid", &join.ssid.to_string(), "a name in UTF-8")
    })?;
    let password = join.passphrase.as_ref().map_or("", Passphrase::as_str);
    // All three are shorter than 100 bytes by their types.
    Ok([ssid, password, join.token.as_str()]
        .map(|part| format!("{:02}{part}", part.len()))
        .concat())
}

/// The JSON form.
pub fn to_json(join: &Join) -> String {
    let password = join.passphrase.as_ref().map_or("", Passphrase::as_str);
    let hub = join.hub.as_ref().map(HubAddress::encode);
    let bssid = join.bssid.map(|bssid| bssid.to_string());
    request::write_ssid(Writer::new(), &join.ssid)
        .field("bssid", bssid.unwrap_or_default())
        .field("pwd", password)
        .field("token", join.token.as_str())
        .optional_json("hub", hub.as_deref())
        .end()
}

/// Reads either form, white space around it tolerated.
///
/// # Errors
/// Which part is wrong, without showing a secret.
pub fn parse(text: &str) -> Result<Join, ParseError> {
    ParseError::limit(MESSAGE, "text", text.len(), MAX_QR_BYTES)?;
    let text = text.trim_end_matches(['\0', '\r', '\n']);
    if text.trim_start().starts_with('{') {
        return parse_json(text.trim());
    }
    let mut rest = text;
    let ssid = take(&mut rest, "ssid")?.parse()?;
    let passphrase = match take(&mut rest, "password")? {
        "" => None,
        password => Some(password.parse()?),
    };
    let token = take(&mut rest, "token")?.parse()?;
    // What stands behind belongs to a newer form.
    Ok(Join::new(ssid, passphrase, token))
}

fn parse_json(text: &str) -> Result<Join, ParseError> {
    let mut object = Object::decode_secret(MESSAGE, text.as_bytes(), MAX_QR_BYTES)?;
    Ok(Join {
        ssid: request::ssid(&object)?,
        passphrase: match request::passphrase(&object, "pwd")? {
            Some(passphrase) => Some(passphrase),
            None => request::passphrase(&object, "password")?,
        },
        token: request::token(&object)?,
        region: DEFAULT_REGION.to_owned(),
        bssid: request::bssid(&object)?,
        hub: HubAddress::of(&mut object)?,
    })
}

/// The next part: two digits of length in bytes, then that many bytes.
fn take<'a>(rest: &mut &'a str, field: &'static str) -> Result<&'a str, ParseError> {
    const EXPECTED: &str = "two digits of length in bytes, then the text";
    let error = || ParseError::secret(MESSAGE, field, "", EXPECTED);
    let (length, tail) = rest.split_at_checked(2).ok_or_else(error)?;
    let length: usize = crate::text::digits(length).ok_or_else(error)?;
    let (part, tail) = tail.split_at_checked(length).ok_or_else(error)?;
    *rest = tail;
    Ok(part)
}
