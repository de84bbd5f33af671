//! AMF0, as far as script tags need it (Adobe, *Action Message Format 0*, 2007; FLV E.4.4).
//!
//! Reading is bounded in depth and in the number of values, so that a hostile message costs no more than its bytes.

use crate::error::Malformed;

/// Type markers (AMF0 2.1).
mod marker {
    pub(super) const NUMBER: u8 = 0;
    pub(super) const BOOLEAN: u8 = 1;
    pub(super) const STRING: u8 = 2;
    pub(super) const OBJECT: u8 = 3;
    pub(super) const NULL: u8 = 5;
    pub(super) const UNDEFINED: u8 = 6;
    pub(super) const REFERENCE: u8 = 7;
    pub(super) const ECMA_ARRAY: u8 = 8;
    pub(super) const OBJECT_END: u8 = 9;
    pub(super) const STRICT_ARRAY: u8 = 10;
    pub(super) const DATE: u8 = 11;
    pub(super) const LONG_STRING: u8 = 12;
    pub(super) const UNSUPPORTED: u8 = 13;
}

/// Objects and arrays nested deeper than this are refused. Real metadata uses two levels (`keyframes`).
pub const MAX_DEPTH: usize = 8;
/// Messages of more values than this are refused. A `keyframes` index of nine hours fits.
pub const MAX_VALUES: usize = 65_536;
/// What RTMP puts before the message's name when a publisher sets metadata.
const SET_DATA_FRAME: &str = "@setDataFrame";

/// One AMF0 value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A double.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Text; bytes that are not UTF-8 are replaced.
    String(String),
    /// Named values in order. ECMA arrays read as this too.
    Object(Vec<(String, Value)>),
    /// Values in order.
    Array(Vec<Value>),
    /// Milliseconds since 1970, UTC.
    Date(f64),
    /// Null, undefined, unsupported, or a reference, which no metadata uses.
    Null,
}

impl Value {
    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// True or false, if it is that.
    pub fn as_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// A script message: a name and named values, as in onMetaData.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metadata {
    /// Name of the message, `onMetaData` nearly always.
    pub name: String,
    /// The named values in order.
    pub values: Vec<(String, Value)>,
}

impl Metadata {
    /// An empty onMetaData.
    pub fn new() -> Self {
        Self {
            name: "onMetaData".into(),
            values: Vec::new(),
        }
    }

    /// Adds a number.
    pub fn with_number(mut self, name: &str, number: f64) -> Self {
        self.values.push((name.into(), Value::Number(number)));
        self
    }

    /// Adds true or false.
    pub fn with_boolean(mut self, name: &str, boolean: bool) -> Self {
        self.values.push((name.into(), Value::Boolean(boolean)));
        self
    }

    /// Adds a text.
    pub fn with_string(mut self, name: &str, text: &str) -> Self {
        self.values.push((name.into(), Value::String(text.into())));
        self
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// The number of that name.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::as_number)
    }

    /// True or false, of that name.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Value::as_boolean)
    }

    /// Reads the body of a script tag.
    ///
    /// # Errors
    /// Truncated or malformed AMF0, deeper than [`MAX_DEPTH`], more than [`MAX_VALUES`] values.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input {
            bytes: body,
            values: 0,
        };
        let mut name = input.name()?;
        if name == SET_DATA_FRAME {
            name = input.name()?;
        }
        let values = if input.bytes.is_empty() {
            Vec::new()
        } else {
            match input.value(0)? {
                Value::Object(values) => values,
                Value::Null => Vec::new(),
                other => vec![(String::new(), other)],
            }
        };
        Ok(Self { name, values })
    }

    /// Appends the body of a script tag: the name, then an ECMA array.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_value(&Value::String(self.name.clone()), out);
        out.push(marker::ECMA_ARRAY);
        out.extend_from_slice(&(self.values.len() as u32).to_be_bytes());
        write_members(&self.values, out);
    }
}

/// The unread bytes of a message and how many values were read.
struct Input<'a> {
    bytes: &'a [u8],
    values: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self
            .bytes
            .split_at_checked(count)
            .ok_or(Malformed::Truncated)?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self
            .bytes
            .split_first_chunk::<N>()
            .ok_or(Malformed::Truncated)?;
        self.bytes = tail;
        Ok(*head)
    }

    fn short_text(&mut self) -> Result<String, Malformed> {
        let length = u16::from_be_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.take(length.into())?).into_owned())
    }

    fn number(&mut self) -> Result<f64, Malformed> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// The leading string of a message.
    fn name(&mut self) -> Result<String, Malformed> {
        match self.value(0)? {
            Value::String(name) => Ok(name),
            _ => Err(Malformed::Missing("message name")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Malformed::TooMany);
        }
        let [kind] = self.array()?;
        Ok(match kind {
            marker::NUMBER => Value::Number(self.number()?),
            marker::BOOLEAN => Value::Boolean(self.array::<1>()? != [0]),
            marker::STRING => Value::String(self.short_text()?),
            marker::LONG_STRING => {
                let length = u32::from_be_bytes(self.array()?) as usize;
                Value::String(String::from_utf8_lossy(self.take(length)?).into_owned())
            }
            marker::OBJECT => Value::Object(self.members(depth)?),
            marker::ECMA_ARRAY => {
                // The count is a hint that writers get wrong; the end marker decides.
                self.take(4)?;
                Value::Object(self.members(depth)?)
            }
            marker::STRICT_ARRAY => {
                let count = u32::from_be_bytes(self.array()?);
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            marker::DATE => {
                let milliseconds = self.number()?;
                self.take(2)?; // time zone, reserved
                Value::Date(milliseconds)
            }
            marker::NULL | marker::UNDEFINED | marker::UNSUPPORTED => Value::Null,
            marker::REFERENCE => {
                self.take(2)?;
                Value::Null
            }
            other => {
                return Err(Malformed::Value {
                    field: "AMF0 marker",
                    value: other.into(),
                });
            }
        })
    }

    /// Named values up to the end marker, or to the end of the message: some encoders leave the marker out.
    fn members(&mut self, depth: usize) -> Result<Vec<(String, Value)>, Malformed> {
        let mut members = Vec::new();
        while !self.bytes.is_empty() {
            let name = self.short_text()?;
            if name.is_empty() && self.bytes.first() == Some(&marker::OBJECT_END) {
                self.take(1)?;
                break;
            }
            members.push((name, self.value(depth + 1)?));
        }
        Ok(members)
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // A name longer than 65535 bytes cannot be said; it is cut at a character.
    let mut length = text.len().min(u16::MAX.into());
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    out.extend_from_slice(&(length as u16).to_be_bytes());
    out.extend_from_slice(&text.as_bytes()[..length]);
}

fn write_members(members: &[(String, Value)], out: &mut Vec<u8>) {
    for (name, value) in members {
        write_text(name, out);
        write_value(value, out);
    }
    out.extend_from_slice(&[0, 0, marker::OBJECT_END]);
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(marker::NUMBER);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend_from_slice(&[marker::BOOLEAN, u8::from(*boolean)]),
        Value::String(text) if text.len() <= u16::MAX.into() => {
            out.push(marker::STRING);
            write_text(text, out);
        }
        Value::String(text) => {
            out.push(marker::LONG_STRING);
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        Value::Object(members) => {
            out.push(marker::OBJECT);
            write_members(members, out);
        }
        Value::Array(values) => {
            out.push(marker::STRICT_ARRAY);
            out.extend_from_slice(&(values.len() as u32).to_be_bytes());
            values.iter().for_each(|value| write_value(value, out));
        }
        Value::Date(milliseconds) => {
            out.push(marker::DATE);
            out.extend_from_slice(&milliseconds.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
        }
        Value::Null => out.push(marker::NULL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_comes_back() {
        let meta = Metadata {
            name: "onMetaData".into(),
            values: vec![
                ("width".into(), Value::Number(1280.0)),
                ("stereo".into(), Value::Boolean(true)),
                ("encoder".into(), Value::String("ü".into())),
                ("long".into(), Value::String("x".repeat(70_000))),
                ("when".into(), Value::Date(1.5)),
                ("nothing".into(), Value::Null),
                (
                    "keyframes".into(),
                    Value::Object(vec![(
                        "times".into(),
                        Value::Array(vec![Value::Number(0.0)]),
                    )]),
                ),
            ],
        };
        let mut body = Vec::new();
        meta.write(&mut body);
        assert_eq!(Metadata::read(&body), Ok(meta));
    }

    #[test]
    fn a_publishers_prefix_is_passed_over() {
        let mut body = Vec::new();
        write_value(&Value::String(SET_DATA_FRAME.into()), &mut body);
        Metadata::new()
            .with_number("height", 720.0)
            .write(&mut body);
        let meta = Metadata::read(&body).unwrap();
        assert_eq!(
            (meta.name.as_str(), meta.number("height")),
            ("onMetaData", Some(720.0))
        );
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let mut deep = vec![marker::STRING, 0, 1, b'a'];
        deep.extend([marker::STRICT_ARRAY, 0, 0, 0, 1].repeat(10_000));
        assert_eq!(Metadata::read(&deep), Err(Malformed::TooDeep));
        let mut wide = vec![
            marker::STRING,
            0,
            1,
            b'a',
            marker::STRICT_ARRAY,
            0xFF,
            0xFF,
            0xFF,
            0xFF,
        ];
        wide.extend(vec![marker::NULL; 100_000]);
        assert_eq!(Metadata::read(&wide), Err(Malformed::TooMany));
        assert_eq!(Metadata::read(&wide[..2000]), Err(Malformed::Truncated));
    }

    #[test]
    fn a_missing_end_marker_is_forgiven() {
        let mut body = Vec::new();
        Metadata::new().with_number("fps", 25.0).write(&mut body);
        assert_eq!(
            Metadata::read(&body[..body.len() - 3])
                .unwrap()
                .number("fps"),
            Some(25.0)
        );
    }
}
