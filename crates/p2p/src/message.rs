//! Requests and responses.

use wire::id::PeerId;

use crate::Body;

/// Header by which a viewer tells the camera how urgent the response is.
pub(crate) const PRIORITY_HEADER: &str = "x-porthole-priority";

/// What is asked of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Send a body.
    Post,
}

/// Who goes first when the path is full. Declared from most to least urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Commands and their replies.
    #[default]
    Control,
    /// Sound, in both directions.
    Audio,
    /// Pictures.
    Video,
    /// Files.
    Download,
}

impl Priority {
    /// Whether bodies of this priority are live: never silent for [`crate::defaults::SILENCE`].
    pub fn is_live(self) -> bool {
        matches!(self, Priority::Audio | Priority::Video)
    }

    pub(crate) const ALL: [Priority; 4] = [
        Priority::Control,
        Priority::Audio,
        Priority::Video,
        Priority::Download,
    ];

    /// 0 is the most urgent.
    pub(crate) fn level(self) -> usize {
        self as usize
    }

    /// QUIC stream priority: higher goes first, 0 is a stream's default.
    pub(crate) fn quic(self) -> i32 {
        -(self as i32)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Priority::Control => "control",
            Priority::Audio => "audio",
            Priority::Video => "video",
            Priority::Download => "download",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.name() == name)
    }
}

/// One request. Made by [`Request::get`] or [`Request::post`] on the viewer, handed to
/// [`Service::call`](crate::Service::call) on the camera.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Path and query, `/ipc.p2p.com/ipc.flv?action=live&channel=0`.
    pub target: String,
    /// Header lines, names in lower case. Host, length, encoding and priority are seen to by the session.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Body,
    /// Urgency of this exchange, both ways.
    pub priority: Priority,
    /// Whether the session redials when the response is silent for [`crate::defaults::SILENCE`]; by default only for
    /// live priorities. Turn it off for a playback that may be paused.
    pub watched: bool,
    /// On the camera: whose request it is. `None` on the viewer.
    pub viewer: Option<PeerId>,
    /// On the camera: the connection that it came by ([`crate::Viewer::connection`]).
    pub connection: u64,
}

impl Request {
    /// A request without a body, of [`Priority::Control`].
    pub fn get(target: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            target: target.into(),
            headers: Vec::new(),
            body: Body::empty(),
            priority: Priority::Control,
            watched: false,
            viewer: None,
            connection: 0,
        }
    }

    /// A request with a body, of [`Priority::Control`].
    pub fn post(target: impl Into<String>, body: impl Into<Body>) -> Self {
        Self {
            method: Method::Post,
            body: body.into(),
            ..Self::get(target)
        }
    }

    /// Sets the urgency; a live one is watched for silence.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self.watched = priority.is_live();
        self
    }

    /// Sets whether silence of the response makes the session redial.
    pub fn watched(mut self, watched: bool) -> Self {
        self.watched = watched;
        self
    }

    /// Adds a header line.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// One response.
#[derive(Debug)]
pub struct Response {
    /// HTTP status, 100 to 999; 4xx and 5xx are answers like any other.
    pub status: u16,
    /// Header lines, names in lower case when received. Length and encoding are seen to by the server.
    pub headers: Vec<(String, String)>,
    /// What is sent back.
    pub body: Body,
}

impl Response {
    /// A response with this status and body.
    pub fn new(status: u16, body: impl Into<Body>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header line.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The first header of this name, in any case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

pub(crate) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
