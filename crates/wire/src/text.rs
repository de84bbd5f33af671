//! Text rules shared by all messages: percent escapes, and how foreign text is shown in errors.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters is escaped. The old plugin forbids `& / + =` in values; escaping
/// them keeps the rule and still carries every name.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Longest part of a foreign text shown in an error, in characters.
const SHOWN_CHARS: usize = 64;

/// Percent-encodes a value so that it can stand in a query.
pub(crate) fn escape(value: &str) -> String {
    utf8_percent_encode(value, ESCAPED).to_string()
}

/// Percent-decodes a value. A `%` that starts no escape stands for itself; `+` is not a space. `None` if the bytes are
/// not UTF-8.
pub(crate) fn unescape(value: &str) -> Option<String> {
    percent_decode_str(value)
        .decode_utf8()
        .ok()
        .map(|text| text.into_owned())
}

/// A foreign text as an error shows it: escaped, at most [`SHOWN_CHARS`] characters of it.
pub(crate) fn clip(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(|c| {
            // Quotes read better bare; everything that could break a log line or a terminal is escaped.
            let keep = c == '"' || c == '\'' || c == '\\';
            let escaped: Vec<char> = if keep {
                vec![c]
            } else {
                c.escape_debug().collect()
            };
            escaped
        })
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// The longest beginning of `text` that fits `limit` bytes and ends between characters.
pub(crate) fn bounded(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A decimal number without sign, space or dot.
pub(crate) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Whether both secrets are the same, in a time that does not tell where they differ. Their lengths are no secret.
pub(crate) fn same_secret(a: &[u8], b: &[u8]) -> bool {
    let difference = a
        .iter()
        .zip(b)
        .fold(0, |sum, (a, b)| std::hint::black_box(sum | (a ^ b)));
    a.len() == b.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_round_trip() {
        for text in ["a.mp4", "客厅 1/2&3+4=5%", "{\"a\":1}", "%zz", ""] {
            assert_eq!(unescape(&escape(text)).as_deref(), Some(text));
        }
        assert_eq!(escape("a b&c"), "a%20b%26c");
    }

    #[test]
    fn a_percent_that_starts_no_escape_stands_for_itself() {
        assert_eq!(unescape("50%").as_deref(), Some("50%"));
        assert_eq!(unescape("a+b").as_deref(), Some("a+b"));
        assert_eq!(unescape("%ff"), None);
    }

    #[test]
    fn bounded_cuts_between_characters() {
        assert_eq!(bounded("客厅", 5), "客");
        assert_eq!(bounded("客厅", 6), "客厅");
        assert_eq!(bounded("", 3), "");
    }

    #[test]
    fn digits_refuse_signs_and_spaces() {
        assert_eq!(digits::<u32>("42"), Some(42));
        for bad in ["", "+1", "-1", " 1", "1.0", "4294967296"] {
            assert_eq!(digits::<u32>(bad), None, "{bad}");
        }
    }
}
