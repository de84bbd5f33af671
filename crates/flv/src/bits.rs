//! Bits, Exp-Golomb numbers and emulation prevention (ITU-T H.264 7.2, 7.3.1, 9.1; H.265 the same).

use crate::error::Malformed;

/// Removes emulation prevention bytes: `00 00 03` becomes `00 00` (H.264 7.4.1).
pub(crate) fn unescape(nal: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Inserts emulation prevention bytes.
pub(crate) fn escape(rbsp: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rbsp.len() + 4);
    let mut zeros = 0;
    for &byte in rbsp {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Reads bits, most significant first.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bits read so far.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Malformed> {
        let byte = self.bytes.get(self.at / 8).ok_or(Malformed::Truncated)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// At most 32 bits.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, Malformed> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Ok(value)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        let at = self.at.saturating_add(count);
        if at > self.bytes.len() * 8 {
            return Err(Malformed::Truncated);
        }
        self.at = at;
        Ok(())
    }

    /// Exp-Golomb, unsigned (H.264 9.1).
    pub(crate) fn ue(&mut self) -> Result<u32, Malformed> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return Err(Malformed::Value {
                    field: "Exp-Golomb prefix",
                    value: zeros.into(),
                });
            }
        }
        Ok((1u32 << zeros) - 1 + self.bits(zeros)?)
    }

    /// Exp-Golomb, signed (H.264 9.1.1).
    pub(crate) fn se(&mut self) -> Result<i32, Malformed> {
        let code = i64::from(self.ue()?);
        let value = if code % 2 == 1 {
            (code + 1) / 2
        } else {
            -(code / 2)
        };
        // A code of 32 bits reaches 2^31, one past i32; nothing that is parsed here comes near.
        i32::try_from(value).map_err(|_| Malformed::Value {
            field: "se(v)",
            value,
        })
    }

    /// An unsigned number that may not exceed `most`.
    pub(crate) fn ue_to(&mut self, most: u32, field: &'static str) -> Result<u32, Malformed> {
        let value = self.ue()?;
        if value > most {
            return Err(Malformed::Value {
                field,
                value: value.into(),
            });
        }
        Ok(value)
    }
}

/// Writes bits, most significant first.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits used of the last byte, 0 when it is full.
    used: u32,
}

impl BitWriter {
    pub(crate) fn flag(&mut self, bit: bool) {
        if self.used == 0 {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(bit) << (7 - self.used);
        }
        self.used = (self.used + 1) % 8;
    }

    /// The low `count` bits of `value`.
    pub(crate) fn bits(&mut self, value: u32, count: u32) {
        for shift in (0..count).rev() {
            self.flag(value >> shift & 1 == 1);
        }
    }

    /// Exp-Golomb, unsigned. `value` below 2^32 - 1.
    pub(crate) fn ue(&mut self, value: u32) {
        let code = u64::from(value) + 1;
        let length = 64 - code.leading_zeros();
        self.bits(0, length - 1);
        for shift in (0..length).rev() {
            self.flag(code >> shift & 1 == 1);
        }
    }

    /// Bits `from..to` of other bytes.
    pub(crate) fn copy(&mut self, bytes: &[u8], from: usize, to: usize) {
        for at in from..to.min(bytes.len() * 8) {
            self.flag(bytes[at / 8] >> (7 - at % 8) & 1 == 1);
        }
    }

    /// Ends with the stop bit and zeros to the next byte (rbsp_trailing_bits, H.264 7.3.2.11).
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.flag(true);
        self.bytes
    }
}

/// Where the stop bit of an RBSP stands: its last bit that is one.
pub(crate) fn stop_bit(rbsp: &[u8]) -> Option<usize> {
    let last = rbsp.iter().rposition(|&byte| byte != 0)?;
    Some(last * 8 + 7 - rbsp[last].trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 2, 7, 8, 255, 65_535, u32::MAX - 1] {
            let mut writer = BitWriter::default();
            writer.bits(5, 3);
            writer.ue(value);
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            assert_eq!((reader.bits(3), reader.ue()), (Ok(5), Ok(value)));
            assert_eq!(stop_bit(&bytes), Some(reader.position()));
        }
    }

    #[test]
    fn signed_numbers_alternate() {
        let mut writer = BitWriter::default();
        (0..5).for_each(|code| writer.ue(code));
        let bytes = writer.finish();
        let mut reader = BitReader::new(&bytes);
        assert_eq!(
            (0..5).map(|_| reader.se().unwrap()).collect::<Vec<_>>(),
            [0, 1, -1, 2, -2]
        );
    }

    #[test]
    fn escaping_is_undone() {
        for rbsp in [
            &[0, 0, 0, 0, 0, 1][..],
            &[0, 0, 3],
            &[0, 0, 1],
            &[0, 0, 4, 0, 0],
            &[],
            &[3, 0, 0, 2, 0, 0, 0],
        ] {
            let escaped = escape(rbsp);
            assert_eq!(unescape(&escaped), rbsp);
            assert!(
                escaped
                    .windows(3)
                    .all(|three| three[..2] != [0, 0] || three[2] >= 3)
            );
        }
    }

    #[test]
    fn an_endless_prefix_is_an_error() {
        assert!(BitReader::new(&[0; 16]).ue().is_err());
        assert_eq!(BitReader::new(&[0; 2]).ue(), Err(Malformed::Truncated));
    }
}
