//! Boxes: `size:u32 name:[u8; 4] body` (ISO/IEC 14496-12, 4.2).

use super::Error;

/// Bytes of a box's head.
pub(super) const BOX: usize = 8;
/// Bytes of the head of a `uuid` box.
pub(super) const UUID_BOX: usize = 24;

/// Appends a box whose body `fill` writes.
pub(super) fn put(out: &mut Vec<u8>, name: &[u8; 4], fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(name);
    fill(out);
    let size = (out.len() - start) as u32;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&size.to_be_bytes());
    }
}

/// Appends a box with version and flags in front of its body.
pub(super) fn put_full(
    out: &mut Vec<u8>,
    name: &[u8; 4],
    version: u8,
    flags: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    put(out, name, |out| {
        put_u32(out, u32::from(version) << 24 | flags);
        fill(out);
    });
}

pub(super) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn put_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Numbers out of bytes, front to back.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (first, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(Error::Damaged("a box is cut off"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(Error::Damaged("a box is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// Version and flags.
    pub(super) fn full(&mut self) -> Result<(u8, u32), Error> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    /// The next box: its name and its body. `None` at the end.
    pub(super) fn next_box(&mut self) -> Result<Option<([u8; 4], Self)>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let (size, name) = (self.u32()? as usize, self.array()?);
        let body = size
            .checked_sub(BOX)
            .ok_or(Error::Damaged("a box smaller than its head"))?;
        Ok(Some((name, Self(self.take(body)?))))
    }

    /// The body of the first box of that name.
    pub(super) fn find(mut self, name: &[u8; 4]) -> Result<Self, Error> {
        while let Some((found, body)) = self.next_box()? {
            if &found == name {
                return Ok(body);
            }
        }
        Err(Error::Damaged("a box is missing"))
    }
}
