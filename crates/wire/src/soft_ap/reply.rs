//! What a camera answers: `cmdType` 2, the device reply and the error report.

use std::str::FromStr;

use crate::command::reply::Writer;
use crate::device::Device;
use crate::error::ParseError;
use crate::id::CameraId;
use crate::json::Object;
use crate::text::bounded;

use super::{Fault, MAX_LOG_BYTES, MAX_REGION_BYTES, PROTOCOL_VERSION, RECEIVE_LIMIT};

const MESSAGE: &str = "softAP reply";
const CMD_TYPE: u8 = 2;

/// One datagram from a camera. The log is the third kind; it is no JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Who the camera is: it has received the request.
    Device(DeviceReply),
    /// Something went wrong, now or the last time.
    Error(ErrorReply),
}

/// The device reply. It proves that the request arrived, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceReply {
    /// The camera's name at the hub.
    pub device: Device,
    /// Region of its product; the documents do not name the field, the reference firmware sends it.
    pub region: Option<String>,
    /// Protocol it speaks; [`PROTOCOL_VERSION`] if it says none.
    pub proto_version: String,
    /// Its public key, own.
    pub camera: Option<CameraId>,
    /// How far it is, own.
    pub state: Option<State>,
}

/// How far a camera is in an attempt, own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It has the request.
    Received,
    /// It joins the network.
    Joining,
    /// It is on the network and reports the token to the hub.
    Registering,
    /// The hub has taken the token.
    Bound,
}

impl State {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [
        Self::Received,
        Self::Joining,
        Self::Registering,
        Self::Bound,
    ];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Joining => "joining",
            Self::Registering => "registering",
            Self::Bound => "bound",
        }
    }
}

/// Which attempt an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    /// The attempt that goes on: the viewer stops.
    Current,
    /// The attempt before: the viewer notes it and carries on.
    Previous,
}

impl Report {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "Current_Error",
            Self::Previous => "Previous_Error",
        }
    }
}

/// An error report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply {
    /// Which attempt it belongs to.
    pub report: Report,
    /// The text as sent: only its `(id, sub)` tail means anything.
    pub log: String,
    /// What the tail says; `None` if there is none.
    pub fault: Option<Fault>,
}

impl ErrorReply {
    /// The report of a fault, with the text of the error table.
    pub fn new(report: Report, fault: Fault) -> Self {
        Self {
            report,
            log: fault.to_string(),
            fault: Some(fault),
        }
    }
}

impl Reply {
    /// The datagram, CR LF at its end.
    pub fn encode(&self) -> Vec<u8> {
        let writer = Writer::new().json("cmdType", &CMD_TYPE.to_string());
        let writer = match self {
            Self::Device(reply) => writer
                .field("productId", &reply.device.product_id)
                .field("deviceName", &reply.device.device_name)
                .optional("productRegion", reply.region.as_ref())
                .field("protoVersion", &reply.proto_version)
                .optional("camera", reply.camera)
                .optional("state", reply.state.map(State::name)),
            Self::Error(reply) => writer
                .field("deviceReply", reply.report.name())
                .field("log", bounded(&reply.log, MAX_LOG_BYTES)),
        };
        (writer.end() + "\r\n").into_bytes()
    }

    /// Reads a datagram, with or without its end. An own field that cannot be read counts as none: it must not lose the
    /// reply.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(datagram: &[u8]) -> Result<Self, ParseError> {
        // A camera that echoes what it got sends secrets.
        let object = Object::decode_secret(MESSAGE, datagram, RECEIVE_LIMIT)?;
        let cmd_type = object.required_number::<i64>("cmdType")?;
        if cmd_type != i64::from(CMD_TYPE) {
            let got = cmd_type.to_string();
            return Err(ParseError::unsupported(MESSAGE, "cmdType", &got, "2"));
        }
        match object.text("deviceReply")? {
            Some(report) => error(&object, &report).map(Self::Error),
            None => device(&object).map(Self::Device),
        }
    }
}

fn error(object: &Object, report: &str) -> Result<ErrorReply, ParseError> {
    let report = match report.to_ascii_lowercase().as_str() {
        "current_error" => Report::Current,
        "previous_error" => Report::Previous,
        _ => {
            let expected = "Current_Error or Previous_Error";
            return Err(ParseError::invalid(
                MESSAGE,
                "deviceReply",
                report,
                expected,
            ));
        }
    };
    let log = object.text("log")?.unwrap_or_default();
    let log = bounded(&log, MAX_LOG_BYTES).to_owned();
    Ok(ErrorReply {
        report,
        fault: Fault::from_tail(&log),
        log,
    })
}

fn device(object: &Object) -> Result<DeviceReply, ParseError> {
    let device = Device::new(
        &object.required_text("productId")?,
        &object.required_text("deviceName")?,
    )?;
    let region = object
        .text("productRegion")?
        .filter(|region| (1..=MAX_REGION_BYTES).contains(&region.len()));
    let version = object.text("protoVersion")?;
    let camera = object.text("camera").unwrap_or_default();
    let state = object.text("state").unwrap_or_default();
    Ok(DeviceReply {
        device,
        region,
        proto_version: version.map_or_else(
            || PROTOCOL_VERSION.to_owned(),
            |version| bounded(&version, 16).to_owned(),
        ),
        camera: camera.and_then(|id| CameraId::from_str(&id).ok()),
        state: state.and_then(|word| State::ALL.into_iter().find(|state| state.name() == word)),
    })
}
