//! Reading commands, replies, results and events never panics; what was read is written so that it reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::command::reply::{
    CardStatus, DeviceStatus, Events, FileHash, FileList, MonthRecord, NvrList, PlaybackStatus, Progress, PtzReply,
    RecordIndex, Refusal, UserReply,
};
use wire::command::{Ask, Command, MAX_COMMAND_BYTES, Outcome, Topic, User};
use wire::event::SessionEvent;
use wire::pair;

/// Tried in front of the input, so that the depth is reached without luck.
const HEADS: [&str; 10] = [
    "",
    "action=inner_define&channel=0&cmd=",
    "action=inner_define&start_time=1&end_time=9&cmd=",
    "action=user_define&channel=0&cmd=",
    "action=user_define&channel=0&cmd={\"topic\":\"ptz\",\"data\":",
    "action=user_define&channel=0&cmd=%7B%22topic%22:",
    "action=user_define&channel=0&cmd={\"topic\":\"file_hash\",\"data\":",
    "action=user_define&channel=0&cmd={\"topic\":\"events\",\"data\":",
    "action=user_define&channel=0&cmd={\"topic\":\"record_mode\",\"data\":",
    "action=user_define&channel=0&cmd={\"topic\":\"sd_format\",\"data\":",
];

/// Decodes the input; what comes out must survive being encoded and decoded.
macro_rules! round_trip {
    ($input:expr, $($message:ty),+ $(,)?) => {
        $(if let Ok(message) = <$message>::decode($input) {
            let text = message.encode();
            assert_eq!(<$message>::decode(text.as_bytes()).as_ref(), Ok(&message), "{text}");
        })+
    };
}

fuzz_target!(|input: &[u8]| {
    round_trip!(
        input,
        CardStatus,
        DeviceStatus,
        Events,
        FileHash,
        FileList,
        MonthRecord,
        NvrList,
        PlaybackStatus,
        Progress,
        PtzReply,
        RecordIndex,
        Refusal,
        UserReply,
        Outcome,
        SessionEvent,
        pair::Request,
        pair::Reply,
    );
    let Ok(tail) = std::str::from_utf8(input) else { return };
    for head in HEADS {
        commands(&format!("{head}{tail}"));
    }
});

fn commands(text: &str) {
    let command = match Command::parse(text) {
        Ok(command) => command,
        Err(error) => {
            assert!(error.to_string().len() < 2000, "{error}");
            return;
        }
    };
    let query = command.to_query();
    assert!(query.bytes().all(|b| b.is_ascii_graphic() && b != b'"'), "{query}");
    for text in [query, command.path(), command.to_text()] {
        if text.len() <= MAX_COMMAND_BYTES {
            assert_eq!(Command::parse(&text).as_ref(), Ok(&command), "{text}");
        }
    }
    if let Command::User { cmd, .. } = command {
        match cmd.ask() {
            Ok(Ask::FileHash(source)) => assert_eq!(
                User::Topic(Topic::file_hash(&source)).ask(),
                Ok(Ask::FileHash(source))
            ),
            Ok(Ask::Events { start_time, end_time }) => assert_eq!(
                User::Topic(Topic::events(start_time, end_time)).ask(),
                Ok(Ask::Events { start_time, end_time })
            ),
            Ok(_) => {}
            Err(error) => assert!(error.to_string().len() < 2000, "{error}"),
        }
    }
}
