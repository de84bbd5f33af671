//! One record of the index. Each has a checksum of its own, so that damage takes one record and no more.
//!
//! ```text
//! record = "PHIX" what:u8 label:u8 hashed:u8 0 number:u64 start_ms:i64 end_ms:i64 bytes:u64 sha256:[u8; 32] 0:u32 crc32:u32
//! ```
//! Numbers are little endian. `label` is the kind of a recording and bit 4 for a clock that was right.

/// Bytes of a record.
pub const RECORD: usize = 80;
const MAGIC: [u8; 4] = *b"PHIX";

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A segment is complete.
    Segment,
    /// A picture was taken.
    Picture,
    /// The file with that number was deleted.
    Deleted,
    /// Something moved.
    Event,
}

impl What {
    const ALL: [(u8, Self); 4] = [
        (1, Self::Segment),
        (2, Self::Picture),
        (3, Self::Deleted),
        (4, Self::Event),
    ];
}

/// One record. What it has no use for is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it tells.
    pub what: What,
    /// The segment's label.
    pub label: u8,
    /// The file's running number.
    pub number: u64,
    /// Unix milliseconds.
    pub start_ms: i64,
    /// Unix milliseconds.
    pub end_ms: i64,
    /// Length of the file.
    pub bytes: u64,
    /// Its hash, if it is known.
    pub sha256: Option<[u8; 32]>,
}

impl Record {
    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; RECORD] {
        let mut out = Vec::with_capacity(RECORD);
        let what = What::ALL.iter().find(|(_, what)| *what == self.what);
        out.extend_from_slice(&MAGIC);
        out.push(what.map_or(0, |(code, _)| *code));
        out.extend_from_slice(&[self.label, u8::from(self.sha256.is_some()), 0]);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.start_ms.to_le_bytes());
        out.extend_from_slice(&self.end_ms.to_le_bytes());
        out.extend_from_slice(&self.bytes.to_le_bytes());
        out.extend_from_slice(&self.sha256.unwrap_or_default());
        out.extend_from_slice(&[0; 4]);
        let sum = crc32fast::hash(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        let mut record = [0; RECORD];
        record.copy_from_slice(&out);
        record
    }

    /// Reads one; `None` if it is damaged.
    pub fn parse(bytes: &[u8; RECORD]) -> Option<Self> {
        let mut rest = &bytes[..];
        let summed = rest.get(..RECORD - 4)?;
        let magic: [u8; 4] = take(&mut rest)?;
        let [what, label, hashed, _] = take(&mut rest)?;
        let number = u64::from_le_bytes(take(&mut rest)?);
        let start_ms = i64::from_le_bytes(take(&mut rest)?);
        let end_ms = i64::from_le_bytes(take(&mut rest)?);
        let length = u64::from_le_bytes(take(&mut rest)?);
        let sha256: [u8; 32] = take(&mut rest)?;
        let _: [u8; 4] = take(&mut rest)?;
        let sum = u32::from_le_bytes(take(&mut rest)?);
        if magic != MAGIC || sum != crc32fast::hash(summed) || end_ms < start_ms {
            return None;
        }
        Some(Self {
            what: What::ALL.iter().find(|(code, _)| *code == what)?.1,
            label,
            number,
            start_ms,
            end_ms,
            bytes: length,
            sha256: (hashed == 1).then_some(sha256),
        })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

/// What an index file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The records that can be read, in order.
    pub records: Vec<Record>,
    /// How many cannot, a torn one at the end included.
    pub damaged: usize,
}

/// Reads the bytes of an index.
pub fn parse(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let (whole, torn) = bytes.as_chunks::<RECORD>();
    for record in whole {
        match Record::parse(record) {
            Some(record) => contents.records.push(record),
            None => contents.damaged += 1,
        }
    }
    contents.damaged += usize::from(!torn.is_empty());
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> Record {
        Record {
            what: What::Segment,
            label: 0x12,
            number,
            start_ms: 1_796_049_000_123,
            end_ms: 1_796_049_060_123,
            bytes: 15_000_000,
            sha256: number.is_multiple_of(2).then_some([7; 32]),
        }
    }

    #[test]
    fn records_read_back_and_damage_to_any_byte_takes_its_record_only() {
        let records: Vec<Record> = (0..5).map(record).collect();
        let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        assert_eq!(parse(&bytes).records, records);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let contents = parse(&damaged);
                let mut left = records.clone();
                left.remove(at / RECORD);
                assert_eq!((contents.records, contents.damaged), (left, 1), "byte {at}");
            }
        }
    }

    #[test]
    fn a_torn_end_takes_the_last_record_only() {
        let records: Vec<Record> = (0..3).map(record).collect();
        let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        for length in 0..bytes.len() {
            let contents = parse(&bytes[..length]);
            assert_eq!(contents.records, records[..length / RECORD]);
            assert_eq!(contents.damaged, usize::from(length % RECORD != 0));
        }
    }
}
