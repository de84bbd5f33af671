//! Reply to `get_file_list`:
//! `{"file_list":[{"file_type","file_name","file_size","start_time","end_time","extra_info"}]}`.

use serde_json::Value;

use crate::command::FileType;
use crate::error::ParseError;
use crate::json::Object;

use super::record_index::read_list;
use super::{MAX_READ_BYTES, Writer, array};

const MESSAGE: &str = "get_file_list reply";

/// One file of a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its kind.
    pub file_type: FileType,
    /// The name to download it by.
    pub file_name: String,
    /// Bytes.
    pub file_size: u64,
    /// Unix seconds.
    pub start_time: u64,
    /// Unix seconds.
    pub end_time: u64,
    /// The maker's own text, often JSON.
    pub extra_info: String,
}

/// Reply to `get_file_list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileList {
    /// As the camera lists them.
    pub file_list: Vec<File>,
}

impl FileList {
    /// Reads the reply. `extra_info` may be JSON that is not wrapped in text; it is kept as its text.
    ///
    /// # Errors
    /// Which field is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut object = Object::decode(MESSAGE, bytes, MAX_READ_BYTES)?;
        let file_list = read_list(&mut object, "file_list")?
            .iter()
            .map(|object| {
                Ok(File {
                    file_type: FileType::from_number(object.number("file_type")?.unwrap_or(0)),
                    file_name: object.required_text("file_name")?,
                    file_size: object.number("file_size")?.unwrap_or(0),
                    start_time: object.required_number("start_time")?,
                    end_time: object.required_number("end_time")?,
                    extra_info: match object.value("extra_info") {
                        None => String::new(),
                        Some(Value::String(text)) => text.clone(),
                        Some(json) => json.to_string(),
                    },
                })
            })
            .collect::<Result<_, ParseError>>()?;
        Ok(Self { file_list })
    }

    /// The documents' form.
    pub fn encode(&self) -> String {
        let list = array(self.file_list.iter().map(|file| {
            Writer::new()
                .field("file_type", file.file_type.number())
                .field("file_name", &file.file_name)
                .field("file_size", file.file_size)
                .field("start_time", file.start_time)
                .field("end_time", file.end_time)
                .field("extra_info", &file.extra_info)
                .end()
        }));
        Writer::new().json("file_list", &list).end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_documents_form_and_reads_it_back() {
        let text = r#"{"file_list":[{"file_type":"0","file_name":"a.mp4","file_size":"1048576","start_time":"1783440600","end_time":"1783441200","extra_info":""}]}"#;
        let list = FileList::decode(text.as_bytes()).unwrap();
        assert_eq!(list.file_list[0].file_size, 1 << 20);
        assert_eq!(list.encode(), text);
    }

    #[test]
    fn reads_numbers_missing_fields_and_bare_json_in_extra_info() {
        let text = r#"{"file_list":[{"file_type":1,"file_name":"b.jpg","start_time":1,"end_time":1,"extra_info":{"k":1}}]}"#;
        let list = FileList::decode(text.as_bytes()).unwrap();
        assert_eq!(
            list.file_list,
            [File {
                file_type: FileType::Picture,
                file_name: "b.jpg".into(),
                file_size: 0,
                start_time: 1,
                end_time: 1,
                extra_info: r#"{"k":1}"#.into(),
            }]
        );
        assert_eq!(FileList::decode(list.encode().as_bytes()), Ok(list));
    }

    #[test]
    fn errors_name_the_field() {
        for (text, field) in [
            ("{}", "file_list"),
            (r#"{"file_list":[{}]}"#, "file_name"),
            (r#"{"file_list":[{"file_name":"a"}]}"#, "start_time"),
            (
                r#"{"file_list":[{"file_name":"a","start_time":1,"end_time":2,"file_size":"big"}]}"#,
                "file_size",
            ),
        ] {
            assert_eq!(
                FileList::decode(text.as_bytes()).unwrap_err().field(),
                field,
                "{text}"
            );
        }
    }
}
