//! What a camera has on its card: asked in spans that keep replies short, put together here.

use crate::api::{
    Card, CardState, Failure, FailureCode, RecordKind, RecordedEvent, RecordedFile, Stretch,
};
use crate::fail;
use crate::session::Session;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use wire::command::reply::{
    self, CardStatus, Events, FileList, RecordIndex, Recording, Refusal, UserReply,
};
use wire::command::{Command, FileType, Inner, Topic, User};

mod days;
mod thumbnail;

pub use days::days_of;
pub use thumbnail::{Thumbnails, thumbnail};

/// The longest time whose recordings may be asked for, ms.
pub const MAX_SPAN_MS: i64 = 62 * 86_400_000;
/// A list of stretches is asked for in spans of this length, seconds: their number follows the events of a day.
const INDEX_SPAN: u64 = 8 * 86_400;
/// A list of files is asked for in spans of this length, seconds: a file a minute.
const FILES_SPAN: u64 = 3600;
/// A reply of at least this many bytes may have been ended early (documents: 16 KB).
const FULL_PAGE: usize = 12 << 10;
/// Spans asked for at the same time.
const AT_ONCE: usize = 8;
/// Stretches of one kind that are no further apart are one, ms: as the camera itself joins them.
const JOIN_MS: i64 = 2000;
/// Erasing a card takes its time.
const FORMAT_TIME: Duration = Duration::from_secs(60);

/// The stretches recorded from `from_ms` to `to_ms`, in order of time.
///
/// # Errors
/// [`FailureCode::CommandMalformed`] for a span that is none, [`FailureCode::NoCard`], what the transport says.
pub async fn stretches(
    session: &Arc<Session>,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<Stretch>, Failure> {
    let command = |start_time, end_time| {
        inner(Inner::GetRecordIndex {
            start_time,
            end_time,
            kind: None,
        })
    };
    let read = |reply: &str| {
        let index = RecordIndex::decode(reply.as_bytes()).ok()?;
        let ends = index
            .video_list
            .iter()
            .map(|one| (one.end_time, stretch(one)));
        Some(ends.collect())
    };
    let all = in_spans(session, (from_ms, to_ms, INDEX_SPAN), command, read).await?;
    Ok(join(all))
}

/// What happened from `from_ms` to `to_ms`, in order of time; nothing from a camera that does not tell.
///
/// # Errors
/// What the transport says.
pub async fn events(
    session: &Arc<Session>,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<RecordedEvent>, Failure> {
    let command = |start, end| topic(Topic::events(start, end));
    let read = |reply: &str| {
        let events = Events::decode(reply.as_bytes()).map(|reply| reply.events);
        let event = |event: reply::Event| {
            let told = RecordedEvent {
                kind: event.kind,
                start_ms: to_millis(event.start_time),
                end_ms: to_millis(event.end_time),
            };
            (event.end_time, told)
        };
        Some(events.unwrap_or_default().into_iter().map(event).collect())
    };
    let mut all = in_spans(session, (from_ms, to_ms, INDEX_SPAN), command, read).await?;
    all.sort_by(|a, b| (a.start_ms, &a.kind).cmp(&(b.start_ms, &b.kind)));
    all.dedup();
    Ok(all)
}

/// The files on the card from `from_ms` to `to_ms`, in order of time.
///
/// # Errors
/// As [`stretches`].
pub async fn files(
    session: &Arc<Session>,
    from_ms: i64,
    to_ms: i64,
    pictures: bool,
) -> Result<Vec<RecordedFile>, Failure> {
    let file_type = if pictures {
        FileType::Picture
    } else {
        FileType::Video
    };
    let command = move |start_time, end_time| {
        inner(Inner::GetFileList {
            start_time,
            end_time,
            file_type,
        })
    };
    let read = |reply: &str| {
        let list = FileList::decode(reply.as_bytes()).ok()?.file_list;
        Some(
            list.into_iter()
                .map(|one| (one.end_time, file(one)))
                .collect(),
        )
    };
    let mut all = in_spans(session, (from_ms, to_ms, FILES_SPAN), command, read).await?;
    // A file that reaches over the border of two spans is in both lists.
    all.sort_by(|a, b| (a.start_ms, &a.name).cmp(&(b.start_ms, &b.name)));
    all.dedup_by(|a, b| a.name == b.name);
    Ok(all)
}

/// How the card is.
///
/// # Errors
/// What the camera and the transport say.
pub async fn card(session: &Session) -> Result<Card, Failure> {
    let reply = session.send(&topic(Topic::card_status())).await?;
    let status =
        CardStatus::decode(reply.as_bytes()).map_err(|_| refused(&reply, &session.name()))?;
    Ok(Card {
        state: match status.state {
            reply::CardState::Ok => CardState::Ok,
            reply::CardState::None => CardState::None,
            reply::CardState::Full => CardState::Full,
            reply::CardState::Slow => CardState::Slow,
            reply::CardState::ReadOnly => CardState::ReadOnly,
            reply::CardState::Missing => CardState::Missing,
            reply::CardState::Corrupt => CardState::Corrupt,
        },
        total: status.total,
        used: status.used,
        oldest_ms: status.oldest.map_or(0, to_millis),
        newest_ms: status.newest.map_or(0, to_millis),
        recording: status.recording,
        mode: status.mode.name().to_owned(),
        clock_known: status.clock_known,
    })
}

/// Erases the card.
///
/// # Errors
/// What the camera and the transport say.
pub async fn format(session: &Session) -> Result<(), Failure> {
    let erase = topic(Topic::sd_format());
    let reply = session.send_within(&erase, FORMAT_TIME).await?;
    let done = UserReply::decode(reply.as_bytes()).is_ok_and(|reply| reply.refusal().is_none());
    if done {
        Ok(())
    } else {
        Err(refused(&reply, &session.name()))
    }
}

/// What a reply means that is not the one expected.
pub(crate) fn refused(reply: &str, camera: &str) -> Failure {
    let said: serde_json::Value = serde_json::from_str(reply).unwrap_or_default();
    let said = said.get(0).unwrap_or(&said);
    let code = match said["error"].as_str() {
        Some(Refusal::NO_CARD) => FailureCode::NoCard,
        Some(Refusal::NO_RECORDING) => FailureCode::NoRecording,
        _ => return fail::answer(reply, camera),
    };
    Failure::new(code).with("camera", camera).detail(reply)
}

pub(crate) fn topic(topic: Topic) -> Command {
    Command::User {
        channel: 0,
        cmd: User::Topic(topic),
    }
}

fn inner(cmd: Inner) -> Command {
    Command::Inner { channel: 0, cmd }
}

/// Asks for every span of a time, several at once; what is read comes in no order. `read` gives the entries of a reply with
/// the second each ends at, nothing for a reply that is none.
async fn in_spans<T: Send + 'static>(
    session: &Arc<Session>,
    (from_ms, to_ms, span): (i64, i64, u64),
    command: impl Fn(u64, u64) -> Command + Copy + Send + Sync + 'static,
    read: impl Fn(&str) -> Option<Vec<(u64, T)>> + Copy + Send + Sync + 'static,
) -> Result<Vec<T>, Failure> {
    let mut spans = spans(from_ms, to_ms, span)?.into_iter();
    let mut asked = JoinSet::new();
    let mut all = Vec::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some(span) = spans.next()
        {
            let session = session.clone();
            asked.spawn(async move { pages(&session, span, command, read).await });
        }
        match asked.join_next().await {
            Some(entries) => all.extend(entries.map_err(fail::internal)??),
            None => return Ok(all),
        }
    }
}

/// Asks for one span until everything is there: a camera ends a list before it is too long for old viewers.
async fn pages<T>(
    session: &Session,
    (start, end): (u64, u64),
    command: impl Fn(u64, u64) -> Command,
    read: impl Fn(&str) -> Option<Vec<(u64, T)>>,
) -> Result<Vec<T>, Failure> {
    let mut from = start;
    let mut all = Vec::new();
    loop {
        let to = end.max(from + wire::stream::MIN_SPAN_SECONDS);
        let reply = session.send(&command(from, to)).await?;
        let entries = read(&reply).ok_or_else(|| refused(&reply, &session.name()))?;
        let last = entries.iter().map(|(end, _)| *end).max();
        all.extend(entries.into_iter().map(|(_, entry)| entry));
        match last {
            Some(last) if reply.len() >= FULL_PAGE && from < last && last < end => from = last,
            _ => return Ok(all),
        }
    }
}

/// Cuts a time into spans of `span` seconds, none shorter than a command takes.
fn spans(from_ms: i64, to_ms: i64, span: u64) -> Result<Vec<(u64, u64)>, Failure> {
    let right = from_ms >= 0 && from_ms <= to_ms && to_ms - from_ms <= MAX_SPAN_MS;
    if !right {
        return Err(Failure::new(FailureCode::CommandMalformed).with(
            "reason",
            format!("{from_ms} to {to_ms} ms: no time from 0 to 62 days"),
        ));
    }
    let least = wire::stream::MIN_SPAN_SECONDS;
    let from = from_ms.unsigned_abs() / 1000;
    let to = to_ms.unsigned_abs().div_ceil(1000).max(from + least);
    let starts = (from..to).step_by(span as usize);
    Ok(starts
        .map(|start| (start, (start + span).min(to).max(start + least)))
        .collect())
}

fn stretch(recording: &Recording) -> Stretch {
    Stretch {
        kind: kind(recording.kind),
        start_ms: to_millis(recording.start_time),
        end_ms: to_millis(recording.end_time),
    }
}

fn file(file: reply::File) -> RecordedFile {
    let extra: serde_json::Value = serde_json::from_str(&file.extra_info).unwrap_or_default();
    let number = match &extra["kind"] {
        serde_json::Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    RecordedFile {
        name: file.file_name,
        kind: kind(number),
        start_ms: to_millis(file.start_time),
        end_ms: to_millis(file.end_time),
        bytes: file.file_size,
    }
}

fn kind(number: Option<u32>) -> RecordKind {
    match number {
        Some(0) => RecordKind::Continuous,
        Some(1) => RecordKind::Scheduled,
        Some(2) => RecordKind::Event,
        _ => RecordKind::Other,
    }
}

fn to_millis(seconds: u64) -> i64 {
    i64::try_from(seconds).map_or(i64::MAX, |seconds| seconds.saturating_mul(1000))
}

/// Puts stretches in order and joins those that spans have cut.
fn join(mut all: Vec<Stretch>) -> Vec<Stretch> {
    all.retain(|stretch| stretch.start_ms <= stretch.end_ms);
    all.sort_by_key(|stretch| (stretch.kind as u8, stretch.start_ms));
    let mut joined: Vec<Stretch> = Vec::new();
    for next in all {
        match joined.last_mut() {
            Some(last)
                if last.kind == next.kind
                    && next.start_ms < last.end_ms.saturating_add(JOIN_MS) =>
            {
                last.end_ms = last.end_ms.max(next.end_ms);
            }
            _ => joined.push(next),
        }
    }
    joined.sort_by_key(|stretch| stretch.start_ms);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_cut_into_spans_that_cover_it() {
        let spans = spans(1_500, 25_000_000, 10_000).unwrap();
        assert_eq!(spans, [(1, 10_001), (10_001, 20_001), (20_001, 25_000)]);
        assert_eq!(super::spans(5_000, 5_000, 3600).unwrap(), [(5, 10)]);
        assert_eq!(super::spans(0, 3_601_000, 3600).unwrap()[1], (3600, 3605));
        for (from, to) in [(-1, 5), (10, 9), (0, MAX_SPAN_MS + 1), (0, i64::MAX)] {
            assert!(super::spans(from, to, 3600).is_err(), "{from} {to}");
        }
    }

    #[test]
    fn stretches_cut_by_a_span_are_one_again_and_kinds_stay_apart() {
        let part = |kind, start_ms, end_ms| Stretch {
            kind,
            start_ms,
            end_ms,
        };
        let (always, event) = (RecordKind::Continuous, RecordKind::Event);
        let joined = join(vec![
            part(always, 10_000, 20_000),
            part(event, 12_000, 14_000),
            part(always, 0, 10_000),
            part(always, 22_000, 30_000),
            part(always, 9, 3),
        ]);
        assert_eq!(
            joined,
            [
                part(always, 0, 20_000),
                part(event, 12_000, 14_000),
                part(always, 22_000, 30_000)
            ]
        );
    }

    #[test]
    fn a_camera_without_a_card_is_told_in_every_form() {
        for reply in [
            r#"{"status":"406","error":"no_card"}"#,
            r#"[{"status":"406","error":"no_card"}]"#,
            r#"{"result":"-2004","error":"no_card"}"#,
        ] {
            assert_eq!(refused(reply, "Front").code, FailureCode::NoCard, "{reply}");
        }
        assert_eq!(refused("?", "Front").code, FailureCode::CommandRefused);
    }
}
