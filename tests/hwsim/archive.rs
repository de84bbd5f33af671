//! The kernel's archive format for its first file system: cpio with "new ASCII" headers
//! (kernel, `Documentation/driver-api/early-userspace/buffer-format.rst`).

/// Names of a kind of entry in the mode field.
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const MAGIC: &str = "070701";
const TRAILER: &str = "TRAILER!!!";

/// An archive being written.
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            entries: 0,
        }
    }

    /// Adds a folder; its parents come before it.
    pub(crate) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER | 0o755, &[]);
    }

    /// Adds a file.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, FILE | mode, content);
    }

    /// The archive's bytes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry(TRAILER, 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let (size, name_size) = (content.len() as u32, path.len() as u32 + 1);
        // Inode, mode, owner, group, links, time, size, device ×2, special device ×2, name's size, check sum.
        let fields = [
            self.entries,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            0,
            0,
            name_size,
            0,
        ];
        self.bytes.extend_from_slice(MAGIC.as_bytes());
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_header_of_110_digits_a_name_and_a_content_in_words_of_four_bytes() {
        let mut archive = Archive::new();
        archive.folder("bin");
        archive.file("init", 0o755, b"hello");
        let bytes = archive.finish();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("0707010000000100 0041ED".replace(' ', "").as_str()));
        assert_eq!(&bytes[110..114], b"bin\0");
        let second = 116;
        assert_eq!(&bytes[second..second + 6], b"070701");
        assert_eq!(&text[second + 14..second + 22], "000081ED");
        assert_eq!(&text[second + 54..second + 62], "00000005");
        assert_eq!(&bytes[second + 110..second + 115], b"init\0");
        assert_eq!(&bytes[second + 116..second + 121], b"hello");
        assert!(text.contains("TRAILER!!!") && bytes.len().is_multiple_of(4));
    }
}
