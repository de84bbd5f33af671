//! The viewer's engine by itself.

use std::time::{Duration, Instant};

use provision::viewer::{Config, Dialect, Engine, Event};
use wire::id::PeerId;
use wire::soft_ap::{
    Cause, DeviceReply, ErrorReply, Fault, PROTOCOL_VERSION, Reply, Report, Request, State,
};

use crate::common::{identity, join, ms, token};

struct Bench {
    start: Instant,
    now: Instant,
    engine: Engine,
}

impl Bench {
    fn new(follow: bool, dialect: Dialect) -> Self {
        let now = Instant::now();
        let config = Config {
            request: Request::Join(join()),
            dialect,
            follow,
        };
        Self {
            start: now,
            now,
            engine: Engine::new(now, config).unwrap(),
        }
    }

    fn hears(&mut self, reply: &Reply) {
        self.engine.handle_datagram(self.now, &reply.encode());
    }

    fn sent(&mut self) -> Vec<Request> {
        std::iter::from_fn(|| self.engine.poll_transmit())
            .map(|datagram| Request::decode(&datagram).unwrap())
            .collect()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.poll_event()).collect()
    }

    /// Milliseconds since the start at which something was sent while time passed.
    fn pass(&mut self, time: Duration) -> Vec<u64> {
        let end = self.now + time;
        let mut sent = Vec::new();
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= end) {
            assert!(due > self.now, "a timeout that does not move on");
            self.now = due;
            self.engine.handle_timeout(due);
            let at = (due - self.start).as_millis() as u64;
            sent.extend(self.sent().iter().map(|_| at));
        }
        self.now = end;
        sent
    }
}

fn device(camera: Option<PeerId>, state: Option<State>) -> DeviceReply {
    DeviceReply {
        device: identity().device,
        region: None,
        proto_version: PROTOCOL_VERSION.into(),
        camera,
        state,
    }
}

/// An own camera's reply, and a foreign one's.
fn own(state: State) -> Reply {
    Reply::Device(device(identity().camera, Some(state)))
}

fn foreign() -> Reply {
    Reply::Device(device(None, None))
}

fn error(report: Report, cause: Cause) -> Reply {
    Reply::Error(ErrorReply::new(report, cause.to_fault()))
}

fn failed(cause: Cause) -> Event {
    Event::Failed {
        cause,
        log: cause.to_fault().to_string(),
    }
}

#[test]
fn both_dialects_resend_as_they_should_and_give_up() {
    let mut bench = Bench::new(false, Dialect::DOCUMENTS);
    assert_eq!(bench.sent(), [Request::Join(join())], "the first at once");
    assert_eq!(bench.pass(ms(9_999)), [2000, 4000, 6000, 8000]);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.pass(ms(1)), [0; 0]);
    assert_eq!(bench.events(), [Event::NoReply]);
    assert_eq!(bench.engine.poll_timeout(), None);

    let mut bench = Bench::new(false, Dialect::ANDROID);
    bench.sent();
    let seconds: Vec<u64> = (1..10).map(|second| second * 1000).collect();
    assert_eq!(bench.pass(ms(20_000)), seconds);
    assert_eq!(bench.events(), [Event::NoReply]);
}

#[test]
fn the_reply_ends_the_asking_and_an_own_camera_is_told_that_it_was_heard() {
    let mut bench = Bench::new(false, Dialect::DOCUMENTS);
    bench.sent();
    bench.hears(&own(State::Received));
    let Reply::Device(reply) = own(State::Received) else {
        unreachable!()
    };
    assert_eq!(
        bench.events(),
        [
            Event::DeviceReplied(reply),
            Event::State(State::Received),
            Event::Done
        ]
    );
    let heard = Request::Heard(token(1));
    assert_eq!(bench.sent(), [heard.clone(), heard]);
    assert_eq!(bench.pass(ms(60_000)), [0; 0]);
    // Late copies and errors say nothing any more.
    bench.hears(&own(State::Received));
    bench.hears(&error(Report::Current, Cause::NoLease));
    assert_eq!(bench.events(), []);
}

#[test]
fn a_foreign_camera_hears_nothing_that_it_does_not_know() {
    for follow in [false, true] {
        let mut bench = Bench::new(follow, Dialect::DOCUMENTS);
        bench.sent();
        bench.hears(&foreign());
        assert_eq!(
            bench.events(),
            [Event::DeviceReplied(device(None, None)), Event::Done]
        );
        assert_eq!(bench.sent(), []);
    }
}

#[test]
fn a_current_error_stops_and_a_previous_one_does_not() {
    let mut bench = Bench::new(false, Dialect::DOCUMENTS);
    bench.sent();
    for _ in 0..3 {
        bench.hears(&error(Report::Previous, Cause::Timeout));
        bench.hears(&error(Report::Previous, Cause::NoLease));
    }
    let previous = |cause: Cause| Event::PreviousError {
        cause: Some(cause),
        log: cause.to_fault().to_string(),
    };
    assert_eq!(
        bench.events(),
        [previous(Cause::Timeout), previous(Cause::NoLease)],
        "each once"
    );
    assert_eq!(bench.pass(ms(2_000)), [2000], "it goes on asking");
    bench.hears(&error(Report::Current, Cause::WrongPassword));
    assert_eq!(bench.events(), [failed(Cause::WrongPassword)]);
    assert_eq!(bench.pass(ms(60_000)), [0; 0]);
}

#[test]
fn only_the_tail_of_an_error_is_trusted() {
    for (log, cause) in [
        ("ESP WIFI connect error! (10, 2)", Cause::JoinFailed(2)),
        ("everything is fine (10, 201)", Cause::NetworkNotFound),
        ("(1, 2) WIFI boarding stop! (3, 103)", Cause::Timeout),
        ("no numbers", Cause::Other(Fault { id: 0, sub: 0 })),
    ] {
        let mut bench = Bench::new(false, Dialect::DOCUMENTS);
        let text = format!(r#"{{"cmdType":2,"deviceReply":"Current_Error","log":"{log}"}}"#);
        bench.engine.handle_datagram(bench.now, text.as_bytes());
        assert_eq!(
            bench.events(),
            [Event::Failed {
                cause,
                log: log.into()
            }]
        );
    }
}

#[test]
fn no_more_than_sixteen_previous_errors_are_told() {
    let mut bench = Bench::new(false, Dialect::DOCUMENTS);
    for code in 0..1000 {
        bench.hears(&error(Report::Previous, Cause::JoinFailed(code)));
    }
    assert_eq!(bench.events().len(), 16);
}

#[test]
fn what_cannot_be_read_is_skipped() {
    let mut bench = Bench::new(false, Dialect::DOCUMENTS);
    bench.sent();
    for datagram in [&b"oops"[..], b"", b"{\"cmdType\":2}", &[0xff; 3000]] {
        bench.engine.handle_datagram(bench.now, datagram);
    }
    let echoed = Request::Join(join()).encode().unwrap();
    bench.engine.handle_datagram(bench.now, &echoed);
    assert_eq!(bench.events(), []);
    assert_eq!(bench.pass(ms(4_000)), [2000, 4000]);
}

#[test]
fn following_tells_each_state_once_until_the_camera_is_bound() {
    let mut bench = Bench::new(true, Dialect::DOCUMENTS);
    bench.sent();
    bench.hears(&own(State::Received));
    assert_eq!(bench.events().len(), 2);
    assert_eq!(bench.sent().len(), 2);
    assert_eq!(bench.pass(ms(2_000)), [2000], "it asks how things are");
    for state in [
        State::Joining,
        State::Joining,
        // Reordered on the way.
        State::Received,
        State::Registering,
        State::Joining,
    ] {
        bench.hears(&own(state));
    }
    assert_eq!(
        bench.events(),
        [
            Event::State(State::Joining),
            Event::State(State::Registering)
        ]
    );
    bench.hears(&own(State::Bound));
    assert_eq!(bench.events(), [Event::State(State::Bound), Event::Done]);
}

#[test]
fn following_learns_of_a_failure_or_of_silence() {
    let mut bench = Bench::new(true, Dialect::DOCUMENTS);
    bench.hears(&own(State::Joining));
    bench.events();
    bench.hears(&error(Report::Current, Cause::NoLease));
    assert_eq!(bench.events(), [failed(Cause::NoLease)]);

    let mut bench = Bench::new(true, Dialect::DOCUMENTS);
    bench.hears(&own(State::Received));
    bench.events();
    bench.pass(ms(9_000));
    bench.hears(&own(State::Joining));
    bench.events();
    // Five unanswered in a row, wherever they begin.
    assert_eq!(bench.pass(ms(10_900)).len(), 5);
    assert_eq!(bench.events(), []);
    bench.pass(ms(200));
    assert_eq!(bench.events(), [Event::Silent]);
    assert!(Event::Silent.is_last());
}

#[test]
fn a_viewer_that_comes_back_learns_the_cause_at_once() {
    let mut bench = Bench::new(false, Dialect::DOCUMENTS);
    bench.hears(&error(Report::Current, Cause::WrongPassword));
    assert_eq!(bench.events(), [failed(Cause::WrongPassword)]);
}

#[test]
fn only_a_network_or_a_token_can_be_asked_for() {
    let now = Instant::now();
    for request in [Request::Log, Request::Heard(token(1))] {
        let config = Config {
            request,
            ..Config::join(join())
        };
        assert!(Engine::new(now, config).is_err());
    }
    assert_eq!(Config::join(join()).dialect, Dialect::DOCUMENTS);
}
