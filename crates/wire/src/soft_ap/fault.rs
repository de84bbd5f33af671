//! The reference firmware's table of pairing errors: an id with its text, and a sub id that says more.

use std::fmt;

/// An error as it travels: the `(id, sub)` at the end of a `log` text. `Display` writes that text, with the table's words
/// in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Which error; see [`ErrorId`].
    pub id: u16,
    /// What exactly: a [`SubId`], an errno, a driver's, an SDK's or the hub's code, by `id`.
    pub sub: i32,
}

impl Fault {
    /// The fault at the end of a text, `… (10, 2)`. The words in front are not looked at: documents and firmware differ
    /// in them.
    pub fn from_tail(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(|c: char| c.is_whitespace() || c == '\0');
        let (_, tail) = text.strip_suffix(')')?.rsplit_once('(')?;
        let (id, sub) = tail.split_once(',')?;
        Some(Self {
            id: id.trim().parse().ok()?,
            sub: sub.trim().parse().ok()?,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = ErrorId::from_number(self.id).map_or("Unknown error!", ErrorId::text);
        write!(f, "{text} ({}, {})", self.id, self.sub)
    }
}

macro_rules! table {
    ($(#[$doc:meta])* $name:ident: $number_type:ty { $($variant:ident = $number:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(
                #[doc = concat!("`", $number, "` ", $text)]
                $variant = $number,
            )+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The number on the wire.
            pub fn number(self) -> $number_type {
                self as $number_type
            }

            /// The one of that number.
            pub fn from_number(number: $number_type) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.number() == number)
            }

            /// The table's words.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

table! {
    /// The first number of a fault. Texts are the reference firmware's.
    ErrorId: u16 {
        Ok = 0, "Everything OK!";
        MqttConnect = 1, "MQTT connect error!";
        AppCommand = 2, "APP command error!";
        BoardingStop = 3, "WIFI boarding stop!";
        RtosTask = 4, "RTOS task error!";
        RtosQueue = 5, "RTOS queue error!";
        StaInit = 6, "WIFI STA init error!";
        ApInit = 7, "WIFI AP init error!";
        WifiStart = 8, "WIFI start error!";
        WifiConfig = 9, "WIFI config error!";
        WifiConnect = 10, "WIFI connect error!";
        WifiDisconnect = 11, "WIFI disconnect error!";
        ApSta = 12, "WIFI AP STA error!";
        SmartconfigStart = 13, "ESP smartconfig start error!";
        SmartconfigData = 14, "ESP smartconfig data error!";
        SocketOpen = 15, "SRV socket open error!";
        SocketBind = 16, "SRV socket bind error!";
        SocketListen = 17, "SRV socket listen error!";
        SocketFcntl = 18, "SRV socket fcntl error!";
        SocketAccept = 19, "SRV socket accept error!";
        SocketRecv = 20, "SRV socket recv error!";
        SocketSelect = 21, "SRV socket select error!";
        SocketSend = 22, "SRV socket send error!";
        TokenSend = 23, "MQTT Token send error!";
        TokenReply = 24, "MQTT Token reply error!";
        TokenTimeout = 25, "MQTT Token recv timeout!";
        ProductRegion = 26, "Product Region fault error!";
        DeviceInfo = 27, "Device Info error!";
    }
}

table! {
    /// The second number of a fault, where it is no foreign code. From 301 on they are our own.
    SubId: i32 {
        SmartconfigStopped = 101, "smartconfig stopped by app";
        Stopped = 102, "stopped by user";
        SessionTimeout = 103, "session timeout";
        SmartconfigInvalid = 104, "invalid smartconfig data";
        BadCommand = 201, "bad JSON, missing or unknown cmdType";
        Timestamp = 202, "timestamp";
        Signature = 203, "signature";
        MissingField = 204, "ssid, password or token missing or wrong";
        JsonPrint = 205, "JSON print failed";
        CommTask = 206, "comm task error";
        NoLease = 301, "no DHCP lease";
        JoinTimeout = 302, "joining took too long";
        Busy = 303, "another viewer is setting this camera up";
        HubUnreachable = 304, "the hub cannot be reached";
        HubNotTrusted = 305, "the hub's key is not the one of the pin";
        NoAnswer = 306, "the hub did not answer";
    }
}
