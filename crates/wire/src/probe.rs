//! The LAN probe: a viewer asks the whole network, cameras answer. UDP, at most 1000 bytes.
//!
//! ```text
//!  0        1        2        3        4 …
//! +--------+--------+--------+--------+---------------
//! | type   | version| length, low first| JSON
//! +--------+--------+--------+--------+---------------
//!   1 probe  10 = 1.0
//!   2 match
//! ```

use std::net::IpAddr;

use serde_json::Value;

use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::json::Object;
use crate::xp2p_info::Xp2pInfo;

/// Longest datagram, in bytes.
pub const MAX_DATAGRAM_BYTES: usize = 1000;
/// UDP port that cameras listen on (the documents' default on iOS).
pub const PORT: u16 = 3072;
/// Version written: 1.0, major in the high four bits. Any version is read.
pub const VERSION: u8 = 0x10;

const MESSAGE: &str = "probe";
const MATCH: &str = "probe match";
const HEAD_BYTES: usize = 4;
const TYPE_PROBE: u8 = 1;
const TYPE_MATCH: u8 = 2;

/// "Who is there?"
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Comes back in the answer.
    pub client_token: String,
    /// The sender's time; the documents leave its unit open.
    pub timestamp: u64,
    /// How long the sender listens, milliseconds.
    pub timeout_ms: u32,
    /// Whose product.
    pub product_id: String,
    /// Which cameras of it: letters, digits and underscores; all if empty.
    pub device_names: Vec<String>,
}

impl Probe {
    /// The datagram.
    ///
    /// # Errors
    /// More than [`MAX_DATAGRAM_BYTES`], or a name that the form cannot carry.
    pub fn encode(&self) -> Result<Vec<u8>, ParseError> {
        for name in &self.device_names {
            check_name(name)?;
        }
        let names = (!self.device_names.is_empty()).then(|| self.device_names.join(","));
        let params = Writer::new()
            .field("productId", &self.product_id)
            .optional("deviceName", names)
            .end();
        let body = Writer::new()
            .field("method", "probe")
            .field("clientToken", &self.client_token)
            .json("timestamp", &self.timestamp.to_string())
            .json("timeoutMs", &self.timeout_ms.to_string())
            .json("params", &params)
            .end();
        frame(MESSAGE, TYPE_PROBE, &body)
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// Which part is wrong.
    pub fn decode(datagram: &[u8]) -> Result<Self, ParseError> {
        let (object, params) = unframe(MESSAGE, TYPE_PROBE, "probe", datagram)?;
        let names = params.text("deviceName")?.unwrap_or_default();
        let mut device_names = Vec::new();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            check_name(name)?;
            device_names.push(name.to_owned());
        }
        Ok(Self {
            client_token: object.text("clientToken")?.unwrap_or_default(),
            timestamp: object.number("timestamp")?.unwrap_or(0),
            timeout_ms: object.number("timeoutMs")?.unwrap_or(DEFAULT_TIMEOUT_MS),
            product_id: params.required_text("productId")?,
            device_names,
        })
    }

    /// Whether a camera of this product and name is meant.
    pub fn asks_for(&self, product_id: &str, device_name: &str) -> bool {
        self.product_id == product_id
            && (self.device_names.is_empty()
                || self.device_names.iter().any(|name| name == device_name))
    }
}

/// How long a viewer listens if it does not say, milliseconds (the documents' sample).
pub const DEFAULT_TIMEOUT_MS: u32 = 5000;

/// "I am here."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeMatch {
    /// From the probe.
    pub client_token: String,
    /// The camera's time; the documents leave its unit open.
    pub timestamp: u64,
    /// Which camera.
    pub device_name: String,
    /// Where it listens.
    pub address: IpAddr,
    /// Where it listens.
    pub port: u16,
    /// 0 if it serves.
    pub code: i32,
    /// Empty, or why not.
    pub status: String,
    /// Porthole's own: the camera's xp2pInfo, without which a viewer cannot know its key.
    pub xp2p_info: Option<Xp2pInfo>,
}

impl ProbeMatch {
    /// The datagram.
    ///
    /// # Errors
    /// More than [`MAX_DATAGRAM_BYTES`], or a name that the form cannot carry.
    pub fn encode(&self) -> Result<Vec<u8>, ParseError> {
        check_name(&self.device_name)?;
        let params = Writer::new()
            .field("deviceName", &self.device_name)
            .field("address", self.address)
            .json("port", &self.port.to_string())
            .optional("xp2pInfo", self.xp2p_info.as_ref())
            .end();
        let body = Writer::new()
            .field("method", "probeMatch")
            .field("clientToken", &self.client_token)
            .json("timestamp", &self.timestamp.to_string())
            .json("params", &params)
            .json("code", &self.code.to_string())
            .field("status", &self.status)
            .end();
        frame(MATCH, TYPE_MATCH, &body)
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// Which part is wrong.
    pub fn decode(datagram: &[u8]) -> Result<Self, ParseError> {
        let (object, params) = unframe(MATCH, TYPE_MATCH, "probeMatch", datagram)?;
        let address = params.required_text("address")?;
        let device_name = params.required_text("deviceName")?;
        check_name(&device_name)?;
        Ok(Self {
            client_token: object.text("clientToken")?.unwrap_or_default(),
            timestamp: object.number("timestamp")?.unwrap_or(0),
            device_name,
            address: address
                .parse()
                .map_err(|_| ParseError::invalid(MATCH, "address", &address, "an IP address"))?,
            port: params.required_number("port")?,
            code: object.number("code")?.unwrap_or(0),
            status: object.text("status")?.unwrap_or_default(),
            xp2p_info: match params.text("xp2pInfo")? {
                Some(info) => Some(info.parse()?),
                None => None,
            },
        })
    }
}

/// Names are letters, digits and underscores, so that a comma can part them.
fn check_name(name: &str) -> Result<(), ParseError> {
    const EXPECTED: &str = "letters, digits and underscores";
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(ParseError::invalid(MESSAGE, "deviceName", name, EXPECTED));
    }
    Ok(())
}

fn frame(message: &'static str, kind: u8, body: &str) -> Result<Vec<u8>, ParseError> {
    ParseError::limit(
        message,
        "datagram",
        HEAD_BYTES + body.len(),
        MAX_DATAGRAM_BYTES,
    )?;
    let [low, high] = (body.len() as u16).to_le_bytes();
    let mut datagram = vec![kind, VERSION, low, high];
    datagram.extend_from_slice(body.as_bytes());
    Ok(datagram)
}

/// The JSON of a datagram and its `params`.
fn unframe(
    message: &'static str,
    kind: u8,
    method: &'static str,
    datagram: &[u8],
) -> Result<(Object, Object), ParseError> {
    ParseError::limit(message, "datagram", datagram.len(), MAX_DATAGRAM_BYTES)?;
    let Some(([got, _version, low, high], payload)) = datagram.split_first_chunk::<HEAD_BYTES>()
    else {
        return Err(ParseError::missing(message, "head", "4 bytes"));
    };
    if *got != kind {
        let expected = if kind == TYPE_PROBE { "1" } else { "2" };
        return Err(ParseError::invalid(
            message,
            "type",
            &got.to_string(),
            expected,
        ));
    }
    // The documents' text says high byte first, their bytes say low first: the second way is tried only if the first
    // does not fit, so that a device that follows the text is understood too.
    let length = [
        u16::from_le_bytes([*low, *high]),
        u16::from_be_bytes([*low, *high]),
    ]
    .into_iter()
    .map(usize::from)
    .find(|length| *length <= payload.len());
    let Some(length) = length else {
        return Err(ParseError::invalid(
            message,
            "length",
            &u16::from_le_bytes([*low, *high]).to_string(),
            "no more than the bytes behind the head",
        ));
    };
    let mut object = Object::decode(message, &payload[..length], MAX_DATAGRAM_BYTES)?;
    let got = object.required_text("method")?;
    if got != method {
        return Err(ParseError::invalid(message, "method", &got, method));
    }
    let params = match object.take("params") {
        Some(Value::Object(map)) => Object { message, map },
        Some(other) => return Err(object.invalid("params", &other, "a JSON object")),
        None => return Err(ParseError::missing(message, "params", "a JSON object")),
    };
    Ok((object, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe() -> Probe {
        Probe {
            client_token: "t1".into(),
            timestamp: 1783440000,
            timeout_ms: 5000,
            product_id: "porthole".into(),
            device_names: vec!["a".into(), "b_2".into()],
        }
    }

    fn answer() -> ProbeMatch {
        ProbeMatch {
            client_token: "t1".into(),
            timestamp: 1783440000,
            device_name: "b_2".into(),
            address: "192.168.1.20".parse().unwrap(),
            port: 4433,
            code: 0,
            status: String::new(),
            xp2p_info: Some("XP2PAQID%0.1.0".parse().unwrap()),
        }
    }

    fn datagram(kind: u8, body: &str) -> Vec<u8> {
        let mut bytes = vec![kind, 0x10, body.len() as u8, (body.len() >> 8) as u8];
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }

    #[test]
    fn the_head_is_type_version_and_length_low_byte_first() {
        let bytes = probe().encode().unwrap();
        assert_eq!(bytes[..2], [1, 0x10]);
        assert_eq!(
            usize::from(bytes[2]) + 256 * usize::from(bytes[3]),
            bytes.len() - 4
        );
        assert_eq!(Probe::decode(&bytes), Ok(probe()));
        let bytes = answer().encode().unwrap();
        assert_eq!(bytes[0], 2);
        assert_eq!(ProbeMatch::decode(&bytes), Ok(answer()));
    }

    #[test]
    fn a_length_with_the_high_byte_first_is_understood() {
        let mut bytes = probe().encode().unwrap();
        bytes.swap(2, 3);
        assert_eq!(Probe::decode(&bytes), Ok(probe()));
    }

    #[test]
    fn a_probe_without_names_asks_for_all_of_the_product() {
        let body = r#"{"method":"probe","clientToken":"x","timestamp":"5","timeoutMs":"100","params":{"productId":"p"}}"#;
        let probe = Probe::decode(&datagram(1, body)).unwrap();
        assert_eq!((probe.timestamp, probe.timeout_ms), (5, 100));
        assert!(probe.asks_for("p", "anything") && !probe.asks_for("q", "anything"));
        let probe = self::probe();
        assert!(probe.asks_for("porthole", "b_2") && !probe.asks_for("porthole", "c"));
        let all = Probe {
            device_names: vec![],
            ..probe
        };
        assert_eq!(Probe::decode(&all.encode().unwrap()), Ok(all));
    }

    #[test]
    fn errors_name_the_part() {
        for (bytes, field) in [
            (vec![], "head"),
            (vec![1, 0x10, 0], "head"),
            (vec![2, 0x10, 0, 0], "type"),
            (vec![1, 0x10, 9, 9, b'{'], "length"),
            (datagram(1, "{"), "text"),
            (datagram(1, "{}"), "method"),
            (datagram(1, r#"{"method":"probeMatch"}"#), "method"),
            (datagram(1, r#"{"method":"probe"}"#), "params"),
            (datagram(1, r#"{"method":"probe","params":1}"#), "params"),
            (
                datagram(1, r#"{"method":"probe","params":{}}"#),
                "productId",
            ),
            (
                datagram(
                    1,
                    r#"{"method":"probe","params":{"productId":"p","deviceName":"a b"}}"#,
                ),
                "deviceName",
            ),
            (vec![1; 1001], "datagram"),
        ] {
            assert_eq!(
                Probe::decode(&bytes).unwrap_err().field(),
                field,
                "{bytes:?}"
            );
        }
        for (params, field) in [
            (r#"{}"#, "address"),
            (r#"{"address":"1.2.3"}"#, "deviceName"),
            (r#"{"address":"1.2.3","deviceName":"a"}"#, "address"),
            (r#"{"address":"::1","deviceName":"a"}"#, "port"),
            (r#"{"address":"::1","deviceName":"a","port":65536}"#, "port"),
            (
                r#"{"address":"::1","deviceName":"a","port":1,"xp2pInfo":"x"}"#,
                "prefix",
            ),
        ] {
            let body = format!(r#"{{"method":"probeMatch","params":{params}}}"#);
            let error = ProbeMatch::decode(&datagram(2, &body)).unwrap_err();
            assert_eq!(error.field(), field, "{params}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut long = probe();
        long.device_names = vec!["n".repeat(100); 20];
        assert!(matches!(
            long.encode(),
            Err(ParseError::TooLong {
                field: "datagram",
                limit: 1000,
                ..
            })
        ));
        let mut comma = probe();
        comma.device_names = vec!["a,b".into()];
        assert_eq!(comma.encode().unwrap_err().field(), "deviceName");
        let mut nameless = answer();
        nameless.device_name = String::new();
        assert_eq!(nameless.encode().unwrap_err().field(), "deviceName");
    }
}
