//! Reply to `file_hash`: `{"result":"0","sha256":"<64 hex>","size":"<bytes>"}`.

use crate::digest::Sha256;
use crate::error::ParseError;
use crate::json::Object;

use super::{MAX_READ_BYTES, Writer, done};

const MESSAGE: &str = "file_hash reply";

/// What a download gives when it is whole. A refusal is read as a [`UserReply`](super::UserReply).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHash {
    /// Of all its bytes.
    pub sha256: Sha256,
    /// Bytes.
    pub size: u64,
}

impl FileHash {
    /// Reads the reply.
    ///
    /// # Errors
    /// Which field is wrong; `result` if the camera refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        done(&object)?;
        let sha256 = object.required_text("sha256")?;
        Ok(Self {
            sha256: sha256
                .parse()
                .map_err(|_| ParseError::invalid(MESSAGE, "sha256", &sha256, "64 hex digits"))?,
            size: object.required_number("size")?,
        })
    }

    /// One JSON object.
    pub fn encode(&self) -> String {
        Writer::new()
            .field("result", 0)
            .field("sha256", self.sha256)
            .field("size", self.size)
            .end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_its_form_and_reads_it_back() {
        let hash = FileHash {
            sha256: Sha256([0xab; 32]),
            size: 1 << 40,
        };
        let text = format!(
            r#"{{"result":"0","sha256":"{}","size":"1099511627776"}}"#,
            "ab".repeat(32)
        );
        assert_eq!(hash.encode(), text);
        assert_eq!(FileHash::decode(text.as_bytes()), Ok(hash));
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            (r#"{"result":"-2701","error":"no_such_file"}"#, "result"),
            (r#"{"result":0}"#, "sha256"),
            (r#"{"result":0,"sha256":"zz","size":1}"#, "sha256"),
        ] {
            assert_eq!(
                FileHash::decode(text.as_bytes()).unwrap_err().field(),
                field
            );
        }
    }
}
