//! Holds the README, which is the protocol's specification, against the code.

#![allow(clippy::unwrap_used)]

mod pairing;
mod readme;

use wire::address::Address;
use wire::command::reply::{
    CardStatus, DeviceStatus, Events, FileHash, FileList, MonthRecord, NvrList, PlaybackStatus,
    Progress, PtzReply, RecordIndex, Refusal, Status, UserReply,
};
use wire::command::{Ask, Command, Inner, Outcome, PlaybackAct, Topic, User};
use wire::error::{Code, Lang};
use wire::event::{NatEvent, SessionEvent};
use wire::link::Link;
use wire::probe::{Probe, ProbeMatch};
use wire::stream::StreamRequest;
use wire::talk::VoiceEvent;
use wire::xp2p_info::Xp2pInfo;
use wire::{Target, pair};

use readme::{README, arrow, block, refused, round_trip, table};

/// Reads a reply by its type's name and writes it.
fn rewrite(kind: &str, text: &str) -> String {
    macro_rules! rewrite {
        ($($reply:ident),+) => {
            match kind {
                $(stringify!($reply) => {
                    let reply = $reply::decode(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
                    let written = reply.encode();
                    assert_eq!($reply::decode(written.as_bytes()), Ok(reply));
                    // A NUL behind it changes nothing.
                    assert!($reply::decode(format!("{text}\0old").as_bytes()).is_ok());
                    written
                })+
                other => panic!("no reply {other}"),
            }
        };
    }
    rewrite!(
        DeviceStatus,
        NvrList,
        RecordIndex,
        MonthRecord,
        FileList,
        PlaybackStatus,
        Progress,
        PtzReply,
        UserReply,
        Refusal,
        CardStatus,
        Events,
        FileHash
    )
}

/// The type of the reply to a command.
fn reply_kind(command: &Command) -> &'static str {
    match command {
        Command::Inner { cmd, .. } => match cmd {
            Inner::GetDeviceSt { .. } => "DeviceStatus",
            Inner::GetNvrList => "NvrList",
            Inner::GetRecordIndex { .. } => "RecordIndex",
            Inner::GetMonthRecord { .. } => "MonthRecord",
            Inner::GetFileList { .. } => "FileList",
            Inner::Playback {
                act: PlaybackAct::Progress,
                ..
            } => "Progress",
            Inner::Playback { .. } => "PlaybackStatus",
        },
        Command::User { cmd, .. } => match cmd.ask().unwrap() {
            Ask::Ptz(_) => "PtzReply",
            Ask::CardStatus => "CardStatus",
            Ask::Events { .. } => "Events",
            Ask::FileHash(_) => "FileHash",
            Ask::Share
            | Ask::ForgetMe
            | Ask::SdFormat { .. }
            | Ask::RecordMode(_)
            | Ask::TalkFloor(_)
            | Ask::Unknown(_) => "UserReply",
        },
    }
}

#[test]
fn stream_urls_read_and_write_as_they_stand() {
    for line in block("urls") {
        let request = StreamRequest::parse(line).unwrap();
        assert_eq!(request.to_path(), line);
        assert_eq!(Target::parse(line), Ok(Target::Stream(request)));
    }
}

#[test]
fn stream_urls_are_read_leniently_and_refused_by_part() {
    for (line, written) in block("urls-lenient").into_iter().map(arrow) {
        assert_eq!(StreamRequest::parse(line).unwrap().to_path(), written);
    }
    for (line, part) in block("urls-refused").into_iter().map(arrow) {
        refused(line, StreamRequest::parse(line), part);
    }
}

#[test]
fn stream_refusals_have_the_status_the_table_says() {
    for line in block("refusal") {
        assert_eq!(rewrite("Refusal", line), line);
        assert!(DeviceStatus::decode(line.as_bytes()).is_ok());
    }
    for row in table("HTTP") {
        let status = Status::from_number(row[1].parse().unwrap());
        let refusal = Refusal::new(status, &row[2]);
        assert_eq!(refusal.http_status().to_string(), row[0]);
    }
    let words: Vec<String> = table("HTTP")
        .into_iter()
        .map(|row| row[2].clone())
        .collect();
    assert_eq!(
        words,
        [
            Refusal::TOO_MANY_VIEWERS,
            Refusal::TOO_MANY_STREAMS,
            Refusal::TALK_BUSY,
            Refusal::BAD_REQUEST,
            Refusal::UNSUPPORTED,
            Refusal::DEVICE_ERROR,
            Refusal::NO_CARD,
            Refusal::NO_RECORDING,
            Refusal::NO_SUCH_FILE,
            Refusal::CHANGED,
            Refusal::PAST_END
        ]
    );
}

#[test]
fn headers_of_recordings_are_the_constants() {
    use wire::stream::header::{END_MS, SESSION, SHA256, START_MS, TIME_MS};
    for name in [SESSION, START_MS, END_MS, TIME_MS, SHA256] {
        assert!(README.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn topics_of_the_table_are_known() {
    for row in table("Topic") {
        let name = row[0].split(' ').next().unwrap();
        let asked = User::Topic(Topic::new(name)).ask();
        let known = !matches!(asked, Ok(Ask::Unknown(_)));
        assert_eq!(known, name != "any", "{name}");
    }
}

#[test]
fn exchanges_read_and_write_as_they_stand() {
    let mut command = None;
    for line in block("exchange") {
        if let Some(text) = line.strip_prefix("> ") {
            let read = Command::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(read.to_text(), text);
            assert_eq!(Command::parse(&read.to_query()).as_ref(), Ok(&read));
            assert_eq!(
                Target::parse(&read.path()),
                Ok(Target::Command(read.clone()))
            );
            command = Some(read);
        } else {
            let text = line.strip_prefix("< ").unwrap();
            let command = command.take().unwrap();
            assert_eq!(rewrite(reply_kind(&command), text), text);
        }
    }
}

#[test]
fn every_command_of_the_table_has_an_exchange_with_its_reply() {
    for row in table("`cmd`") {
        let commands: Vec<Command> = block("exchange")
            .into_iter()
            .filter_map(|line| Command::parse(line.strip_prefix("> ")?).ok())
            .filter(|command| matches!(command, Command::Inner { cmd, .. } if cmd.name() == row[0]))
            .collect();
        assert!(!commands.is_empty(), "{row:?}");
        for command in commands {
            assert_eq!(reply_kind(&command), row[2], "{row:?}");
        }
    }
}

#[test]
fn unknown_topics_of_the_exchanges_are_answered_by_the_typed_refusal() {
    let lines = block("exchange");
    let mut seen = 0;
    for pair in lines.chunks(2) {
        let command = Command::parse(&pair[0][2..]).unwrap();
        if let Command::User { cmd, .. } = command
            && let Ok(Ask::Unknown(topic)) = cmd.ask()
        {
            assert_eq!(UserReply::unknown_topic(&topic).encode(), pair[1][2..]);
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn commands_are_read_leniently_and_refused_by_part() {
    for (line, written) in block("commands-lenient").into_iter().map(arrow) {
        let command = Command::parse(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(command.to_text(), written);
    }
    for (line, part) in block("commands-refused").into_iter().map(arrow) {
        refused(line, Command::parse(line), part);
    }
}

#[test]
fn replies_are_read_leniently() {
    for (line, written) in block("replies-lenient").into_iter().map(arrow) {
        let (kind, text) = line.split_once(' ').unwrap();
        assert_eq!(rewrite(kind, text), written);
    }
}

#[test]
fn status_numbers_are_the_tables() {
    for row in table("`status`") {
        let number = row[0].parse().unwrap();
        let status = Status::from_number(number);
        assert_eq!(format!("{status:?}"), row[1]);
        assert_eq!(status.number(), number);
    }
}

#[test]
fn results_and_events_read_and_write_as_they_stand() {
    for line in block("outcomes") {
        assert_eq!(Outcome::decode(line.as_bytes()).unwrap().encode(), line);
    }
    for line in block("voice") {
        assert_eq!(VoiceEvent::decode(line.as_bytes()).unwrap().encode(), line);
    }
    for line in block("events") {
        assert_eq!(
            SessionEvent::decode(line.as_bytes()).unwrap().encode(),
            line
        );
    }
    for event in [NatEvent::NatChanged, NatEvent::NatError] {
        assert!(README.contains(&format!("`{event}`")));
    }
}

#[test]
fn the_code_table_is_the_enum() {
    let rows: Vec<Vec<String>> = Code::ALL
        .iter()
        .map(|code| {
            vec![
                code.number().to_string(),
                code.name().to_owned(),
                code.cause(Lang::En).to_owned(),
                code.next_step(Lang::En).to_owned(),
                code.cause(Lang::Zh).to_owned(),
                code.next_step(Lang::Zh).to_owned(),
            ]
        })
        .collect();
    assert_eq!(table("Code"), rows);
}

#[test]
fn the_limit_table_is_the_constants() {
    let limits: Vec<usize> = table("What")
        .iter()
        .map(|row| row[1].split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(
        limits,
        [
            wire::stream::MAX_URL_BYTES,
            wire::stream::MAX_PAIRS,
            wire::stream::MAX_FILE_NAME_BYTES,
            wire::stream::MAX_SESSION_BYTES,
            wire::command::MAX_COMMAND_BYTES,
            wire::command::MAX_TOPIC_BYTES,
            wire::command::reply::MAX_REPLY_BYTES,
            wire::command::reply::MAX_READ_BYTES,
            wire::event::MAX_EVENT_BYTES,
            wire::probe::MAX_DATAGRAM_BYTES,
            wire::xp2p_info::MAX_TEXT_BYTES,
            wire::xp2p_info::MAX_VERSION_BYTES,
            wire::address::MAX_BYTES,
            wire::address::MAX_ADDRS,
            wire::address::MAX_RELAYS,
            wire::address::MAX_RELAY_BYTES,
            wire::link::MAX_LINK_BYTES,
            wire::MAX_NAME_BYTES,
            wire::pair::MAX_LINE_BYTES,
            wire::soft_ap::RECEIVE_LIMIT,
            wire::soft_ap::MAX_LOG_BYTES,
            wire::wifi::MAX_SSID_BYTES,
            wire::wifi::MAX_PASSPHRASE_BYTES,
            wire::token::TOKEN_CHARS,
            wire::qr::MAX_QR_BYTES,
            wire::label::MAX_LABEL_BYTES,
            wire::hub::MAX_HOST_BYTES,
            wire::device::MAX_DEVICE_NAME_CHARS,
            wire::login::MAX_USERNAME_BYTES,
            wire::thing::MAX_TOPIC_BYTES,
            wire::thing::MAX_PAYLOAD_BYTES,
            wire::thing::MAX_CLIENT_TOKEN_BYTES,
            wire::register::MAX_BODY_BYTES,
            wire::register::MAX_PSK_CHARS,
            wire::clock::MAX_CLOCK_BYTES,
        ]
    );
}

#[test]
fn probe_datagrams_are_byte_for_byte_as_written() {
    for line in block("datagrams") {
        let (head, body) = line.split_at(12);
        let mut bytes: Vec<u8> = head
            .split_whitespace()
            .map(|hex| u8::from_str_radix(hex, 16).unwrap())
            .collect();
        bytes.extend_from_slice(body.as_bytes());
        let written = match bytes[0] {
            1 => Probe::decode(&bytes).unwrap().encode(),
            _ => ProbeMatch::decode(&bytes).unwrap().encode(),
        };
        assert_eq!(written, Ok(bytes), "{line}");
    }
}

#[test]
fn xp2p_infos_read_and_write_as_they_stand() {
    let infos: Vec<Xp2pInfo> = block("xp2p-info").into_iter().map(round_trip).collect();
    let address = Address::from_bytes(&infos[1].address).unwrap();
    assert_eq!(address.addrs, ["192.168.1.20:4433".parse().unwrap()]);
    assert_eq!(address.relays, ["https://relay.ex/"]);
    assert_eq!(address.to_bytes(), infos[1].address);
}

#[test]
fn links_read_and_write_as_they_stand_and_are_refused_by_part() {
    for line in block("links") {
        round_trip::<Link>(line);
    }
    for (line, part) in block("links-refused").into_iter().map(arrow) {
        refused(line, line.parse::<Link>(), part);
    }
}

#[test]
fn pair_lines_read_and_write_as_they_stand() {
    for line in block("pair") {
        if let Some(text) = line.strip_prefix("> ") {
            let request = pair::Request::decode(text.as_bytes()).unwrap();
            assert_eq!(request.encode(), format!("{text}\n"));
        } else {
            let text = line.strip_prefix("< ").unwrap();
            let reply = pair::Reply::decode(text.as_bytes()).unwrap();
            assert_eq!(reply.encode(), format!("{text}\n"));
        }
    }
}

/// Every example of the README, cut at every byte and with every byte changed, into every reader.
#[test]
fn damaged_examples_never_panic() {
    let mut examples: Vec<Vec<u8>> = Vec::new();
    let mut inside = false;
    for line in README.lines() {
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            let line = line.trim_start_matches("> ").trim_start_matches("< ");
            examples.push(line.as_bytes().to_vec());
        }
    }
    assert!(examples.len() > 100);
    for example in &examples {
        for at in 0..example.len() {
            read_all(&example[..at]);
            let mut changed = example.clone();
            changed[at] ^= 0x15;
            read_all(&changed);
            changed[at] = 0xff;
            read_all(&changed);
        }
    }
}

fn read_all(bytes: &[u8]) {
    let _ = (DeviceStatus::decode(bytes), NvrList::decode(bytes));
    let _ = (RecordIndex::decode(bytes), MonthRecord::decode(bytes));
    let _ = (FileList::decode(bytes), PlaybackStatus::decode(bytes));
    let _ = (Progress::decode(bytes), PtzReply::decode(bytes));
    let _ = (UserReply::decode(bytes), Refusal::decode(bytes));
    let _ = (CardStatus::decode(bytes), Events::decode(bytes));
    let _ = FileHash::decode(bytes);
    let _ = (Outcome::decode(bytes), SessionEvent::decode(bytes));
    let _ = (pair::Request::decode(bytes), pair::Reply::decode(bytes));
    let _ = (Probe::decode(bytes), ProbeMatch::decode(bytes));
    let _ = Address::from_bytes(bytes);
    pairing::read_all(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (Target::parse(text), Command::parse(text));
        let _ = (text.parse::<Link>(), text.parse::<Xp2pInfo>());
    }
}
