use super::*;
use crate::defaults::INFO_WAIT;
use wire::id::PeerId;

/// A session, a clock that only moves when told, and the hub's side of it.
struct Bench {
    session: Session,
    now: Instant,
}

const INFO: &str = "XP2PAQ==%1";
const OTHER: &str = "XP2PAg==%1";

impl Bench {
    fn new(token: Option<Token>) -> Self {
        let now = Instant::now();
        Self {
            session: Session::new(device(), token, now, 1_700_000_000_000),
            now,
        }
    }

    fn login(&mut self) {
        self.session.connected();
        assert!(matches!(&self.sent()[..], [Output::Subscribe(topics)] if topics.len() == 4));
        self.session.subscribed(self.now);
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.session.timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn sent(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll()).collect()
    }

    /// What was published with a body of the thing model.
    fn said(&mut self) -> Vec<Message> {
        let read = |output| match output {
            Output::Publish { topic, payload, .. } => {
                let topic: Topic = topic.parse().ok()?;
                assert_eq!(topic.direction, Direction::Up);
                let payload = payload.0.as_bytes();
                Some(Message::decode(Direction::Up, topic.kind, payload).unwrap())
            }
            _ => None,
        };
        self.sent().into_iter().filter_map(read).collect()
    }

    fn events(&mut self) -> Vec<Event> {
        let read = |output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        };
        self.sent().into_iter().filter_map(read).collect()
    }

    fn hub_says(&mut self, client_token: &str, body: Body) {
        let message = Message::new(client_token, body);
        let (direction, kind) = message.place();
        assert_eq!(direction, Direction::Down);
        let topic = Topic::down(kind, &device()).to_string();
        self.session
            .received(self.now, &topic, message.encode().as_bytes());
    }

    fn answer_reports(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        for message in self.said() {
            if let Body::Report { params, .. } = message.body {
                texts.push(params.text(thing::XP2P_INFO).unwrap().to_owned());
                self.hub_says(&message.client_token, Body::ReportReply(Answer::ok()));
            }
        }
        texts
    }
}

fn device() -> Device {
    Device::new("PORTHOLE01", "cam_01").unwrap()
}

fn token() -> Token {
    Token::from_bytes([3; 16])
}

#[test]
fn the_hubs_code_decides_about_the_token() {
    for (code, event) in [
        (code::OK, Event::TokenAccepted),
        (
            code::NOT_FOUND,
            Event::TokenFailed(Cause::TokenRefused(404)),
        ),
        (code::EXPIRED, Event::TokenFailed(Cause::TokenRefused(410))),
    ] {
        let mut bench = Bench::new(Some(token()));
        bench.login();
        let said = bench.said();
        let [report] = &said[..] else {
            panic!("{said:?}")
        };
        assert_eq!(report.body, Body::AppBindToken { token: token() });
        // An answer to something else decides nothing.
        let reply = |code| Body::AppBindTokenReply(Answer::new(code, ""));
        bench.hub_says("cam_01-1", reply(0));
        assert_eq!(bench.events(), []);
        bench.hub_says(&report.client_token, reply(code));
        assert_eq!(bench.events(), [event]);
        bench.wait(Duration::from_secs(60));
        assert_eq!(bench.said(), []);
    }
}

#[test]
fn a_silent_hub_is_asked_three_times() {
    let mut bench = Bench::new(Some(token()));
    bench.login();
    let mut reports = bench.said().len();
    for _ in 0..2 {
        bench.wait(HUB_ANSWER);
        reports += bench.said().len();
    }
    assert_eq!(reports, 3);
    bench.wait(HUB_ANSWER);
    assert_eq!(bench.events(), [Event::TokenFailed(Cause::TokenUnanswered)]);
}

#[test]
fn a_report_goes_on_after_a_lost_connection() {
    let mut bench = Bench::new(Some(token()));
    bench.login();
    assert_eq!(bench.said().len(), 1);
    bench.session.lost();
    bench.wait(Duration::from_secs(100));
    assert_eq!(bench.sent(), []);
    bench.login();
    let said = bench.said();
    bench.hub_says(&said[0].client_token, Body::AppBindTokenReply(Answer::ok()));
    assert_eq!(bench.events(), [Event::TokenAccepted]);
}

#[test]
fn asks_for_its_owner_at_every_login_until_it_is_told() {
    let mut bench = Bench::new(None);
    bench.login();
    assert!(matches!(
        bench.said()[..],
        [Message {
            body: Body::BindDeviceQuery { .. },
            ..
        }]
    ));
    bench.wait(HUB_ANSWER);
    let asked = bench.said();
    let reply = Body::BindDeviceQueryReply(Answer::new(code::NOT_FOUND, ""));
    bench.hub_says(&asked[0].client_token, reply.clone());
    bench.hub_says(&asked[0].client_token, reply);
    assert_eq!(bench.events(), [Event::HasOwner(false)]);
    bench.wait(Duration::from_secs(100));
    assert_eq!(bench.said(), []);
    bench.session.lost();
    bench.login();
    let asked = bench.said();
    bench.hub_says(
        &asked[0].client_token,
        Body::BindDeviceQueryReply(Answer::ok()),
    );
    assert_eq!(bench.events(), [Event::HasOwner(true)]);
}

#[test]
fn tells_its_address_when_it_changes_and_again_until_it_is_confirmed() {
    let mut bench = Bench::new(None);
    bench.session.info(bench.now, INFO.into());
    bench.login();
    bench.hub_says("", Body::BindDeviceQueryReply(Answer::ok()));
    let reports = |messages: Vec<Message>| {
        let is_report = |message: &&Message| matches!(message.body, Body::Report { .. });
        messages.iter().filter(is_report).count()
    };
    assert_eq!(reports(bench.said()), 1);
    // Not confirmed: again, with back-off.
    bench.wait(Duration::from_secs(300));
    let again = reports(bench.said());
    assert!((4..=7).contains(&again), "{again}");
    bench.wait(INFO_WAIT.1);
    assert!(bench.answer_reports().iter().all(|text| text == INFO));
    bench.wait(Duration::from_secs(3_600));
    bench.answer_reports();
    bench.wait(Duration::from_secs(3_600));
    assert_eq!(bench.said(), []);
    bench.session.info(bench.now, OTHER.into());
    assert_eq!(bench.answer_reports(), [OTHER]);
}

#[test]
fn an_address_that_flutters_does_not_flood_the_hub() {
    let mut bench = Bench::new(None);
    bench.login();
    bench.said();
    let mut reports = Vec::new();
    for second in 0..600 {
        let info = if second % 2 == 0 { INFO } else { OTHER };
        bench.session.info(bench.now, info.into());
        bench.wait(Duration::from_secs(1));
        reports.extend(bench.answer_reports());
    }
    assert!((3..=8).contains(&reports.len()), "{}", reports.len());
}

#[test]
fn an_owner_comes_and_goes_and_the_hub_hears_that_it_is_done() {
    let mut bench = Bench::new(None);
    bench.login();
    bench.sent();
    let viewer = Some(PeerId([9; 32]));
    bench.hub_says(
        "h-1",
        Body::BindDevice(thing::Bind {
            timestamp: 1,
            viewer,
            name: Some("Ann".into()),
        }),
    );
    bench.hub_says(
        "h-2",
        Body::UnbindDevice {
            timestamp: 1,
            viewer: None,
        },
    );
    let events = bench.events();
    let bind = Event::Bind {
        viewer,
        name: "Ann".into(),
        client_token: "h-1".into(),
    };
    let unbind = Event::Unbind {
        viewer: None,
        client_token: "h-2".into(),
    };
    assert_eq!(events, [bind, unbind]);
    bench
        .session
        .answer(Asked::Bind, "h-1".into(), Answer::ok());
    bench
        .session
        .answer(Asked::Unbind, "h-2".into(), Answer::ok());
    let said = bench.said();
    assert_eq!(
        said[0],
        Message::new("h-1", Body::BindDeviceReply(Answer::ok()))
    );
    assert_eq!(
        said[1],
        Message::new("h-2", Body::UnbindDeviceReply(Answer::ok()))
    );
}

#[test]
fn what_the_camera_does_not_have_is_refused() {
    let mut bench = Bench::new(None);
    bench.login();
    bench.sent();
    let params = Json::object([("brightness", "9")]);
    bench.hub_says("h-1", Body::Control { params });
    bench.hub_says(
        "h-2",
        Body::Action {
            action_id: "dance".into(),
            timestamp: None,
            params: Json::object([]),
        },
    );
    let said = bench.said();
    assert!(matches!(&said[0].body, Body::ControlReply(answer) if answer.code == code::BAD_VALUE));
    assert!(
        matches!(&said[1].body, Body::ActionReply { answer, .. } if answer.code == code::NOT_FOUND)
    );
}

#[test]
fn the_hubs_time_is_taken_over() {
    let mut bench = Bench::new(None);
    bench.login();
    let asks = |output: &Output| matches!(output, Output::Publish { topic, .. } if topic == "$sys/operation/PORTHOLE01/cam_01");
    assert!(bench.sent().iter().any(asks));
    let topic = "$sys/operation/result/PORTHOLE01/cam_01";
    for (text, time) in [
        (r#"{"type":"get","time":1800000000}"#, 1_800_000_000_000),
        (
            r#"{"type":"get","time":1800000000,"ntptime1":1800000000100,"ntptime2":1800000000123}"#,
            1_800_000_000_123,
        ),
    ] {
        bench.session.received(bench.now, topic, text.as_bytes());
        assert_eq!(bench.events(), [Event::Time(time)]);
    }
    for text in [
        "",
        "{}",
        "[1]",
        r#"{"time":-1}"#,
        r#"{"time":18446744073709551615}"#,
    ] {
        bench.session.received(bench.now, topic, text.as_bytes());
        assert_eq!(bench.events(), [], "{text}");
    }
}

#[test]
fn nonsense_and_foreign_topics_do_nothing_and_debug_shows_no_token() {
    let mut bench = Bench::new(Some(token()));
    bench.login();
    let sent = format!("{:?}", bench.sent());
    assert!(!sent.contains(token().as_str()), "{sent}");
    let reply = Message::new(
        "x",
        Body::UnbindDevice {
            timestamp: 1,
            viewer: None,
        },
    )
    .encode();
    for (topic, payload) in [
        ("$thing/down/service/PORTHOLE01/cam_02", reply.as_str()),
        ("$thing/up/service/PORTHOLE01/cam_01", &reply),
        ("$thing/down/property/PORTHOLE01/cam_01", &reply),
        ("$thing/down/service/PORTHOLE01/cam_01", "{"),
        (
            "$thing/down/service/PORTHOLE01/cam_01",
            r#"{"method":"dance"}"#,
        ),
        ("", ""),
    ] {
        bench.session.received(bench.now, topic, payload.as_bytes());
        assert_eq!(bench.events(), [], "{topic}");
    }
}
