//! The arithmetic of a camera's credentials: MQTT passwords, registration signatures and the encrypted device secret.
//!
//! Hub and camera both use it, each for its side. Comparisons take a time that does not tell where two values differ.

use std::fmt;
use std::str::FromStr;

use aes::Aes128;
use aes::cipher::block_padding::{NoPadding, ZeroPadding};
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use thiserror::Error;
use wire::ParseError;
use wire::device::Device;
use wire::login::{Method, Password, Username};
use wire::register::{Headers, Payload, Request, Response};
use wire::token::Token;

/// Start of the key chain: 16 ASCII zeros (dynamic registration, "offset is the character 0").
const IV: &[u8; AES_BYTES] = b"0000000000000000";
const AES_BYTES: usize = 16;
/// Longest product secret, in bytes.
const MAX_SECRET_BYTES: usize = 128;
/// Both spellings of an algorithm in the documents' examples of a signed request.
const ALGORITHMS: [(Method, [&str; 2]); 2] = [
    (Method::HmacSha256, ["hmacsha256", "HmacSha256"]),
    (Method::HmacSha1, ["hmacsha1", "HmacSha1"]),
];

/// What is wrong with a secret or an encrypted payload. Never shows either.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// A device secret is no base64, or empty.
    #[error("device secret: got {0} characters, expected base64 of at least one byte")]
    DeviceSecret(usize),
    /// A product secret is too short to make a key of, or too long.
    #[error("product secret: got {0} bytes, expected 16 to 128")]
    ProductSecret(usize),
    /// An encrypted payload is no base64 of whole AES blocks.
    #[error(
        "registration payload: got {0} characters, expected base64 of a multiple of 16 bytes; \
         check that the answer arrived whole"
    )]
    Payload(usize),
    /// The decrypted text is not the expected one.
    #[error(
        "registration payload does not decrypt with this secret; check the product secret ({0})"
    )]
    WrongSecret(ParseError),
}

/// A device's secret: base64 text, as registration gives it. `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSecret(String);

impl DeviceSecret {
    /// The secret of these random bytes; 16 are usual.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(BASE64.encode(bytes))
    }

    /// The base64 text. A secret: it belongs into no log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn key(&self) -> Vec<u8> {
        // Checked when the secret was made.
        base64(&self.0).unwrap_or_default()
    }
}

impl FromStr for DeviceSecret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        match base64(text) {
            Some(key) if !key.is_empty() => Ok(Self(text.to_owned())),
            _ => Err(Error::DeviceSecret(text.chars().count())),
        }
    }
}

impl fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What signs a registration and opens its answer: a product's secret, or the pairing token of an attempt in its place.
/// `Debug` prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProductSecret(String);

impl ProductSecret {
    /// The text. A secret: it belongs into no log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn aes_key(&self) -> [u8; AES_BYTES] {
        let mut key = [0; AES_BYTES];
        key.iter_mut()
            .zip(self.0.bytes())
            .for_each(|(key, byte)| *key = byte);
        key
    }
}

impl FromStr for ProductSecret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if !(AES_BYTES..=MAX_SECRET_BYTES).contains(&text.len()) {
            return Err(Error::ProductSecret(text.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<&Token> for ProductSecret {
    /// A camera without a product secret registers with the token of its attempt.
    fn from(token: &Token) -> Self {
        Self(token.as_str().to_owned())
    }
}

impl fmt::Debug for ProductSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The MQTT password of a user name.
pub fn password(secret: &DeviceSecret, username: &Username, method: Method) -> Password {
    Password {
        method,
        mac: mac(method, &secret.key(), &username.to_string()),
    }
}

/// Whether a password belongs to a user name. The name's expiry is for the caller to look at.
pub fn is_password(secret: &DeviceSecret, username: &Username, password: &Password) -> bool {
    let text = username.to_string();
    is_mac(password.method, &secret.key(), &text, &password.mac)
}

/// A signed registration, IoT Explorer form. The caller brings the random `nonce` and the time in unix seconds.
pub fn sign_registration(
    secret: &ProductSecret,
    device: &Device,
    nonce: u64,
    timestamp: u64,
) -> Request {
    let text = Request::text_to_sign(device, nonce, timestamp);
    Request {
        device: device.clone(),
        nonce,
        timestamp,
        signature: BASE64.encode(&mac(Method::HmacSha1, secret.0.as_bytes(), &text)),
        camera: None,
    }
}

/// Whether a registration, IoT Explorer form, is signed with this secret; either spelling of the signature counts.
pub fn is_signed(secret: &ProductSecret, request: &Request) -> bool {
    let text = Request::text_to_sign(&request.device, request.nonce, request.timestamp);
    let method = Method::HmacSha1;
    signature(method, &request.signature)
        .is_some_and(|mac| is_mac(method, secret.0.as_bytes(), &text, &mac))
}

/// The headers that sign a registration, IoT Hub form. `host` is the one of the request, `body` its body.
pub fn sign_headers(
    secret: &ProductSecret,
    host: &str,
    nonce: u64,
    timestamp: u64,
    body: &[u8],
) -> Headers {
    let algorithm = Method::HmacSha256;
    let hash = HEXLOWER.encode(&Sha256::digest(body));
    let text = Headers::text_to_sign(host, algorithm.name(), timestamp, nonce, &hash);
    Headers {
        algorithm,
        timestamp,
        nonce,
        signature: BASE64.encode(&mac(algorithm, secret.0.as_bytes(), &text)),
    }
}

/// Whether a registration, IoT Hub form, is signed with this secret.
pub fn are_signed(secret: &ProductSecret, host: &str, headers: &Headers, body: &[u8]) -> bool {
    let method = headers.algorithm;
    let Some(mac) = signature(method, &headers.signature) else {
        return false;
    };
    let hash = HEXLOWER.encode(&Sha256::digest(body));
    let spellings = ALGORITHMS.iter().filter(|(known, _)| *known == method);
    spellings.flat_map(|(_, names)| names).any(|name| {
        let text = Headers::text_to_sign(host, name, headers.timestamp, headers.nonce, &hash);
        is_mac(method, secret.0.as_bytes(), &text, &mac)
    })
}

/// The answer to a registration: the device's secret, encrypted for who signed.
pub fn seal(secret: &ProductSecret, psk: &DeviceSecret) -> Response {
    let plain = Payload { psk: psk.0.clone() }.encode();
    let cipher = cbc::Encryptor::<Aes128>::new(&secret.aes_key().into(), IV.into());
    let sealed = cipher.encrypt_padded_vec_mut::<ZeroPadding>(plain.as_bytes());
    Response::Registered {
        length: plain.len(),
        payload: BASE64.encode(&sealed),
    }
}

/// The device's secret in the payload of an answer.
///
/// # Errors
/// A payload that is cut, or was made for another secret.
pub fn open(secret: &ProductSecret, payload: &str) -> Result<DeviceSecret, Error> {
    let cut = || Error::Payload(payload.chars().count());
    let sealed = base64(payload.trim()).ok_or_else(cut)?;
    let cipher = cbc::Decryptor::<Aes128>::new(&secret.aes_key().into(), IV.into());
    let plain = cipher
        .decrypt_padded_vec_mut::<NoPadding>(&sealed)
        .map_err(|_| cut())?;
    Payload::decode(&plain)
        .map_err(Error::WrongSecret)?
        .psk
        .parse()
}

fn mac(method: Method, key: &[u8], text: &str) -> Vec<u8> {
    // An HMAC takes a key of any length, so that there always is one.
    let mac = match method {
        Method::HmacSha256 => {
            keyed::<Hmac<Sha256>>(key, text).map(|mac| mac.finalize().into_bytes().to_vec())
        }
        Method::HmacSha1 => {
            keyed::<Hmac<Sha1>>(key, text).map(|mac| mac.finalize().into_bytes().to_vec())
        }
    };
    mac.unwrap_or_default()
}

fn is_mac(method: Method, key: &[u8], text: &str, mac: &[u8]) -> bool {
    match method {
        Method::HmacSha256 => {
            keyed::<Hmac<Sha256>>(key, text).is_some_and(|known| known.verify_slice(mac).is_ok())
        }
        Method::HmacSha1 => {
            keyed::<Hmac<Sha1>>(key, text).is_some_and(|known| known.verify_slice(mac).is_ok())
        }
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], text: &str) -> Option<M> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac)
}

/// The HMAC in a signature: base64 of its bytes, base64 of its hex digits (the C-SDK), or its hex digits (an example of
/// the documents).
fn signature(method: Method, text: &str) -> Option<Vec<u8>> {
    let length = method.bytes();
    let hex = |text: &[u8]| {
        let bytes = HEXLOWER_PERMISSIVE.decode(text).ok();
        bytes.filter(|bytes| bytes.len() == length)
    };
    match base64(text) {
        Some(bytes) if bytes.len() == length => Some(bytes),
        Some(bytes) => hex(&bytes).or_else(|| hex(text.as_bytes())),
        None => hex(text.as_bytes()),
    }
}

/// Base64 with or without its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64_NOPAD
        .decode(text.trim_end_matches('=').as_bytes())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCT_SECRET: &str = "hzvf5LF9S0isvBhDSauWMaIk";
    const PAYLOAD: &str =
        "s6FB3a1BA/YYbcmSE12XpeDVmQNDcf1QgVD141RRbmmAnFwQfp1ECAu5O016mCOvYlJJ6V59yM4OqQSiWphfTg==";
    const PSK: &str = "lDZ6Uqt+I9E0wW7rvDUs7Q==";
    const SIGNATURE_HEX: &str = "ZTVmYzhlOGNiNjRiMmI2NTRiNGExNDA3OWUwYzMzMTRjZWNkNzM5NQ==";
    const SIGNATURE: &str = "5fyOjLZLK2VLShQHngwzFM7Nc5U=";

    fn device() -> Device {
        Device::new("ABCDE12345", "cam_01").unwrap()
    }

    fn secret(text: &str) -> ProductSecret {
        text.parse().unwrap()
    }

    #[test]
    fn the_public_login_vector_holds_for_both_methods() {
        let secret: DeviceSecret = "AAECAwQFBgcICQoLDA0ODw==".parse().unwrap();
        let name: Username = "ABCDE12345cam_01;12010126;a1B2c;1700000000"
            .parse()
            .unwrap();
        for (method, text) in [
            (
                Method::HmacSha256,
                "66dbf46ac19f30a4e6e9d6f206ba26ea47e78cfda38c16b4a76458205f3ad571;hmacsha256",
            ),
            (
                Method::HmacSha1,
                "fd390919d53c8fb8ded26076cff9d3464be918af;hmacsha1",
            ),
        ] {
            let password = password(&secret, &name, method);
            assert_eq!(password.to_text(), text);
            assert!(is_password(&secret, &name, &text.parse().unwrap()));
            let mut later = name.clone();
            later.expiry += 1;
            assert!(!is_password(&secret, &later, &password));
            let other = DeviceSecret::from_bytes(&[1; 16]);
            assert!(!is_password(&other, &name, &password));
        }
    }

    #[test]
    fn the_public_registration_vector_opens() {
        let psk = open(&secret(PRODUCT_SECRET), PAYLOAD).unwrap();
        assert_eq!(psk.as_str(), PSK);
        let Response::Registered { length, payload } = seal(&secret(PRODUCT_SECRET), &psk) else {
            panic!("not registered");
        };
        assert_eq!((length, payload.as_str()), (53, PAYLOAD));
    }

    #[test]
    fn the_signature_vector_holds_in_both_spellings() {
        let secret = secret("0123456789abcdefghijklmn");
        let mut request = sign_registration(&secret, &device(), 123_456, 1_700_000_000);
        assert_eq!(request.signature, SIGNATURE);
        for spelling in [
            SIGNATURE,
            SIGNATURE_HEX,
            SIGNATURE.trim_end_matches('='),
            "e5fc8e8cb64b2b654b4a14079e0c3314cecd7395",
        ] {
            request.signature = spelling.to_owned();
            assert!(is_signed(&secret, &request), "{spelling}");
        }
        for wrong in ["", "AAAA", "5fyOjLZLK2VLShQHngwzFM7Nc5Y=", "客"] {
            request.signature = wrong.to_owned();
            assert!(!is_signed(&secret, &request), "{wrong}");
        }
        request.signature = SIGNATURE.to_owned();
        request.nonce += 1;
        assert!(!is_signed(&secret, &request));
    }

    #[test]
    fn headers_sign_host_time_and_body() {
        let secret = secret(PRODUCT_SECRET);
        let body = br#"{"ProductId":"ABCDE12345","DeviceName":"cam_01"}"#;
        let headers = sign_headers(&secret, "hub.example", 5456, 1_700_000_000, body);
        assert!(are_signed(&secret, "hub.example", &headers, body));
        assert!(!are_signed(&secret, "other.example", &headers, body));
        assert!(!are_signed(&secret, "hub.example", &headers, b"{}"));
        let mut later = headers.clone();
        later.timestamp += 1;
        assert!(!are_signed(&secret, "hub.example", &later, body));
        // The other spelling of the algorithm is signed as well.
        let hash = HEXLOWER.encode(&Sha256::digest(body));
        let text = Headers::text_to_sign("hub.example", "HmacSha256", 1, 2, &hash);
        let other = Headers {
            algorithm: Method::HmacSha256,
            timestamp: 1,
            nonce: 2,
            signature: BASE64.encode(&mac(Method::HmacSha256, secret.0.as_bytes(), &text)),
        };
        assert!(are_signed(&secret, "hub.example", &other, body));
    }

    #[test]
    fn a_token_stands_in_for_a_product_secret() {
        let token = Token::from_bytes([0x5a; 16]);
        let secret = ProductSecret::from(&token);
        let psk = DeviceSecret::from_bytes(&[9; 16]);
        let Response::Registered { payload, .. } = seal(&secret, &psk) else {
            panic!("not registered");
        };
        assert_eq!(open(&secret, &payload), Ok(psk));
        assert!(is_signed(
            &secret,
            &sign_registration(&secret, &device(), 1, 2)
        ));
    }

    #[test]
    fn a_cut_or_foreign_payload_is_an_error_that_shows_no_secret() {
        let right = secret(PRODUCT_SECRET);
        assert_eq!(open(&right, "%%"), Err(Error::Payload(2)));
        assert_eq!(open(&right, "AAAA"), Err(Error::Payload(4)));
        assert!(open(&right, "").is_err());
        let error = open(&secret("0123456789abcdefghijklmn"), PAYLOAD).unwrap_err();
        assert!(matches!(error, Error::WrongSecret(_)), "{error}");
        assert!(!error.to_string().contains("psk\":"));
        for end in 0..PAYLOAD.len() {
            let _ = open(&right, &PAYLOAD[..end]);
        }
        assert_eq!("".parse::<DeviceSecret>(), Err(Error::DeviceSecret(0)));
        assert_eq!(
            "short".parse::<ProductSecret>(),
            Err(Error::ProductSecret(5))
        );
        assert_eq!(format!("{right:?}"), "***");
    }
}
