//! What a viewer asks of a camera: `cmdType` 0, 1, 3 and our own 4.

use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::hub::HubAddress;
use crate::json::Object;
use crate::token::Token;
use crate::wifi::{Bssid, Passphrase, Ssid};

use super::{DEFAULT_REGION, MAX_REGION_BYTES, RECEIVE_LIMIT};

const MESSAGE: &str = "softAP request";

/// `cmdType` of a datagram from a viewer.
mod cmd_type {
    pub(super) const TOKEN: u8 = 0;
    pub(super) const JOIN: u8 = 1;
    pub(super) const LOG: u8 = 3;
    pub(super) const HEARD: u8 = 4;
}

/// One datagram from a viewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `cmdType` 0: the token alone, for a camera that is on the network already.
    Token(TokenOnly),
    /// `cmdType` 1: the network to join, and the token.
    Join(Join),
    /// `cmdType` 3: send the log.
    Log,
    /// `cmdType` 4, own: the device reply has been heard, the camera need not wait any longer.
    Heard(Token),
}

/// What `cmdType` 0 brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOnly {
    /// Token of this attempt.
    pub token: Token,
    /// Region of the token's cloud; [`DEFAULT_REGION`] if the datagram names none.
    pub region: String,
    /// Where to report the token, own; `None` leaves it to what the camera knows.
    pub hub: Option<HubAddress>,
}

/// What `cmdType` 1 brings, and a QR code too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Name of the network.
    pub ssid: Ssid,
    /// Its passphrase; `None` for an open network.
    pub passphrase: Option<Passphrase>,
    /// Token of this attempt.
    pub token: Token,
    /// Region of the token's cloud; [`DEFAULT_REGION`] if the datagram names none.
    pub region: String,
    /// The one access point to join.
    pub bssid: Option<Bssid>,
    /// Where to report the token, own; `None` leaves it to what the camera knows.
    pub hub: Option<HubAddress>,
}

impl Request {
    /// The datagram. A region is written only if it is not the usual one.
    ///
    /// # Errors
    /// Longer than [`RECEIVE_LIMIT`], which no field within its own limit makes it.
    pub fn encode(&self) -> Result<Vec<u8>, ParseError> {
        let text = match self {
            Self::Token(token_only) => {
                let writer = start(cmd_type::TOKEN).field("token", token_only.token.as_str());
                rest(writer, &token_only.region, None, &token_only.hub)
            }
            Self::Join(join) => {
                let writer = join_fields(start(cmd_type::JOIN), join);
                rest(writer, &join.region, join.bssid, &join.hub)
            }
            Self::Log => start(cmd_type::LOG).end(),
            Self::Heard(token) => start(cmd_type::HEARD).field("token", token.as_str()).end(),
        };
        ParseError::limit(MESSAGE, "datagram", text.len(), RECEIVE_LIMIT)?;
        Ok(text.into_bytes())
    }

    /// Reads a datagram. Unknown fields are skipped; an empty password is an open network.
    ///
    /// # Errors
    /// Which field is wrong, without showing a secret.
    pub fn decode(datagram: &[u8]) -> Result<Self, ParseError> {
        const EXPECTED: &str = "0, 1, 3 or 4";
        let mut object = Object::decode_secret(MESSAGE, datagram, RECEIVE_LIMIT)?;
        match object.required_number::<i64>("cmdType")? {
            0 => Ok(Self::Token(TokenOnly {
                token: token(&object)?,
                region: region(&object)?,
                hub: HubAddress::of(&mut object)?,
            })),
            1 => Ok(Self::Join(join(&mut object)?)),
            3 => Ok(Self::Log),
            4 => Ok(Self::Heard(token(&object)?)),
            other => Err(ParseError::unsupported(
                MESSAGE,
                "cmdType",
                &other.to_string(),
                EXPECTED,
            )),
        }
    }
}

impl Join {
    /// A join of the usual region without hub.
    pub fn new(ssid: Ssid, passphrase: Option<Passphrase>, token: Token) -> Self {
        Self {
            ssid,
            passphrase,
            token,
            region: DEFAULT_REGION.to_owned(),
            bssid: None,
            hub: None,
        }
    }
}

fn start(cmd_type: u8) -> Writer {
    Writer::new().json("cmdType", &cmd_type.to_string())
}

fn join_fields(writer: Writer, join: &Join) -> Writer {
    let password = join.passphrase.as_ref().map_or("", Passphrase::as_str);
    write_ssid(writer, &join.ssid)
        .field("password", password)
        .field("token", join.token.as_str())
}

fn rest(writer: Writer, region: &str, bssid: Option<Bssid>, hub: &Option<HubAddress>) -> String {
    let region = Some(region).filter(|region| *region != DEFAULT_REGION);
    let hub = hub.as_ref().map(HubAddress::encode);
    writer
        .optional("region", region)
        .optional("bssid", bssid)
        .optional_json("hub", hub.as_deref())
        .end()
}

fn join(object: &mut Object) -> Result<Join, ParseError> {
    Ok(Join {
        ssid: ssid(object)?,
        passphrase: passphrase(object, "password")?,
        token: token(object)?,
        region: region(object)?,
        bssid: bssid(object)?,
        hub: HubAddress::of(object)?,
    })
}

pub(crate) fn ssid(object: &Object) -> Result<Ssid, ParseError> {
    let Some(hex) = object.text("ssidHex")? else {
        return object.required_text("ssid")?.parse();
    };
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes());
    let bytes = bytes.map_err(|_| {
        ParseError::invalid(object.message, "ssidHex", &hex, "the name's bytes in hex")
    })?;
    Ssid::from_bytes(bytes)
}

pub(crate) fn passphrase(
    object: &Object,
    field: &'static str,
) -> Result<Option<Passphrase>, ParseError> {
    object.secret(field)?.map(|text| text.parse()).transpose()
}

pub(crate) fn token(object: &Object) -> Result<Token, ParseError> {
    match object.secret("token")? {
        Some(text) => text.parse(),
        None => Err(ParseError::missing(
            object.message,
            "token",
            "the pairing token",
        )),
    }
}

fn region(object: &Object) -> Result<String, ParseError> {
    let region = object.text("region")?.filter(|region| !region.is_empty());
    let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
    ParseError::limit(object.message, "region", region.len(), MAX_REGION_BYTES)?;
    Ok(region)
}

/// The one access point to join; an empty text counts as none.
pub(crate) fn bssid(object: &Object) -> Result<Option<Bssid>, ParseError> {
    let text = object.text("bssid")?.filter(|text| !text.is_empty());
    text.map(|text| text.parse()).transpose()
}

/// A name that is no text is written twice: as its bytes, which count, and as what of it can be read.
pub(crate) fn write_ssid(writer: Writer, ssid: &Ssid) -> Writer {
    let hex = match ssid.as_str() {
        Some(_) => None,
        None => Some(data_encoding::HEXLOWER.encode(ssid.as_bytes())),
    };
    writer.field("ssid", ssid).optional("ssidHex", hex)
}
