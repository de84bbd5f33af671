//! `mqtts://user:password@host:port/group`.

use super::Error;
use std::fmt;
use std::str::FromStr;

/// Longest name of a group.
const MAX_GROUP: usize = 32;

/// Where an external broker is, and the hub's account there. `Debug` and `Display` show scheme, host and port only.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    host: String,
    port: u16,
    account: Option<(String, String)>,
    group: Option<String>,
}

impl Url {
    /// Whether it is `mqtts://`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port; 8883 with TLS and 1883 without, unless the URL has another.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The group of hubs that share the devices' messages between them; without one every hub gets every message.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// User name and password.
    pub(super) fn account(&self) -> Option<(&str, &str)> {
        let account = self.account.as_ref();
        account.map(|(user, password)| (user.as_str(), password.as_str()))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        let (open, close) = if self.host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        write!(out, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Url({self}, account ***)")
    }
}

impl FromStr for Url {
    type Err = Error;

    /// Reads the URL; user name and password may be percent-encoded (RFC 3986).
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Error::Url { what: what.into() };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("has no ://"))?;
        let tls = match scheme {
            "mqtts" => true,
            "mqtt" => false,
            _ => return Err(wrong("begins with neither mqtts:// nor mqtt://")),
        };
        let (rest, group) = rest.split_once('/').unwrap_or((rest, ""));
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if group.len() > MAX_GROUP || !group.bytes().all(is_word) || rest.contains(['?', '#']) {
            return Err(wrong(
                "has more after the port than the name of a group of hubs",
            ));
        }
        // The last one: a password may hold an @ that somebody did not encode.
        let (account, place) = match rest.rsplit_once('@') {
            Some((account, place)) => (Some(account), place),
            None => (None, rest),
        };
        let (host, port) = place_of(place).ok_or_else(|| wrong("has no usable host and port"))?;
        let account = match account {
            None => None,
            Some(account) => {
                let (user, password) = account.split_once(':').unwrap_or((account, ""));
                let decoded = decode(user).zip(decode(password));
                Some(decoded.ok_or_else(|| wrong("has a % that encodes no character"))?)
            }
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: port.unwrap_or(if tls { 8883 } else { 1883 }),
            account,
            group: (!group.is_empty()).then(|| group.to_owned()),
        })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
fn place_of(place: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            let port = if after.is_empty() {
                None
            } else {
                Some(after.strip_prefix(':')?)
            };
            (host, port)
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        None => None,
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
    };
    (!host.is_empty()).then_some((host, port))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_port_and_account_are_read() {
        let url: Url = "mqtts://hub:s%40cr%2Fet@mqtt.example:18883"
            .parse()
            .unwrap();
        assert_eq!(
            (url.is_tls(), url.host(), url.port()),
            (true, "mqtt.example", 18883)
        );
        assert_eq!(url.account(), Some(("hub", "s@cr/et")));
        let plain: Url = "mqtt://10.0.0.2/".parse().unwrap();
        assert_eq!((plain.port(), plain.account()), (1883, None));
        let six: Url = "mqtts://a:b@[2001:db8::1]".parse().unwrap();
        assert_eq!((six.host(), six.port()), ("2001:db8::1", 8883));
        assert_eq!(six.to_string(), "mqtts://[2001:db8::1]:8883");
        assert_eq!(six.group(), None);
        let one_of_many: Url = "mqtts://a:b@cluster.example/hubs-1".parse().unwrap();
        assert_eq!(one_of_many.group(), Some("hubs-1"));
    }

    #[test]
    fn the_account_is_never_shown() {
        let url: Url = "mqtts://someone:tops%65cret@mqtt.example".parse().unwrap();
        let shown = format!("{url} {url:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("someone"),
            "{shown}"
        );
        let error = "https://someone:topsecret@x".parse::<Url>().unwrap_err();
        assert!(!error.to_string().contains("topsecret"));
    }

    #[test]
    fn what_is_no_broker_url_is_refused() {
        for text in [
            "",
            "mqtt.example",
            "https://mqtt.example",
            "mqtts://",
            "mqtts://:8883",
            "mqtts://host:0",
            "mqtts://host:99999",
            "mqtts://host:1:2",
            "mqtts://[::1",
            "mqtts://[::1]x",
            "mqtts://host/path/more",
            "mqtts://host/a+b",
            "mqtts://host?query",
            "mqtts://a%zz:b@host",
            "mqtts://a%:b@host",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
