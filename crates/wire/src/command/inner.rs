//! `action=inner_define`: the commands every camera knows.

use crate::error::ParseError;
use crate::query::Query;
use crate::stream::{MIN_SPAN_SECONDS, Quality, SessionName};

use super::MESSAGE;
use super::playback::PlaybackAct;

/// What `get_device_st` asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusOf {
    /// May I watch? Taken when no `type` is given.
    Live,
    /// May I talk?
    Voice,
    /// May I play back?
    Playback,
}

impl StatusOf {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Voice => "voice",
            Self::Playback => "playback",
        }
    }
}

/// Kind of file on a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileType {
    /// `0`
    Video,
    /// `1`
    Picture,
    /// A number of the maker's own.
    Other(u32),
}

impl FileType {
    /// The number on the wire.
    pub fn number(self) -> u32 {
        match self {
            Self::Video => 0,
            Self::Picture => 1,
            Self::Other(number) => number,
        }
    }

    /// The kind of that number.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Video,
            1 => Self::Picture,
            other => Self::Other(other),
        }
    }
}

/// A built-in command. Times are unix seconds unless a name says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Inner {
    /// May this stream be started, and how many watch? Reply: [`DeviceStatus`](super::reply::DeviceStatus).
    GetDeviceSt {
        /// Which stream.
        kind: StatusOf,
        /// In which quality, for live.
        quality: Option<Quality>,
    },
    /// The cameras behind a recorder. Reply: [`NvrList`](super::reply::NvrList).
    GetNvrList,
    /// The recordings of a time. Reply: [`RecordIndex`](super::reply::RecordIndex).
    GetRecordIndex {
        /// From.
        start_time: u64,
        /// To, at least 5 s later.
        end_time: u64,
        /// The maker's kind of recording, if only one is wanted.
        kind: Option<u32>,
    },
    /// The days of a month that have recordings. Reply: [`MonthRecord`](super::reply::MonthRecord).
    GetMonthRecord {
        /// 1970 to 9999.
        year: u16,
        /// 1 to 12.
        month: u8,
    },
    /// The files of a time. Reply: [`FileList`](super::reply::FileList).
    GetFileList {
        /// From.
        start_time: u64,
        /// To, not before `start_time`.
        end_time: u64,
        /// Which kind.
        file_type: FileType,
    },
    /// Steer a running playback.
    Playback {
        /// Which one; the asking viewer's newest if not given.
        session: Option<SessionName>,
        /// What it shall do.
        act: PlaybackAct,
    },
}

impl Inner {
    /// The value of `cmd`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GetDeviceSt { .. } => "get_device_st",
            Self::GetNvrList => "get_nvr_list",
            Self::GetRecordIndex { .. } => "get_record_index",
            Self::GetMonthRecord { .. } => "get_month_record",
            Self::GetFileList { .. } => "get_file_list",
            Self::Playback { act, .. } => act.name(),
        }
    }

    pub(super) fn read(query: &Query<'_>) -> Result<Self, ParseError> {
        const COMMANDS: &str = "a built-in command such as get_device_st";
        let cmd = query
            .raw("cmd")
            .ok_or_else(|| ParseError::missing(MESSAGE, "cmd", COMMANDS))?;
        Ok(match cmd {
            "get_device_st" => Self::GetDeviceSt {
                kind: read_status_of(query)?,
                quality: Quality::read(MESSAGE, query)?,
            },
            "get_nvr_list" => Self::GetNvrList,
            "get_record_index" => {
                let (start_time, end_time) = query.times(MIN_SPAN_SECONDS)?;
                Self::GetRecordIndex {
                    start_time,
                    end_time,
                    kind: query.number("type", "a number")?,
                }
            }
            "get_month_record" => read_month(query)?,
            "get_file_list" => {
                let (start_time, end_time) = query.times(0)?;
                let file_type = query.required_number("file_type", "0 (video) or 1 (picture)")?;
                Self::GetFileList {
                    start_time,
                    end_time,
                    file_type: FileType::from_number(file_type),
                }
            }
            other => match PlaybackAct::read(other, query)? {
                Some(act) => Self::Playback {
                    session: SessionName::read(MESSAGE, query)?,
                    act,
                },
                None => return Err(ParseError::unsupported(MESSAGE, "cmd", other, COMMANDS)),
            },
        })
    }

    /// `cmd=…` with its parameters, in the documents' order.
    pub(super) fn to_query(&self) -> String {
        let mut text = format!("cmd={}", self.name());
        match self {
            Self::GetDeviceSt { kind, quality } => {
                text.push_str(&format!("&type={}", kind.name()));
                if let Some(quality) = quality {
                    text.push_str(&format!("&quality={quality}"));
                }
            }
            Self::GetRecordIndex {
                start_time,
                end_time,
                kind,
            } => {
                text.push_str(&format!("&start_time={start_time}&end_time={end_time}"));
                if let Some(kind) = kind {
                    text.push_str(&format!("&type={kind}"));
                }
            }
            Self::GetMonthRecord { year, month } => {
                text.push_str(&format!("&time={year:04}{month:02}"));
            }
            Self::GetFileList {
                start_time,
                end_time,
                file_type,
            } => text.push_str(&format!(
                "&start_time={start_time}&end_time={end_time}&file_type={}",
                file_type.number()
            )),
            Self::Playback { session, act } => {
                act.write(&mut text);
                if let Some(session) = session {
                    text.push_str(&format!("&session={session}"));
                }
            }
            Self::GetNvrList => {}
        }
        text
    }
}

fn read_status_of(query: &Query<'_>) -> Result<StatusOf, ParseError> {
    match query.raw("type") {
        None | Some("live") => Ok(StatusOf::Live),
        Some("voice") => Ok(StatusOf::Voice),
        Some("playback") => Ok(StatusOf::Playback),
        Some(other) => Err(ParseError::invalid(
            MESSAGE,
            "type",
            other,
            "live, voice or playback",
        )),
    }
}

fn read_month(query: &Query<'_>) -> Result<Inner, ParseError> {
    const YYYYMM: &str = "yyyymm, such as 202607";
    let raw = query
        .raw("time")
        .ok_or_else(|| ParseError::missing(MESSAGE, "time", YYYYMM))?;
    let number: Option<u32> = crate::text::digits(raw).filter(|_| raw.len() == 6);
    let month = number.map(|number| ((number / 100) as u16, (number % 100) as u8));
    match month {
        Some((year @ 1970..=9999, month @ 1..=12)) => Ok(Inner::GetMonthRecord { year, month }),
        _ => Err(ParseError::invalid(MESSAGE, "time", raw, YYYYMM)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, Seek};

    fn inner(parameters: &str) -> Result<Inner, ParseError> {
        match Command::parse(&format!("action=inner_define&channel=0&{parameters}"))? {
            Command::Inner { cmd, .. } => Ok(cmd),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_command_round_trips_in_the_documents_order() {
        for parameters in [
            "cmd=get_device_st&type=live&quality=standard",
            "cmd=get_device_st&type=voice",
            "cmd=get_device_st&type=playback",
            "cmd=get_record_index&start_time=1783440000&end_time=1783526399",
            "cmd=get_record_index&start_time=1&end_time=6&type=2",
            "cmd=get_month_record&time=202607",
            "cmd=get_file_list&start_time=1783440000&end_time=1783526399&file_type=0",
            "cmd=get_file_list&start_time=1&end_time=1&file_type=1",
            "cmd=playback_pause",
            "cmd=playback_resume",
            "cmd=playback_seek&time=1783440600",
            "cmd=playback_seek&progress=15000",
            "cmd=playback_progress",
            "cmd=playback_speed&speed=80",
            "cmd=playback_ff&speed=0",
            "cmd=playback_ff&speed=3",
            "cmd=playback_rewind&start_time=10&end_time=20",
            "cmd=playback_pause&session=left",
            "cmd=playback_seek&progress=15000&session=4-k_x",
        ] {
            assert_eq!(inner(parameters).unwrap().to_query(), parameters);
        }
    }

    #[test]
    fn get_nvr_list_is_written_without_a_channel_and_read_with_one() {
        let text = "action=inner_define&cmd=get_nvr_list";
        let command = Command::parse(text).unwrap();
        assert_eq!(command.to_query(), text);
        let with = "action=inner_define&channel=3&cmd=get_nvr_list";
        assert_eq!(Command::parse(with).unwrap().to_query(), with);
        assert!(Command::parse("action=inner_define&cmd=get_nvr_list&nvr=name").is_ok());
    }

    #[test]
    fn old_spellings_are_read() {
        assert_eq!(
            inner("cmd=get_device_st&qualtity=super"),
            Ok(Inner::GetDeviceSt {
                kind: StatusOf::Live,
                quality: Some(Quality::Super)
            })
        );
        assert_eq!(
            inner("cmd=playback_seek&time=5&progress=7"),
            Ok(Inner::Playback {
                session: None,
                act: PlaybackAct::Seek(Seek::Progress(7))
            })
        );
    }

    #[test]
    fn errors_name_the_parameter() {
        for (parameters, field) in [
            ("cmd=get_device_st&type=dance", "type"),
            ("cmd=get_device_st&quality=best", "quality"),
            ("cmd=get_record_index&start_time=1&end_time=5", "end_time"),
            ("cmd=get_record_index&end_time=5", "start_time"),
            (
                "cmd=get_record_index&start_time=1&end_time=9&type=x",
                "type",
            ),
            ("cmd=get_month_record", "time"),
            ("cmd=get_month_record&time=202613", "time"),
            ("cmd=get_month_record&time=202600", "time"),
            ("cmd=get_month_record&time=20267", "time"),
            ("cmd=get_month_record&time=196912", "time"),
            (
                "cmd=get_file_list&start_time=2&end_time=1&file_type=0",
                "end_time",
            ),
            ("cmd=get_file_list&start_time=1&end_time=2", "file_type"),
            ("cmd=playback_seek", "progress"),
            ("cmd=playback_seek&progress=-1", "progress"),
            ("cmd=playback_speed", "speed"),
            ("cmd=playback_ff&speed=4", "speed"),
            ("cmd=playback_rewind&start_time=1", "end_time"),
            ("cmd=playback_pause&session=a.b", "session"),
            ("cmd=recv_stop", "cmd"),
        ] {
            assert_eq!(
                inner(parameters).unwrap_err().field(),
                field,
                "{parameters}"
            );
        }
    }
}
