//! `key=value&key=value`, read the way the old plugin writes it: not URL-encoded, JSON in `cmd=` as it is.

use crate::error::ParseError;
use crate::text::{digits, unescape};

/// Most pairs of a query that are read; each key is looked up among those before it.
pub const MAX_PAIRS: usize = 64;

/// The pairs of a query, values still raw.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    message: &'static str,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Query<'a> {
    /// Splits a query on `&`, each pair on its first `=`. A `cmd` value that starts with `{` and is JSON reaches to the
    /// end of that JSON, whatever it holds. Keys that start with `_` belong to the old SDK and are left out.
    ///
    /// # Errors
    /// A key that stands twice, more than 64 pairs.
    pub(crate) fn parse(message: &'static str, text: &'a str) -> Result<Self, ParseError> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let segment_end = rest.find('&').unwrap_or(rest.len());
            let end = match rest.strip_prefix("cmd=") {
                Some(value) => json_end(value).map_or(segment_end, |length| length + 4),
                None => segment_end,
            };
            let (key, value) = rest[..end].split_once('=').unwrap_or((&rest[..end], ""));
            if !key.is_empty() && !key.starts_with('_') {
                if pairs.iter().any(|(known, _)| *known == key) {
                    return Err(ParseError::Repeated {
                        message,
                        field: crate::text::clip(key),
                    });
                }
                pairs.push((key, value));
                ParseError::limit(message, "query", pairs.len(), MAX_PAIRS)?;
            }
            rest = &rest[end..];
            rest = rest.strip_prefix('&').unwrap_or(rest);
        }
        Ok(Self { message, pairs })
    }

    /// The raw value of `key`; an empty value counts as none.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a str> {
        self.pairs
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| *value)
            .filter(|value| !value.is_empty())
    }

    /// The percent-decoded value of `key`.
    pub(crate) fn text(&self, key: &'static str) -> Result<Option<String>, ParseError> {
        let Some(raw) = self.raw(key) else {
            return Ok(None);
        };
        match unescape(raw) {
            Some(text) => Ok(Some(text)),
            None => Err(ParseError::invalid(
                self.message,
                key,
                raw,
                "percent-encoded UTF-8",
            )),
        }
    }

    /// The decimal number at `key`.
    pub(crate) fn number<T: std::str::FromStr>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ParseError> {
        let Some(raw) = self.raw(key) else {
            return Ok(None);
        };
        match digits(raw) {
            Some(number) => Ok(Some(number)),
            None => Err(ParseError::invalid(self.message, key, raw, expected)),
        }
    }

    /// The decimal number at `key`, which must be there.
    pub(crate) fn required_number<T: std::str::FromStr>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<T, ParseError> {
        self.number(key, expected)?
            .ok_or_else(|| ParseError::missing(self.message, key, expected))
    }

    /// `channel`: 0 for a camera (and if it is not given), the child's index for an NVR.
    pub(crate) fn channel(&self) -> Result<u32, ParseError> {
        Ok(self
            .number("channel", "a channel number from 0")?
            .unwrap_or(0))
    }

    /// `start_time` and `end_time` in unix seconds (older firmware: `start`, `end`), at least `apart` seconds apart.
    pub(crate) fn times(&self, apart: u64) -> Result<(u64, u64), ParseError> {
        const SECONDS: &str = "unix seconds";
        let start = match self.number("start_time", SECONDS)? {
            Some(start) => start,
            None => self
                .number("start", SECONDS)?
                .ok_or_else(|| ParseError::missing(self.message, "start_time", SECONDS))?,
        };
        let end: u64 = match self.number("end_time", SECONDS)? {
            Some(end) => end,
            None => self
                .number("end", SECONDS)?
                .ok_or_else(|| ParseError::missing(self.message, "end_time", SECONDS))?,
        };
        let span: Option<u64> = end.checked_sub(start);
        if span.is_none_or(|span| span < apart) {
            return Err(ParseError::invalid(
                self.message,
                "end_time",
                &end.to_string(),
                if apart == 0 {
                    "no less than start_time"
                } else {
                    "at least start_time + 5"
                },
            ));
        }
        Ok((start, end))
    }
}

/// Length of the JSON object at the start of `text`, if there is one and the pair ends behind it.
fn json_end(text: &str) -> Option<usize> {
    if !text.starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    let end = values.byte_offset();
    matches!(text.as_bytes().get(end), None | Some(b'&')).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Query<'_> {
        Query::parse("test", text).unwrap()
    }

    #[test]
    fn splits_on_the_first_equals_sign() {
        assert_eq!(parse("a=b=c&d=&e").raw("a"), Some("b=c"));
        assert_eq!(parse("a=b=c&d=&e").raw("d"), None);
        assert_eq!(parse("").raw("a"), None);
        assert_eq!(parse("&&a=1&&").raw("a"), Some("1"));
    }

    #[test]
    fn json_in_cmd_reaches_over_ampersands_and_braces() {
        let query = parse(r#"action=x&cmd={"a":"1&b=2}{","c":{}}&channel=3"#);
        assert_eq!(query.raw("cmd"), Some(r#"{"a":"1&b=2}{","c":{}}"#));
        assert_eq!(query.channel(), Ok(3));
    }

    #[test]
    fn cmd_that_is_no_json_ends_at_the_ampersand() {
        assert_eq!(parse("cmd={oops&channel=1").raw("cmd"), Some("{oops"));
        assert_eq!(parse("cmd={}x&channel=1").raw("cmd"), Some("{}x"));
    }

    #[test]
    fn leaves_out_the_old_sdks_own_keys() {
        let query = parse("_crypto=off&_port=1&_port=2&channel=7");
        assert_eq!(query.raw("_crypto"), None);
        assert_eq!(query.channel(), Ok(7));
    }

    #[test]
    fn refuses_a_key_given_twice() {
        assert_eq!(
            Query::parse("test", "a=1&a=2").unwrap_err().to_string(),
            "test: a is given twice, expected once"
        );
    }

    #[test]
    fn refuses_more_pairs_than_any_request_has() {
        let many: Vec<String> = (0..65).map(|n| format!("k{n}=1")).collect();
        assert!(Query::parse("test", &many[..64].join("&")).is_ok());
        assert!(matches!(
            Query::parse("test", &many.join("&")),
            Err(ParseError::TooLong {
                got: 65,
                limit: 64,
                ..
            })
        ));
    }

    #[test]
    fn reads_old_names_of_the_times() {
        assert_eq!(parse("start=5&end=10").times(5), Ok((5, 10)));
        assert_eq!(
            parse("start_time=5&end_time=9")
                .times(5)
                .unwrap_err()
                .field(),
            "end_time"
        );
        assert_eq!(parse("start_time=5&end_time=5").times(0), Ok((5, 5)));
        assert!(parse("start_time=5&end_time=4").times(0).is_err());
        assert_eq!(parse("end=4").times(0).unwrap_err().field(), "start_time");
    }
}
