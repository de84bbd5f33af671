//! NAL units in their two wrappings: with start codes (Annex B of H.264 and H.265) and with length prefixes (ISO/IEC
//! 14496-15, what FLV and MP4 carry).

use crate::error::Malformed;

/// The start code that is written, with the zero_byte (H.264 B.1.1).
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Size of a length prefix that [`annexb_to_length`] writes.
pub const LENGTH_SIZE: u8 = 4;

/// Checks a NAL length size: 1, 2 or 4 (ISO/IEC 14496-15 5.3.3.1.2; 3 is forbidden there).
///
/// # Errors
/// Any other size.
pub fn check_length_size(size: u8) -> Result<(), Malformed> {
    match size {
        1 | 2 | 4 => Ok(()),
        _ => Err(Malformed::Value {
            field: "NAL length size",
            value: size.into(),
        }),
    }
}

/// The NAL units of length-prefixed data. Empty ones are passed over; a length beyond the data ends the iteration with
/// one error.
///
/// `length_size` is 1, 2 or 4; anything else gives one error.
pub fn split_lengths(data: &[u8], length_size: u8) -> Lengths<'_> {
    Lengths {
        rest: data,
        length_size,
    }
}

/// Iterator of [`split_lengths`].
#[derive(Debug, Clone)]
pub struct Lengths<'a> {
    rest: &'a [u8],
    length_size: u8,
}

impl<'a> Lengths<'a> {
    fn read(&mut self) -> Result<&'a [u8], Malformed> {
        check_length_size(self.length_size)?;
        let (prefix, rest) = self
            .rest
            .split_at_checked(self.length_size.into())
            .ok_or(Malformed::Truncated)?;
        let length = prefix
            .iter()
            .fold(0, |length, &byte| length << 8 | usize::from(byte));
        let (nal, rest) = rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(nal)
    }
}

impl<'a> Iterator for Lengths<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.read() {
                Ok([]) => {}
                Ok(nal) => return Some(Ok(nal)),
                Err(error) => {
                    self.rest = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// The NAL units of an Annex B stream, without start codes and without the zeros behind them. Bytes before the first
/// start code are passed over, empty units too.
pub fn split_annexb(data: &[u8]) -> AnnexB<'_> {
    let rest = find_start_code(data).map_or(&[][..], |(_, behind)| &data[behind..]);
    AnnexB { rest }
}

/// Iterator of [`split_annexb`].
#[derive(Debug, Clone)]
pub struct AnnexB<'a> {
    /// What is behind the last start code found.
    rest: &'a [u8],
}

impl<'a> Iterator for AnnexB<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (end, behind) =
                find_start_code(self.rest).unwrap_or((self.rest.len(), self.rest.len()));
            let nal = &self.rest[..end];
            self.rest = &self.rest[behind..];
            // trailing_zero_8bits, and the zero_byte of a four-byte start code (H.264 B.1.1).
            let length = nal
                .iter()
                .rposition(|&byte| byte != 0)
                .map_or(0, |last| last + 1);
            if length > 0 {
                return Some(&nal[..length]);
            }
        }
        None
    }
}

/// Where the first `00 00 01` begins and ends.
fn find_start_code(data: &[u8]) -> Option<(usize, usize)> {
    let mut at = 2;
    while let Some(&byte) = data.get(at) {
        // The third byte decides how far to leap.
        match byte {
            1 if data[at - 2..at] == [0, 0] => return Some((at - 2, at + 1)),
            0 => at += 1,
            _ => at += 3,
        }
    }
    None
}

/// Appends an Annex B stream as NAL units with four-byte length prefixes. Gives how many units there were.
pub fn annexb_to_length(data: &[u8], out: &mut Vec<u8>) -> usize {
    split_annexb(data).map(|nal| push_length(nal, out)).count()
}

/// Appends one NAL unit with a four-byte length prefix.
pub fn push_length(nal: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(nal.len() as u32).to_be_bytes());
    out.extend_from_slice(nal);
}

/// Appends length-prefixed NAL units as an Annex B stream. Gives how many units there were.
///
/// # Errors
/// A length size other than 1, 2, 4, or a length beyond the data. The units before it have been appended.
pub fn length_to_annexb(
    data: &[u8],
    length_size: u8,
    out: &mut Vec<u8>,
) -> Result<usize, Malformed> {
    let mut count = 0;
    for nal in split_lengths(data, length_size) {
        push_annexb(nal?, out);
        count += 1;
    }
    Ok(count)
}

/// Appends one NAL unit with a start code.
pub fn push_annexb(nal: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(nal);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annexb(data: &[u8]) -> Vec<&[u8]> {
        split_annexb(data).collect()
    }

    #[test]
    fn start_codes_of_both_lengths_split() {
        let data = b"junk\0\0\0\x01\x67ab\0\0\x01\x68c\0\0\0\0\x01\x65\0\x03d\0\0";
        assert_eq!(annexb(data), [&b"\x67ab"[..], b"\x68c", b"\x65\0\x03d"]);
        assert!(annexb(b"no start code at all").is_empty());
        assert!(annexb(b"\0\0\x01\0\0\x01\0\0\0\x01").is_empty());
        assert!(annexb(b"").is_empty());
    }

    #[test]
    fn the_search_for_start_codes_agrees_with_the_plain_one() {
        // All strings of length 9 over {0, 1, 2}.
        for code in 0..3u32.pow(9) {
            let data: Vec<u8> = (0..9)
                .map(|digit| (code / 3u32.pow(digit) % 3) as u8)
                .collect();
            let plain = data
                .windows(3)
                .position(|three| three == [0, 0, 1])
                .map(|at| (at, at + 3));
            assert_eq!(find_start_code(&data), plain, "{data:?}");
        }
    }

    #[test]
    fn both_ways_agree() {
        let data = b"\0\0\0\x01\x67ab\0\0\0\x01\x68c";
        let (mut lengths, mut back) = (Vec::new(), Vec::new());
        assert_eq!(annexb_to_length(data, &mut lengths), 2);
        assert_eq!(lengths, b"\0\0\0\x03\x67ab\0\0\0\x02\x68c");
        assert_eq!(length_to_annexb(&lengths, 4, &mut back), Ok(2));
        assert_eq!(back, data);
    }

    #[test]
    fn every_length_size_reads_and_empty_units_make_progress() {
        let nals = |data, size| split_lengths(data, size).collect::<Result<Vec<_>, _>>();
        assert_eq!(nals(b"\x01a\0\x02bc", 1), Ok(vec![&b"a"[..], b"bc"]));
        assert_eq!(nals(b"\0\x01a\0\0\0\x02bc", 2), Ok(vec![&b"a"[..], b"bc"]));
        assert_eq!(nals(&[0; 4096], 4), Ok(vec![]));
        assert_eq!(nals(b"\0\0\0\x09a", 4), Err(Malformed::Truncated));
        assert_eq!(nals(b"\xFF\xFF\xFF\xFFa", 4), Err(Malformed::Truncated));
        assert_eq!(nals(b"\0\0\0", 4), Err(Malformed::Truncated));
        for size in [0, 3, 5, 255] {
            assert!(nals(b"\0\0\0\x01a", size).is_err());
            assert_eq!(split_lengths(b"\0\0\0\0\0", size).count(), 1);
        }
    }
}
