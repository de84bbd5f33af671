//! JSON as old firmware sends it: numbers as text, one object in an array, a NUL behind it.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::ParseError;

const EXPECTED_OBJECT: &str = "a JSON object";

/// Any JSON value: what a user-defined topic carries. Prints as compact JSON.
#[derive(Clone, PartialEq)]
pub struct Json(pub(crate) Value);

impl Json {
    /// Reads one JSON value, at most 16 KiB and 127 levels deep.
    ///
    /// # Errors
    /// Text that is too long or no JSON.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        const MESSAGE: &str = "JSON";
        ParseError::limit(
            MESSAGE,
            "text",
            text.len(),
            crate::command::MAX_COMMAND_BYTES,
        )?;
        serde_json::from_str(text)
            .map(Self)
            .map_err(|_| ParseError::invalid(MESSAGE, "text", text, "one JSON value"))
    }

    /// A JSON string.
    pub fn string(text: impl Into<String>) -> Self {
        Self(Value::String(text.into()))
    }

    /// An object of string values, in which a later key replaces an earlier one of the same name.
    pub fn object<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(Value::Object(
            fields
                .into_iter()
                .map(|(key, value)| (key.to_owned(), Value::String(value.to_owned())))
                .collect(),
        ))
    }

    /// The value of `key`, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<Json> {
        self.0.get(key).cloned().map(Json)
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The text at `key`, if this is an object with a string there.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// The whole number at `key`, written as a number or as text.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.0
            .get(key)
            .and_then(whole)
            .and_then(|number| i64::try_from(number).ok())
    }

    /// The object's keys; nothing for any other value.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys().map(String::as_str))
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A JSON object under the reader's eyes; every getter names the field in its error.
pub(crate) struct Object {
    pub(crate) message: &'static str,
    pub(crate) map: Map<String, Value>,
}

impl Object {
    /// Reads an object, or an array that holds exactly one. Anything from a NUL on is not looked at.
    pub(crate) fn decode(
        message: &'static str,
        bytes: &[u8],
        limit: usize,
    ) -> Result<Self, ParseError> {
        let mut objects = Self::decode_list(message, bytes, limit)?;
        match (objects.len(), objects.pop()) {
            (1, Some(object)) => Ok(object),
            (count, _) => Err(ParseError::invalid(
                message,
                "text",
                &format!("{count} objects"),
                "one JSON object",
            )),
        }
    }

    /// Reads an object that holds secrets: the error does not show the text.
    pub(crate) fn decode_secret(
        message: &'static str,
        bytes: &[u8],
        limit: usize,
    ) -> Result<Self, ParseError> {
        ParseError::limit(message, "text", bytes.len(), limit)?;
        Self::decode(message, bytes, limit).map_err(|_| {
            let text = String::from_utf8_lossy(bytes);
            ParseError::secret(message, "text", &text, "one JSON object")
        })
    }

    /// Reads an array of objects, or one object as a list of one.
    pub(crate) fn decode_list(
        message: &'static str,
        bytes: &[u8],
        limit: usize,
    ) -> Result<Vec<Self>, ParseError> {
        ParseError::limit(message, "text", bytes.len(), limit)?;
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        let bytes = &bytes[..end];
        let value: Value = serde_json::from_slice(bytes).map_err(|_| {
            ParseError::invalid(
                message,
                "text",
                &String::from_utf8_lossy(&bytes[..bytes.len().min(256)]),
                "a JSON object or an array of objects",
            )
        })?;
        Self::list(message, "text", value)
    }

    /// The objects of an array, or one object as a list of one.
    pub(crate) fn list(
        message: &'static str,
        field: &'static str,
        value: Value,
    ) -> Result<Vec<Self>, ParseError> {
        let values = match value {
            Value::Array(values) => values,
            object => vec![object],
        };
        values
            .into_iter()
            .map(|value| match value {
                Value::Object(map) => Ok(Self { message, map }),
                other => Err(ParseError::invalid(
                    message,
                    field,
                    &other.to_string(),
                    EXPECTED_OBJECT,
                )),
            })
            .collect()
    }

    /// The object in a field: empty if there is none; a text that holds an object is read too.
    pub(crate) fn nested(&self, field: &'static str) -> Result<Self, ParseError> {
        let map = match self.value(field) {
            None => Some(Map::new()),
            Some(Value::Object(map)) => Some(map.clone()),
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(_) => None,
        };
        let message = self.message;
        map.map(|map| Self { message, map })
            .ok_or_else(|| ParseError::secret(message, field, "", EXPECTED_OBJECT))
    }

    /// The value of `field`; `null` counts as none.
    pub(crate) fn value(&self, field: &str) -> Option<&Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// Takes the value of `field` out; `null` counts as none.
    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.map.remove(field).filter(|value| !value.is_null())
    }

    /// A whole number, written as a number or as decimal text. An empty text counts as none.
    pub(crate) fn number<T: TryFrom<i128>>(
        &self,
        field: &'static str,
    ) -> Result<Option<T>, ParseError> {
        let Some(value) = self.value(field) else {
            return Ok(None);
        };
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            return Ok(None);
        }
        match whole(value).and_then(|number| T::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(self.invalid(field, value, "a whole number within range")),
        }
    }

    /// A whole number that must be there.
    pub(crate) fn required_number<T: TryFrom<i128>>(
        &self,
        field: &'static str,
    ) -> Result<T, ParseError> {
        self.number(field)?
            .ok_or_else(|| ParseError::missing(self.message, field, "a whole number"))
    }

    /// A text; a number or a boolean is taken as its text.
    pub(crate) fn text(&self, field: &'static str) -> Result<Option<String>, ParseError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(other) => Err(self.invalid(field, other, "a text")),
        }
    }

    /// A text that must be there.
    pub(crate) fn required_text(&self, field: &'static str) -> Result<String, ParseError> {
        self.text(field)?
            .ok_or_else(|| ParseError::missing(self.message, field, "a text"))
    }

    /// A text that is a secret; a number is taken as its text. `None` if it is not there or empty.
    pub(crate) fn secret(&self, field: &'static str) -> Result<Option<String>, ParseError> {
        let text = self
            .text(field)
            .map_err(|_| ParseError::secret(self.message, field, "", "a text"))?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    pub(crate) fn invalid(
        &self,
        field: &'static str,
        got: &Value,
        expected: &'static str,
    ) -> ParseError {
        let got = match got {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        ParseError::invalid(self.message, field, &got, expected)
    }
}

/// A whole number from a number (also `3.0`) or from decimal text.
pub(crate) fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                return Some(number.into());
            }
            if let Some(number) = number.as_u64() {
                return Some(number.into());
            }
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i128)
        }
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(value) => Some(i128::from(*value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Result<Object, ParseError> {
        Object::decode("test", text.as_bytes(), 1000)
    }

    #[test]
    fn reads_one_object_bare_or_in_an_array_with_a_nul_behind() {
        for text in [
            "{\"a\":1}",
            "[{\"a\":1}]",
            "{\"a\":1}\0",
            "{\"a\":1}\r\n\0\0junk",
        ] {
            assert_eq!(
                object(text).unwrap().number::<u8>("a"),
                Ok(Some(1)),
                "{text}"
            );
        }
        for text in ["", "\0", "[]", "[{},{}]", "[1]", "3", "\"a\"", "{", "null"] {
            assert!(object(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_numbers_as_text_and_text_as_numbers() {
        let o =
            object(r#"{"a":"12","b":12,"c":" 12 ","d":12.0,"e":"","f":null,"g":true}"#).unwrap();
        for field in ["a", "b", "c", "d"] {
            assert_eq!(o.number::<u32>(field), Ok(Some(12)), "{field}");
        }
        assert_eq!(o.number::<u32>("e"), Ok(None));
        assert_eq!(o.number::<u32>("f"), Ok(None));
        assert_eq!(o.text("b"), Ok(Some("12".into())));
        assert_eq!(o.text("g"), Ok(Some("true".into())));
    }

    #[test]
    fn names_the_field_of_a_number_that_does_not_fit() {
        let o = object(r#"{"a":"300","b":-1,"c":1.5,"d":[],"e":"x"}"#).unwrap();
        for field in ["a", "b", "c", "d", "e"] {
            assert_eq!(o.number::<u8>(field).unwrap_err().field(), field);
        }
        assert_eq!(o.required_number::<u8>("z").unwrap_err().field(), "z");
        assert_eq!(o.required_text("d").unwrap_err().field(), "d");
    }

    #[test]
    fn refuses_what_is_too_long_or_too_deep() {
        assert!(matches!(
            Object::decode("test", &[b' '; 1001], 1000),
            Err(ParseError::TooLong { got: 1001, .. })
        ));
        let deep = "[".repeat(900);
        assert!(object(&deep).is_err());
        assert!(Json::parse(&"[".repeat(16 << 10)).is_err());
    }

    #[test]
    fn json_gives_fields_by_name() {
        let json = Json::parse(r#"{"b":"x","a":{"n":"7"}}"#).unwrap();
        assert_eq!(json.text("b"), Some("x"));
        assert_eq!(json.get("a").unwrap().number("n"), Some(7));
        assert_eq!(json.keys().count(), 2);
        assert_eq!(Json::parse(&json.to_string()), Ok(json));
        assert_eq!(Json::object([("k", "v")]).to_string(), r#"{"k":"v"}"#);
        assert_eq!(Json::string("é").as_str(), Some("é"));
    }
}
