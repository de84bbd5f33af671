//! Dynamic registration: how a camera without a secret gets one from the hub, in both forms that devices use. The key's
//! arithmetic is `provision::credentials`.
//!
//! ```text
//! IoT Explorer   POST /register/dev      {"deviceName","nonce","productId","timestamp","signature"}
//! IoT Hub        POST /device/register   {"ProductId","DeviceName"}, signature in headers
//! ```

use std::fmt;

use crate::command::reply::Writer;
use crate::device::Device;
use crate::error::ParseError;
use crate::id::CameraId;
use crate::json::Object;
use crate::login::Method;

/// Path of the IoT Explorer form.
pub const EXPLORER_PATH: &str = "/register/dev";
/// Path of the IoT Hub form.
pub const HUB_PATH: &str = "/device/register";
/// Longest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 8 << 10;
/// Longest signature that is read, in bytes.
pub const MAX_SIGNATURE_BYTES: usize = 128;
/// Longest device secret, in characters.
pub const MAX_PSK_CHARS: usize = 128;

const REQUEST: &str = "registration";
const RESPONSE: &str = "registration response";
const PAYLOAD: &str = "registration payload";

/// Body of the IoT Explorer form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who wants a secret.
    pub device: Device,
    /// A random number.
    pub nonce: u64,
    /// When it was signed, unix seconds.
    pub timestamp: u64,
    /// Base64 of the HMAC-SHA1 over [`Request::text_to_sign`], or of its hex digits, as the C-SDK writes it.
    pub signature: String,
    /// The camera's public key, own: a device's name belongs to the key that came first.
    pub camera: Option<CameraId>,
}

impl Request {
    /// What is signed: the four fields in alphabetical order.
    pub fn text_to_sign(device: &Device, nonce: u64, timestamp: u64) -> String {
        format!(
            "deviceName={}&nonce={nonce}&productId={}&timestamp={timestamp}",
            device.device_name, device.product_id
        )
    }

    /// The body.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("deviceName", &self.device.device_name)
            .json("nonce", &self.nonce.to_string())
            .field("productId", &self.device.product_id)
            .json("timestamp", &self.timestamp.to_string())
            .field("signature", &self.signature)
            .optional("camera", self.camera)
            .end()
    }

    /// Reads the body. Whether the signature is right is not looked at.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(body: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode_secret(REQUEST, body, MAX_BODY_BYTES)?;
        Ok(Self {
            device: Device::new(
                &object.required_text("productId")?,
                &object.required_text("deviceName")?,
            )?,
            nonce: object.required_number("nonce")?,
            timestamp: object.required_number("timestamp")?,
            signature: signature(object.text("signature")?)?,
            camera: camera(&object)?,
        })
    }
}

/// Body of the IoT Hub form. Its signature is in [`Headers`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRequest {
    /// Who wants a secret.
    pub device: Device,
    /// The camera's public key, own.
    pub camera: Option<CameraId>,
}

impl HubRequest {
    /// The body.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("ProductId", &self.device.product_id)
            .field("DeviceName", &self.device.device_name)
            .optional("camera", self.camera)
            .end()
    }

    /// Reads the body. A request for a certificate is refused: devices here have keys.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(body: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode_secret(REQUEST, body, MAX_BODY_BYTES)?;
        if object.value("ClientCert").is_some_and(|cert| cert != "") {
            return Err(ParseError::unsupported(
                REQUEST,
                "ClientCert",
                "a certificate",
                "a device with a key",
            ));
        }
        Ok(Self {
            device: Device::new(
                &object.required_text("ProductId")?,
                &object.required_text("DeviceName")?,
            )?,
            camera: camera(&object)?,
        })
    }
}

/// Headers that sign the IoT Hub form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `X-TC-Algorithm`.
    pub algorithm: Method,
    /// `X-TC-Timestamp`, unix seconds.
    pub timestamp: u64,
    /// `X-TC-Nonce`.
    pub nonce: u64,
    /// `X-TC-Signature`: base64 of the HMAC over [`Headers::text_to_sign`].
    pub signature: String,
}

impl Headers {
    /// The headers' names, in the order of the fields.
    pub const NAMES: [&str; 4] = [
        "X-TC-Algorithm",
        "X-TC-Timestamp",
        "X-TC-Nonce",
        "X-TC-Signature",
    ];

    /// The headers' values, in the order of [`Headers::NAMES`].
    pub fn values(&self) -> [String; 4] {
        [
            self.algorithm.name().to_owned(),
            self.timestamp.to_string(),
            self.nonce.to_string(),
            self.signature.clone(),
        ]
    }

    /// Reads the headers' values, in the order of [`Headers::NAMES`].
    ///
    /// # Errors
    /// Which header is missing or wrong.
    pub fn decode(values: [Option<&str>; 4]) -> Result<Self, ParseError> {
        const NUMBER: &str = "a whole number";
        let [algorithm, timestamp, nonce, text] = values;
        let number = |field, value: Option<&str>| match value {
            None => Err(ParseError::missing(REQUEST, field, NUMBER)),
            Some(value) => crate::text::digits(value.trim())
                .ok_or_else(|| ParseError::invalid(REQUEST, field, value, NUMBER)),
        };
        let name = algorithm.unwrap_or_default().trim();
        Ok(Self {
            algorithm: Method::from_name(name).ok_or_else(|| {
                let expected = "HmacSha256 or HmacSha1";
                ParseError::invalid(REQUEST, "X-TC-Algorithm", name, expected)
            })?,
            timestamp: number("X-TC-Timestamp", timestamp)?,
            nonce: number("X-TC-Nonce", nonce)?,
            signature: signature(text.map(|text| text.trim().to_owned()))?,
        })
    }

    /// What is signed: `POST`, host, path, an empty query, algorithm, time, nonce and the lowercase hex SHA-256 of the
    /// body, a line each. `algorithm` stands as in the header: the documents write `hmacsha256` and `HmacSha256`.
    pub fn text_to_sign(
        host: &str,
        algorithm: &str,
        timestamp: u64,
        nonce: u64,
        body_hash: &str,
    ) -> String {
        format!("POST\n{host}\n{HUB_PATH}\n\n{algorithm}\n{timestamp}\n{nonce}\n{body_hash}")
    }
}

/// What the hub answers: the payload is encrypted with the secret that signed the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Base64 of the encrypted [`Payload`], and the length of its plain text in bytes.
    Registered {
        /// Length of the plain text, in bytes.
        length: usize,
        /// Base64.
        payload: String,
    },
    /// Why not.
    Refused {
        /// The hub's code, not 0.
        code: i32,
        /// The hub's words.
        message: String,
    },
}

impl Response {
    /// The body of the IoT Explorer form.
    pub fn encode(&self) -> String {
        let writer = Writer::new();
        match self {
            Self::Registered { length, payload } => writer
                .json("code", "0")
                .field("message", "")
                .json("len", &length.to_string())
                .field("payload", payload)
                .end(),
            Self::Refused { code, message } => writer
                .json("code", &code.to_string())
                .field("message", message)
                .end(),
        }
    }

    /// The body of the IoT Hub form.
    pub fn encode_hub(&self, request_id: &str) -> String {
        let writer = Writer::new();
        let inner = match self {
            Self::Registered { length, payload } => writer
                .json("Len", &length.to_string())
                .field("Payload", payload),
            Self::Refused { code, message } => {
                let error = Writer::new().field("Code", code).field("Message", message);
                writer.json("Error", &error.end())
            }
        };
        let inner = inner.field("RequestId", request_id).end();
        Writer::new().json("Response", &inner).end()
    }

    /// Reads a body of either form.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(body: &[u8]) -> Result<Self, ParseError> {
        let mut object = Object::decode_secret(RESPONSE, body, MAX_BODY_BYTES)?;
        let Some(mut inner) = inner_object(&mut object, "Response")? else {
            let code = object.number("code")?.unwrap_or(0);
            if code != 0 {
                let message = object.text("message")?.unwrap_or_default();
                return Ok(Self::refused(code, &message));
            }
            return Self::registered(&object, "len", "payload");
        };
        match inner_object(&mut inner, "Error")? {
            None => Self::registered(&inner, "Len", "Payload"),
            Some(error) => {
                let code = error.text("Code")?.unwrap_or_default();
                let message = error.text("Message")?.unwrap_or_default();
                Ok(match code.parse() {
                    Ok(number) if number != 0 => Self::refused(number, &message),
                    // The documents' cloud says why in a word: `InvalidParameterValue.…`.
                    _ => Self::refused(-1, &format!("{code} {message}")),
                })
            }
        }
    }

    fn registered(
        object: &Object,
        length: &'static str,
        payload: &'static str,
    ) -> Result<Self, ParseError> {
        Ok(Self::Registered {
            length: object.number(length)?.unwrap_or(0),
            payload: object.required_text(payload)?,
        })
    }

    fn refused(code: i32, message: &str) -> Self {
        Self::Refused {
            code,
            message: crate::text::bounded(message.trim(), 256).to_owned(),
        }
    }
}

/// Plain text of a registration's payload: a device's secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The device's secret, base64 text as it stands.
    pub psk: String,
}

impl Payload {
    /// `encryptionType` of a device with a key; 1 is one with a certificate.
    const KEY: i64 = 2;

    /// The JSON text, before padding and encryption.
    pub fn encode(&self) -> String {
        Writer::new()
            .json("encryptionType", &Self::KEY.to_string())
            .field("psk", &self.psk)
            .end()
    }

    /// Reads the decrypted text; the NULs that pad it are skipped. The error does not show it.
    ///
    /// # Errors
    /// Which field is wrong; text that does not read usually means another secret.
    pub fn decode(plain: &[u8]) -> Result<Self, ParseError> {
        const PSK: &str = "1 to 128 characters";
        let object = Object::decode_secret(PAYLOAD, plain, MAX_BODY_BYTES)?;
        let kind: i64 = object.required_number("encryptionType")?;
        // The facts sheet has a sample with a psk under type 1 as well: the psk is what counts.
        let psk = object.secret("psk")?.ok_or_else(|| {
            if kind == Self::KEY {
                ParseError::missing(PAYLOAD, "psk", PSK)
            } else {
                let got = kind.to_string();
                ParseError::unsupported(PAYLOAD, "encryptionType", &got, "2, a device with a key")
            }
        })?;
        ParseError::limit(PAYLOAD, "psk", psk.len(), MAX_PSK_CHARS)?;
        Ok(Self { psk })
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(***)")
    }
}

fn inner_object(object: &mut Object, field: &'static str) -> Result<Option<Object>, ParseError> {
    match object.take(field) {
        None => Ok(None),
        Some(value) => Ok(Object::list(RESPONSE, field, value)?.pop()),
    }
}

fn signature(text: Option<String>) -> Result<String, ParseError> {
    const BASE64: &str = "base64 of the HMAC";
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Err(ParseError::missing(REQUEST, "signature", BASE64));
    };
    ParseError::limit(REQUEST, "signature", text.len(), MAX_SIGNATURE_BYTES)?;
    Ok(text)
}

fn camera(object: &Object) -> Result<Option<CameraId>, ParseError> {
    match object.text("camera")? {
        Some(id) => Ok(Some(id.parse()?)),
        None => Ok(None),
    }
}
