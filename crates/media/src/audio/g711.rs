//! G.711 A-law and µ-law (ITU-T G.711), sample by sample.

/// One A-law byte as 16-bit linear.
pub fn alaw_to_linear(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = (byte >> 4 & 7, i16::from(byte & 0x0f));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        e => ((mantissa << 4) + 0x108) << (e - 1),
    };
    if byte & 0x80 != 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// One µ-law byte as 16-bit linear.
pub fn ulaw_to_linear(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((i16::from(byte & 0x0f) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84;
    if byte & 0x80 != 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// 16-bit linear as one A-law byte.
pub fn linear_to_alaw(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 {
        (0x80, sample)
    } else {
        (0, !sample)
    };
    let exponent = (i16::BITS - 1 - (magnitude >> 7).leading_zeros().min(15)) as u8;
    let bits = match magnitude >> 8 {
        0 => (magnitude >> 4) as u8,
        _ => exponent << 4 | (magnitude >> (exponent + 3) & 0x0f) as u8,
    };
    (sign | bits) ^ 0x55
}

/// 16-bit linear as one µ-law byte.
pub fn linear_to_ulaw(sample: i16) -> u8 {
    const BIAS: i32 = 0x84;
    const CLIP: i32 = 32_635;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(CLIP) + BIAS;
    let exponent = (31 - (magnitude >> 7).leading_zeros()) as u8;
    let mantissa = (magnitude >> (exponent + 3) & 0x0f) as u8;
    !(sign | exponent << 4 | mantissa)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the tables in ITU-T G.711, scaled to 16 bits.
    #[test]
    fn known_values_decode() {
        assert_eq!((alaw_to_linear(0xd5), alaw_to_linear(0x55)), (8, -8));
        assert_eq!(
            (alaw_to_linear(0xaa), alaw_to_linear(0x2a)),
            (32_256, -32_256)
        );
        assert_eq!((ulaw_to_linear(0xff), ulaw_to_linear(0x7f)), (0, 0));
        assert_eq!(
            (ulaw_to_linear(0x80), ulaw_to_linear(0x00)),
            (32_124, -32_124)
        );
    }

    #[test]
    fn every_byte_survives_decode_and_encode() {
        for byte in 0..=255 {
            assert_eq!(
                linear_to_alaw(alaw_to_linear(byte)),
                byte,
                "A-law {byte:#x}"
            );
            // 0x7f is minus zero: it reads as zero, which is written 0xff.
            let expected = if byte == 0x7f { 0xff } else { byte };
            assert_eq!(
                linear_to_ulaw(ulaw_to_linear(byte)),
                expected,
                "µ-law {byte:#x}"
            );
        }
    }

    #[test]
    fn every_sample_stays_near() {
        for sample in i16::MIN..=i16::MAX {
            let near = |got: i16| {
                (i32::from(got) - i32::from(sample)).abs() <= i32::from(sample).abs() / 16 + 16
            };
            assert!(
                near(alaw_to_linear(linear_to_alaw(sample))),
                "A-law {sample}"
            );
            let limit = sample.clamp(-32_124, 32_124);
            assert!(
                near(ulaw_to_linear(linear_to_ulaw(sample))) || limit != sample,
                "µ-law {sample}"
            );
        }
    }
}
