//! Which bytes: `offset=` and `Range: bytes=`.

/// Bytes from `first` up to and without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first byte.
    pub first: u64,
    /// The first byte behind it.
    pub end: u64,
    /// It was asked for by a `Range` header, and is answered with 206.
    pub partial: bool,
}

/// The first byte lies behind the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the first byte lies behind the end")]
pub struct Unsatisfiable;

impl Range {
    /// The bytes of a file of `length` bytes that a request asks for (RFC 9110, 14.2). A header that is no single range is
    /// not looked at.
    ///
    /// # Errors
    /// [`Unsatisfiable`].
    pub fn of(length: u64, offset: u64, header: Option<&str>) -> Result<Self, Unsatisfiable> {
        if let Some((first, last)) = header.and_then(single) {
            return Self::ranged(length, first, last);
        }
        if offset > length {
            return Err(Unsatisfiable);
        }
        Ok(Self {
            first: offset,
            end: length,
            partial: false,
        })
    }

    fn ranged(length: u64, first: Option<u64>, last: Option<u64>) -> Result<Self, Unsatisfiable> {
        let (first, end) = match (first, last) {
            (Some(first), Some(last)) => (first, last.saturating_add(1).min(length)),
            (Some(first), None) => (first, length),
            // The last so many bytes.
            (None, Some(count)) if count > 0 => (length.saturating_sub(count), length),
            (None, _) => return Err(Unsatisfiable),
        };
        if first >= length {
            return Err(Unsatisfiable);
        }
        Ok(Self {
            first,
            end,
            partial: true,
        })
    }

    /// How many bytes.
    pub fn len(&self) -> u64 {
        self.end - self.first
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The two numbers of `bytes=first-last`, of which one may be missing; `None` for everything that is not just that.
fn single(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = header.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let number = |text: &str| match text {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            // More digits than a number has: far behind any end.
            Some(Some(text.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    };
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    let is_backward = matches!((first, last), (Some(first), Some(last)) if last < first);
    ((first.is_some() || last.is_some()) && !is_backward).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(header: &str) -> Result<(u64, u64, bool), Unsatisfiable> {
        Range::of(100, 7, Some(header)).map(|range| (range.first, range.end, range.partial))
    }

    #[test]
    fn a_single_range_wins_over_the_offset() {
        for (header, first, end) in [
            ("bytes=0-", 0, 100),
            ("bytes=0-0", 0, 1),
            ("bytes=10-19", 10, 20),
            ("bytes = 99-", 99, 100),
            ("Bytes=50-5000", 50, 100),
            ("bytes=-30", 70, 100),
            ("bytes=-500", 0, 100),
            ("bytes=5-99999999999999999999999", 5, 100),
        ] {
            assert_eq!(range(header), Ok((first, end, true)), "{header}");
        }
    }

    #[test]
    fn what_lies_behind_the_end_cannot_be_had() {
        for header in [
            "bytes=100-",
            "bytes=500-600",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(range(header), Err(Unsatisfiable), "{header}");
        }
        assert_eq!(Range::of(100, 101, None), Err(Unsatisfiable));
        assert_eq!(Range::of(0, 0, Some("bytes=0-")), Err(Unsatisfiable));
        // Nothing is missing of a file that is there.
        assert!(Range::of(100, 100, None).unwrap().is_empty());
    }

    #[test]
    fn other_headers_are_not_looked_at() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-2,5-6",
            "bytes=5-4",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=1--2",
        ] {
            assert_eq!(range(header), Ok((7, 100, false)), "{header}");
        }
    }
}
