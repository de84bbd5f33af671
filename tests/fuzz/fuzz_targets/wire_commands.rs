//! Reading commands, replies, results and events never panics; what was read is written so that it reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::command::reply::{
    DeviceStatus, FileList, MonthRecord, NvrList, PlaybackStatus, Progress, PtzReply, RecordIndex, Refusal, UserReply,
};
use wire::command::{Command, MAX_COMMAND_BYTES, Outcome};
use wire::event::SessionEvent;
use wire::pair;

/// Tried in front of the input, so that the depth is reached without luck.
const HEADS: [&str; 6] = [
    "",
    "action=inner_define&channel=0&cmd=",
    "action=inner_define&start_time=1&end_time=9&cmd=",
    "action=user_define&channel=0&cmd=",
    "action=user_define&channel=0&cmd={\"topic\":\"ptz\",\"data\":",
    "action=user_define&channel=0&cmd=%7B%22topic%22:",
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
        DeviceStatus,
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
        let _ = cmd.ask();
    }
}
