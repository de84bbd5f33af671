//! Reply to `get_month_record`: `{"video_list":"8320"}`, bit 0 = day 1; 8320 = days 8 and 14.

use serde_json::Value;

use crate::error::ParseError;
use crate::json::{Object, whole};

use super::{MAX_READ_BYTES, Writer};

const MESSAGE: &str = "get_month_record reply";

/// The days of a month that have recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MonthRecord {
    /// Bit 0 is day 1, bit 30 is day 31.
    pub bits: u32,
}

impl MonthRecord {
    /// From days 1 to 31; others are left out.
    pub fn from_days(days: impl IntoIterator<Item = u8>) -> Self {
        let bits = days
            .into_iter()
            .filter(|day| (1..=31).contains(day))
            .fold(0, |bits, day| bits | 1 << (day - 1));
        Self { bits }
    }

    /// The days, in order.
    pub fn days(self) -> impl Iterator<Item = u8> {
        (1..=31).filter(move |day| self.bits >> (day - 1) & 1 == 1)
    }

    /// Reads the reply. The number may be text or a number, alone or the only entry of an array.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a number of 32 bits";
        let object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        let Some(value) = object.value("video_list") else {
            return Err(ParseError::missing(MESSAGE, "video_list", EXPECTED));
        };
        let number = match value {
            Value::Array(values) if values.is_empty() => Some(0),
            Value::Array(values) if values.len() == 1 => whole(&values[0]),
            value => whole(value),
        };
        match number.and_then(|number| u32::try_from(number).ok()) {
            Some(bits) => Ok(Self { bits }),
            None => Err(object.invalid("video_list", value, EXPECTED)),
        }
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        Writer::new().field("video_list", self.bits).end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_example_is_days_8_and_14() {
        let text = r#"{"video_list":"8320"}"#;
        let month = MonthRecord::decode(text.as_bytes()).unwrap();
        assert_eq!(month.days().collect::<Vec<_>>(), [8, 14]);
        assert_eq!(month.encode(), text);
        assert_eq!(MonthRecord::from_days([14, 8, 0, 32]), month);
    }

    #[test]
    fn reads_numbers_and_arrays() {
        for text in [
            r#"{"video_list":8320}"#,
            r#"{"video_list":["8320"]}"#,
            r#"[{"video_list":[8320]}]"#,
        ] {
            assert_eq!(
                MonthRecord::decode(text.as_bytes()),
                Ok(MonthRecord { bits: 8320 })
            );
        }
        assert_eq!(
            MonthRecord::decode(br#"{"video_list":[]}"#),
            Ok(MonthRecord { bits: 0 })
        );
        let all = MonthRecord::decode(br#"{"video_list":"2147483647"}"#).unwrap();
        assert_eq!(all.days().count(), 31);
    }

    #[test]
    fn errors_name_the_field() {
        for text in [
            "{}",
            r#"{"video_list":"x"}"#,
            r#"{"video_list":[1,2]}"#,
            r#"{"video_list":"4294967296"}"#,
            r#"{"video_list":{}}"#,
        ] {
            assert_eq!(
                MonthRecord::decode(text.as_bytes()).unwrap_err().field(),
                "video_list"
            );
        }
    }
}
