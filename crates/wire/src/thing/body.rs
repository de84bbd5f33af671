//! What the messages of the thing model say.

use crate::MAX_NAME_BYTES;
use crate::command::reply::Writer;
use crate::error::ParseError;
use crate::id::ViewerKey;
use crate::json::{Json, Object};
use crate::text::bounded;
use crate::token::Token;

use super::{Direction, Kind};

/// Longest status, event's or action's name that is read, in bytes.
const MAX_WORD_BYTES: usize = 256;

/// The result in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0 is ok; see [`super::code`].
    pub code: i32,
    /// Words for a log.
    pub status: String,
}

impl Answer {
    /// Code 0.
    pub fn ok() -> Self {
        Self::new(super::code::OK, "success")
    }

    /// A code and its words.
    pub fn new(code: i32, status: &str) -> Self {
        Self {
            code,
            status: bounded(status, MAX_WORD_BYTES).to_owned(),
        }
    }

    fn read(object: &Object) -> Result<Self, ParseError> {
        let status = object.text("status")?.unwrap_or_default();
        Ok(Self::new(object.required_number("code")?, &status))
    }

    fn write(&self, writer: Writer) -> Writer {
        writer
            .json("code", &self.code.to_string())
            .field("status", &self.status)
    }
}

/// A viewer that a camera is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// Unix seconds.
    pub timestamp: u64,
    /// The owner's key, own: the camera lets this viewer in.
    pub viewer: Option<ViewerKey>,
    /// What the camera's list of viewers shall say, own; at most [`MAX_NAME_BYTES`].
    pub name: Option<String>,
}

/// How bad an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// For information.
    Info,
    /// Somebody should look.
    Alert,
    /// Something is broken.
    Fault,
}

impl EventKind {
    const ALL: [Self; 3] = [Self::Info, Self::Alert, Self::Fault];

    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Alert => "alert",
            Self::Fault => "fault",
        }
    }
}

/// What a message says, its method.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `app_bind_token`: the token that the viewer gave.
    AppBindToken {
        /// The token of this attempt.
        token: Token,
    },
    /// `app_bind_token_reply`: whether the hub takes it.
    AppBindTokenReply(Answer),
    /// `bind_device`: somebody has bound the device.
    BindDevice(Bind),
    /// `bind_device_reply`, own: whether the camera lets this viewer in. Until it comes the hub says it again.
    BindDeviceReply(Answer),
    /// `unbind_device`: somebody has removed it.
    UnbindDevice {
        /// Unix seconds.
        timestamp: u64,
        /// Whose key is let in no longer, own; all of them if missing.
        viewer: Option<ViewerKey>,
    },
    /// `unbind_device_reply`, own: whether the camera has forgotten this viewer. Until it comes the hub says it again.
    UnbindDeviceReply(Answer),
    /// `bind_device_query`: is this device bound?
    BindDeviceQuery {
        /// Unix seconds.
        timestamp: u64,
    },
    /// `bind_device_query_reply`: code 0 is bound.
    BindDeviceQueryReply(Answer),
    /// `report`: values of properties.
    Report {
        /// Unix milliseconds.
        timestamp: Option<u64>,
        /// An object: value by property.
        params: Json,
    },
    /// `report_reply`.
    ReportReply(Answer),
    /// `control`: new values.
    Control {
        /// An object: value by property.
        params: Json,
    },
    /// `control_reply`.
    ControlReply(Answer),
    /// `get_status`: which values does the hub know?
    GetStatus {
        /// With the times of the values.
        showmeta: bool,
    },
    /// `get_status_reply`.
    GetStatusReply {
        /// Whether it could be read.
        answer: Answer,
        /// An object: value by property.
        report: Json,
    },
    /// `report_info`: facts of the device.
    ReportInfo {
        /// An object: value by name.
        params: Json,
    },
    /// `report_info_reply`.
    ReportInfoReply(Answer),
    /// `event_post`.
    EventPost {
        /// Which event of the model.
        event_id: String,
        /// How bad it is.
        kind: EventKind,
        /// Unix milliseconds.
        timestamp: Option<u64>,
        /// An object: value by parameter.
        params: Json,
    },
    /// `event_reply`.
    EventReply(Answer),
    /// `action`: do it.
    Action {
        /// Which action of the model.
        action_id: String,
        /// Unix milliseconds.
        timestamp: Option<u64>,
        /// An object: value by parameter.
        params: Json,
    },
    /// `action_reply`.
    ActionReply {
        /// Whether it was done.
        answer: Answer,
        /// An object: value by output.
        response: Json,
    },
}

/// The methods: name, where they are said.
const METHODS: &[(&str, Direction, Kind)] = &[
    ("app_bind_token", Direction::Up, Kind::Service),
    ("app_bind_token_reply", Direction::Down, Kind::Service),
    ("bind_device", Direction::Down, Kind::Service),
    ("bind_device_reply", Direction::Up, Kind::Service),
    ("unbind_device", Direction::Down, Kind::Service),
    ("unbind_device_reply", Direction::Up, Kind::Service),
    ("bind_device_query", Direction::Up, Kind::Service),
    ("bind_device_query_reply", Direction::Down, Kind::Service),
    ("report", Direction::Up, Kind::Property),
    ("report_reply", Direction::Down, Kind::Property),
    ("control", Direction::Down, Kind::Property),
    ("control_reply", Direction::Up, Kind::Property),
    ("get_status", Direction::Up, Kind::Property),
    ("get_status_reply", Direction::Down, Kind::Property),
    ("report_info", Direction::Up, Kind::Property),
    ("report_info_reply", Direction::Down, Kind::Property),
    ("event_post", Direction::Up, Kind::Event),
    ("event_reply", Direction::Down, Kind::Event),
    ("action", Direction::Down, Kind::Action),
    ("action_reply", Direction::Up, Kind::Action),
];

impl Body {
    /// The methods: name, which way, about what.
    pub const METHODS: &[(&str, Direction, Kind)] = METHODS;

    /// The method's name.
    pub fn method(&self) -> &'static str {
        match self {
            Self::AppBindToken { .. } => "app_bind_token",
            Self::AppBindTokenReply(_) => "app_bind_token_reply",
            Self::BindDevice(_) => "bind_device",
            Self::BindDeviceReply(_) => "bind_device_reply",
            Self::UnbindDevice { .. } => "unbind_device",
            Self::UnbindDeviceReply(_) => "unbind_device_reply",
            Self::BindDeviceQuery { .. } => "bind_device_query",
            Self::BindDeviceQueryReply(_) => "bind_device_query_reply",
            Self::Report { .. } => "report",
            Self::ReportReply(_) => "report_reply",
            Self::Control { .. } => "control",
            Self::ControlReply(_) => "control_reply",
            Self::GetStatus { .. } => "get_status",
            Self::GetStatusReply { .. } => "get_status_reply",
            Self::ReportInfo { .. } => "report_info",
            Self::ReportInfoReply(_) => "report_info_reply",
            Self::EventPost { .. } => "event_post",
            Self::EventReply(_) => "event_reply",
            Self::Action { .. } => "action",
            Self::ActionReply { .. } => "action_reply",
        }
    }

    /// Where a method is said; `None` if there is no such method.
    pub(super) fn place(method: &str) -> Option<(Direction, Kind)> {
        let (_, direction, kind) = METHODS.iter().find(|(name, _, _)| *name == method)?;
        Some((*direction, *kind))
    }

    /// Writes what follows `method` and `clientToken`.
    pub(super) fn write(&self, writer: Writer) -> Writer {
        match self {
            Self::AppBindToken { token } => {
                let params = Writer::new().field("token", token.as_str()).end();
                writer.json("params", &params)
            }
            Self::AppBindTokenReply(answer)
            | Self::BindDeviceReply(answer)
            | Self::UnbindDeviceReply(answer)
            | Self::BindDeviceQueryReply(answer)
            | Self::ReportReply(answer)
            | Self::ControlReply(answer)
            | Self::ReportInfoReply(answer)
            | Self::EventReply(answer) => answer.write(writer),
            Self::BindDevice(bind) => {
                let writer = writer.json("timestamp", &bind.timestamp.to_string());
                let name = bind.name.as_deref();
                let name = name.map(|name| bounded(name, MAX_NAME_BYTES));
                own_params(writer, bind.viewer, name)
            }
            Self::UnbindDevice { timestamp, viewer } => {
                let writer = writer.json("timestamp", &timestamp.to_string());
                own_params(writer, *viewer, None)
            }
            Self::BindDeviceQuery { timestamp } => writer.json("timestamp", &timestamp.to_string()),
            Self::Report { timestamp, params } => {
                optional_time(writer, *timestamp).json("params", &params.to_string())
            }
            Self::Control { params } | Self::ReportInfo { params } => {
                writer.json("params", &params.to_string())
            }
            Self::GetStatus { showmeta } => writer
                .field("type", "report")
                .json("showmeta", if *showmeta { "1" } else { "0" }),
            Self::GetStatusReply { answer, report } => {
                let data = Writer::new().json("report", &report.to_string()).end();
                answer.write(writer).json("data", &data)
            }
            Self::EventPost {
                event_id,
                kind,
                timestamp,
                params,
            } => {
                let writer = writer
                    .field("version", "1.0")
                    .field("eventId", event_id)
                    .field("type", kind.name());
                optional_time(writer, *timestamp).json("params", &params.to_string())
            }
            Self::Action {
                action_id,
                timestamp,
                params,
            } => {
                let writer = writer.field("actionId", action_id);
                optional_time(writer, *timestamp).json("params", &params.to_string())
            }
            Self::ActionReply { answer, response } => {
                answer.write(writer).json("response", &response.to_string())
            }
        }
    }

    /// Reads the body of a method of [`Body::METHODS`]; `None` for any other.
    pub(super) fn read(method: &str, object: &Object) -> Result<Option<Self>, ParseError> {
        Ok(Some(match method {
            "app_bind_token" => Self::AppBindToken {
                token: token(object)?,
            },
            "app_bind_token_reply" => Self::AppBindTokenReply(Answer::read(object)?),
            "bind_device" => {
                let params = params_object(object)?;
                Self::BindDevice(Bind {
                    timestamp: object.number("timestamp")?.unwrap_or(0),
                    viewer: viewer(&params)?,
                    name: name(&params)?,
                })
            }
            "bind_device_reply" => Self::BindDeviceReply(Answer::read(object)?),
            "unbind_device_reply" => Self::UnbindDeviceReply(Answer::read(object)?),
            "unbind_device" => Self::UnbindDevice {
                timestamp: object.number("timestamp")?.unwrap_or(0),
                viewer: viewer(&params_object(object)?)?,
            },
            "bind_device_query" => Self::BindDeviceQuery {
                timestamp: object.number("timestamp")?.unwrap_or(0),
            },
            "bind_device_query_reply" => Self::BindDeviceQueryReply(Answer::read(object)?),
            "report" => Self::Report {
                timestamp: object.number("timestamp")?,
                params: values(object, "params")?,
            },
            "report_reply" => Self::ReportReply(Answer::read(object)?),
            "control" => Self::Control {
                params: values(object, "params")?,
            },
            "control_reply" => Self::ControlReply(Answer::read(object)?),
            "get_status" => Self::GetStatus {
                showmeta: object.number::<i64>("showmeta")?.unwrap_or(0) != 0,
            },
            "get_status_reply" => {
                let data = Object::nested(object, "data")?;
                Self::GetStatusReply {
                    answer: Answer::read(object)?,
                    report: values(&data, "report")?,
                }
            }
            "report_info" => Self::ReportInfo {
                params: values(object, "params")?,
            },
            "report_info_reply" => Self::ReportInfoReply(Answer::read(object)?),
            "event_post" => Self::EventPost {
                event_id: word(object, "eventId")?,
                kind: event_kind(object)?,
                timestamp: object.number("timestamp")?,
                params: values(object, "params")?,
            },
            "event_reply" => Self::EventReply(Answer::read(object)?),
            "action" => Self::Action {
                action_id: word(object, "actionId")?,
                timestamp: object.number("timestamp")?,
                params: values(object, "params")?,
            },
            "action_reply" => Self::ActionReply {
                answer: Answer::read(object)?,
                response: values(object, "response")?,
            },
            _ => return Ok(None),
        }))
    }
}

/// `params` of our own fields; left out if there are none, as the documents have it.
fn own_params(writer: Writer, viewer: Option<ViewerKey>, name: Option<&str>) -> Writer {
    if viewer.is_none() && name.is_none() {
        return writer;
    }
    let params = Writer::new()
        .optional("viewer", viewer)
        .optional("name", name);
    writer.json("params", &params.end())
}

fn optional_time(writer: Writer, timestamp: Option<u64>) -> Writer {
    let time = timestamp.map(|time| time.to_string());
    writer.optional_json("timestamp", time.as_deref())
}

fn params_object(object: &Object) -> Result<Object, ParseError> {
    Object::nested(object, "params")
}

fn token(object: &Object) -> Result<Token, ParseError> {
    match params_object(object)?.secret("token")? {
        Some(text) => text.parse(),
        None => Err(ParseError::missing(
            object.message,
            "token",
            "the pairing token in params",
        )),
    }
}

fn viewer(params: &Object) -> Result<Option<ViewerKey>, ParseError> {
    match params.text("viewer")? {
        Some(key) => Ok(Some(key.parse()?)),
        None => Ok(None),
    }
}

fn name(params: &Object) -> Result<Option<String>, ParseError> {
    let name = params.text("name")?;
    let length = name.as_ref().map_or(0, String::len);
    ParseError::limit(params.message, "name", length, MAX_NAME_BYTES)?;
    Ok(name)
}

fn word(object: &Object, field: &'static str) -> Result<String, ParseError> {
    let word = object.required_text(field)?;
    ParseError::limit(object.message, field, word.len(), MAX_WORD_BYTES)?;
    Ok(word)
}

fn event_kind(object: &Object) -> Result<EventKind, ParseError> {
    let name = object.text("type")?.unwrap_or_else(|| "info".to_owned());
    EventKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| {
            let expected = "info, alert or fault";
            ParseError::invalid(object.message, "type", &name, expected)
        })
}

/// An object of values; none is an empty one. A text that holds an object is read too: firmware sends both.
fn values(object: &Object, field: &'static str) -> Result<Json, ParseError> {
    Object::nested(object, field).map(|values| Json(serde_json::Value::Object(values.map)))
}
