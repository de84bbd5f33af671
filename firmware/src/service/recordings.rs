//! Commands about the card: which days, stretches and files there are, how it is, what is recorded.
//!
//! A list says the oldest first and ends before a reply would be too long for old viewers
//! ([`MAX_REPLY_BYTES`]): whoever wants the rest asks again from the end of the last entry on.

use p2p::Response;
use wire::command::reply::{
    CardState, CardStatus, Event, Events, File, FileList, MAX_REPLY_BYTES, MonthRecord,
    PlaybackStatus, Progress, RecordIndex, Recording, Refusal, Status, UserReply,
};
use wire::command::{Ask, FileType, Inner, PlaybackAct, RecordMode};
use wire::error::Code;
use wire::id::PeerId;

use super::command::done;
use super::recorded::{Recorded, ms};
use super::{Desk, refuse};
use crate::card::{Card, State};
use crate::record::{ModeError, RecordStatus, Recorder};

/// Stretches of one kind that are less than this apart are one, ms.
const JOIN_MS: i64 = 2_000;
/// Room that a list leaves for what stands around it, bytes.
const AROUND: usize = 64;

impl Desk {
    /// A built-in command about recordings.
    pub(super) fn recordings(&self, cmd: &Inner, viewer: &PeerId) -> Response {
        let Some(recorded) = &self.recorded else {
            return refuse(&Refusal::no_card());
        };
        match cmd {
            Inner::GetRecordIndex {
                start_time,
                end_time,
                kind,
            } => recorded.stretches(*start_time, *end_time, *kind),
            Inner::GetMonthRecord { year, month } => recorded.days(*year, *month),
            Inner::GetFileList {
                start_time,
                end_time,
                file_type,
            } => recorded.files(*start_time, *end_time, *file_type),
            Inner::Playback { session, act } => {
                let (status, progress_ms) = recorded.playbacks.act(viewer, session.as_ref(), act);
                reply(act, status, progress_ms)
            }
            Inner::GetDeviceSt { .. } | Inner::GetNvrList => super::not_supported(),
        }
    }

    /// A topic about the card.
    pub(super) async fn card(&self, ask: Ask) -> Response {
        let Some(recorded) = &self.recorded else {
            return match ask {
                Ask::CardStatus => done(no_card().encode()),
                _ => topic_refused(Code::UnsupportedOperation, Refusal::NO_CARD),
            };
        };
        match ask {
            Ask::FileHash(source) => recorded.hash(source),
            Ask::CardStatus => {
                let recorder = self.recorder.as_ref().map(Recorder::status);
                done(status(&recorded.card, recorder).encode())
            }
            Ask::RecordMode(mode) => self.record_mode(mode),
            Ask::Events {
                start_time,
                end_time,
            } => recorded.events(start_time, end_time),
            Ask::SdFormat { confirmed: true } => recorded.format().await,
            Ask::SdFormat { confirmed: false } => {
                topic_refused(Code::BadParameter, UserReply::CONFIRMATION_NEEDED)
            }
            Ask::Ptz(_) | Ask::Share | Ask::ForgetMe | Ask::TalkFloor(_) | Ask::Unknown(_) => {
                topic_refused(Code::UnsupportedOperation, UserReply::UNKNOWN_TOPIC)
            }
        }
    }

    fn record_mode(&self, mode: RecordMode) -> Response {
        let Some(recorder) = &self.recorder else {
            return topic_refused(Code::UnsupportedOperation, Refusal::NO_CARD);
        };
        match recorder.set_mode(mode) {
            Ok(()) => done(UserReply::done().encode()),
            Err(ModeError::NoMotion) => {
                topic_refused(Code::UnsupportedOperation, UserReply::NO_MOTION)
            }
            Err(error @ ModeError::Data(_)) => {
                tracing::error!(%error, "the mode is not kept");
                topic_refused(Code::UnsupportedOperation, Refusal::DEVICE_ERROR)
            }
        }
    }
}

fn topic_refused(code: Code, error: &str) -> Response {
    done(UserReply::refused(code, error).encode())
}

impl Recorded {
    /// `get_record_index`.
    fn stretches(&self, start_time: u64, end_time: u64, kind: Option<u32>) -> Response {
        let (from, to) = (ms(start_time), ms(end_time));
        let stretches = self.card.stretches(from, to, JOIN_MS);
        let all = stretches.into_iter().map(|stretch| Recording {
            kind: Some(stretch.kind as u32),
            start_time: floor(stretch.start_ms).max(start_time),
            end_time: ceil(stretch.end_ms).min(end_time),
        });
        let wanted = all.filter(|one| kind.is_none() || one.kind == kind);
        // {"type":"0","start_time":"…","end_time":"…"},
        let video_list = fitting(wanted, |_| 75);
        done(RecordIndex { video_list }.encode())
    }

    /// `get_month_record`.
    fn days(&self, year: u16, month: u8) -> Response {
        let bits = self.card.days(year.into(), month.into(), 0);
        done(MonthRecord { bits }.encode())
    }

    /// `get_file_list`.
    fn files(&self, start_time: u64, end_time: u64, file_type: FileType) -> Response {
        let (from, to) = (ms(start_time), ms(end_time));
        let file_list = match file_type {
            FileType::Video => fitting(videos(&self.card, from, to), long),
            FileType::Picture => fitting(pictures(&self.card, from, to), long),
            FileType::Other(_) => Vec::new(),
        };
        done(FileList { file_list }.encode())
    }

    /// `events`.
    fn events(&self, start_time: u64, end_time: u64) -> Response {
        let events = self.card.events(ms(start_time), ms(end_time));
        let all = events.into_iter().map(|event| Event {
            kind: Event::MOTION.to_owned(),
            start_time: floor(event.start_ms),
            end_time: ceil(event.end_ms),
        });
        let events = fitting(all, |_| 80);
        done(Events { events }.encode())
    }

    /// `sd_format`.
    async fn format(&self) -> Response {
        let card = self.card.clone();
        match tokio::task::spawn_blocking(move || card.format()).await {
            Ok(Ok(())) => done(UserReply::done().encode()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the card was not formatted");
                topic_refused(Code::UnsupportedOperation, Refusal::DEVICE_ERROR)
            }
            Err(error) => {
                tracing::error!(%error, "formatting the card");
                topic_refused(Code::UnsupportedOperation, Refusal::DEVICE_ERROR)
            }
        }
    }
}

/// The reply to a `playback_…` command.
fn reply(act: &PlaybackAct, status: Status, progress_ms: Option<u64>) -> Response {
    done(match act {
        PlaybackAct::Progress => Progress {
            status,
            progress_ms,
        }
        .encode(),
        _ => PlaybackStatus { status }.encode(),
    })
}

/// The reply to `card_status`.
fn status(card: &Card, recorder: Option<RecordStatus>) -> CardStatus {
    let status = card.status();
    CardStatus {
        state: match status.state {
            State::Ok => CardState::Ok,
            State::Slow => CardState::Slow,
            State::Full => CardState::Full,
            State::ReadOnly => CardState::ReadOnly,
            State::Missing => CardState::Missing,
            State::Corrupt => CardState::Corrupt,
        },
        total: status.total,
        used: status.used,
        oldest: status.oldest_ms.map(floor),
        newest: status.newest_ms.map(ceil),
        recording: recorder.is_some_and(|recorder| recorder.recording),
        mode: recorder.map_or(RecordMode::Off, |recorder| recorder.mode),
        clock_known: status.clock_known,
        text: status.text,
    }
}

/// The state of a camera without a card.
fn no_card() -> CardStatus {
    CardStatus {
        state: CardState::None,
        total: 0,
        used: 0,
        oldest: None,
        newest: None,
        recording: false,
        mode: RecordMode::Off,
        clock_known: true,
        text: String::new(),
    }
}

fn videos(card: &Card, from: i64, to: i64) -> impl Iterator<Item = File> {
    let mut segments = card.segments(from, to.saturating_add(1));
    // One that was recorded over in its middle comes in pieces.
    let mut seen = std::collections::BTreeSet::new();
    segments.retain(|segment| !segment.open && seen.insert(segment.number));
    segments.into_iter().map(|segment| File {
        file_type: FileType::Video,
        file_name: segment.name(),
        file_size: segment.bytes,
        start_time: floor(segment.start_ms),
        end_time: ceil(segment.end_ms),
        extra_info: match segment.sha256 {
            Some(hash) => format!(
                r#"{{"kind":"{}","sha256":"{}"}}"#,
                segment.kind as u32,
                wire::Sha256(hash)
            ),
            None => format!(r#"{{"kind":"{}"}}"#, segment.kind as u32),
        },
    })
}

fn pictures(card: &Card, from: i64, to: i64) -> impl Iterator<Item = File> {
    let pictures = card.pictures(from, to.saturating_add(1));
    pictures.into_iter().map(|picture| File {
        file_type: FileType::Picture,
        file_name: picture.name(),
        file_size: picture.bytes,
        start_time: floor(picture.at_ms),
        end_time: floor(picture.at_ms),
        extra_info: String::new(),
    })
}

/// Bytes of a file in a reply, or a few more.
fn long(file: &File) -> usize {
    // Quotes in extra_info are escaped.
    160 + file.file_name.len() + 2 * file.extra_info.len()
}

/// As many as fit a reply; `long` says how many bytes one takes.
fn fitting<T>(all: impl Iterator<Item = T>, long: impl Fn(&T) -> usize) -> Vec<T> {
    let mut room = MAX_REPLY_BYTES - AROUND;
    all.map_while(|one| {
        room = room.checked_sub(long(&one))?;
        Some(one)
    })
    .collect()
}

fn floor(ms: i64) -> u64 {
    u64::try_from(ms.div_euclid(1000)).unwrap_or(0)
}

fn ceil(ms: i64) -> u64 {
    floor(ms.saturating_add(999))
}
