//! The camera's engine by itself.

use provision::camera::{Event, Wanted};
use wire::soft_ap::{Cause, Request, State, TokenOnly};

use crate::common::{Bench, PASSWORD, fault, join, ms, phone, token};

fn asks() -> Request {
    Request::Join(join())
}

fn token_only() -> TokenOnly {
    TokenOnly {
        token: token(1),
        region: wire::soft_ap::DEFAULT_REGION.into(),
        hub: None,
    }
}

#[test]
fn a_request_is_answered_three_times_a_second_apart_and_handed_over_when_it_has_settled() {
    let mut bench = Bench::new();
    bench.hears(phone(2), &asks());
    assert_eq!(bench.words(), ["received"]);
    assert_eq!(bench.events(), [Event::Received { from: phone(2) }]);
    let sent = bench.pass(ms(4_900));
    assert_eq!(sent, [(1000, "received".into()), (2000, "received".into())]);
    assert_eq!(bench.events(), []);
    bench.pass(ms(100));
    assert_eq!(bench.events(), [Event::Start(Wanted::Join(join()))]);
}

#[test]
fn every_repeat_is_answered_three_times_again_and_keeps_the_hotspot_up() {
    let mut bench = Bench::new();
    bench.hears(phone(2), &asks());
    bench.words();
    bench.pass(ms(1_500));
    bench.hears(phone(2), &asks());
    assert_eq!(bench.words(), ["received"]);
    let sent = bench.pass(ms(4_900));
    assert_eq!(sent, [(2500, "received".into()), (3500, "received".into())]);
    assert_eq!(bench.events(), [Event::Received { from: phone(2) }]);
    bench.pass(ms(100));
    assert_eq!(bench.events(), [Event::Start(Wanted::Join(join()))]);
}

#[test]
fn a_viewer_that_never_hears_does_not_hold_the_camera_for_ever() {
    let mut bench = Bench::new();
    for _ in 0..20 {
        bench.hears(phone(2), &asks());
        bench.pass(ms(1_000));
    }
    let started = Event::Start(Wanted::Join(join()));
    assert_eq!(
        bench
            .events()
            .iter()
            .filter(|event| **event == started)
            .count(),
        1
    );
}

#[test]
fn a_viewer_that_has_heard_is_not_waited_for() {
    let mut bench = Bench::new();
    bench.hears(phone(2), &asks());
    bench.hears(phone(2), &Request::Heard(token(9)));
    assert_eq!(bench.events().len(), 1, "another token starts nothing");
    bench.hears(phone(2), &Request::Heard(token(1)));
    assert_eq!(bench.events(), [Event::Start(Wanted::Join(join()))]);
    bench.words();
    assert_eq!(bench.pass(ms(10_000)), [], "and is told nothing more");
    bench.hears(phone(2), &Request::Heard(token(1)));
    assert_eq!(bench.events(), [], "once is enough");
}

#[test]
fn a_radio_that_keeps_its_hotspot_and_a_bare_token_wait_for_nothing() {
    let mut bench = Bench::with(|config| config.keeps_hotspot = true);
    bench.hears(phone(2), &asks());
    assert_eq!(bench.events()[1], Event::Start(Wanted::Join(join())));
    assert_eq!(bench.words(), ["received"]);
    assert_eq!(bench.pass(ms(3_000)).len(), 2);

    let mut bench = Bench::new();
    bench.hears(phone(2), &Request::Token(token_only()));
    assert_eq!(bench.events()[1], Event::Start(Wanted::Token(token_only())));
    assert_eq!(bench.words(), ["received"]);
}

#[test]
fn progress_is_told_once_and_in_answer_to_every_repeat() {
    let mut bench = Bench::working();
    bench.engine.set_state(bench.now, State::Joining);
    assert_eq!(bench.words(), ["joining"]);
    bench.engine.set_state(bench.now, State::Joining);
    assert_eq!(bench.words(), [""; 0]);
    bench.engine.set_state(bench.now, State::Registering);
    assert_eq!(bench.words(), ["registering"]);
    bench.hears(phone(2), &asks());
    assert_eq!(bench.words(), ["registering"]);
    assert_eq!(bench.pass(ms(5_000)).len(), 2);
    bench.engine.set_state(bench.now, State::Bound);
    assert_eq!(bench.words(), [""; 0], "only success binds");
}

#[test]
fn success_is_told_three_times_and_lingers_for_five_seconds() {
    let mut bench = Bench::working();
    bench.engine.succeed(bench.now);
    assert_eq!(bench.words(), ["bound"]);
    assert_eq!(bench.pass(ms(4_900)).len(), 2);
    bench.hears(phone(2), &asks());
    assert_eq!(bench.words(), ["bound"]);
    assert_eq!(bench.events(), []);
    bench.pass(ms(100));
    assert_eq!(bench.events(), [Event::Finished]);
    bench.engine.fail(bench.now, Cause::HubUnreachable);
    assert_eq!(
        (bench.engine.cause(), bench.engine.errors_to_keep()),
        (None, vec![])
    );
    // No session runs out behind its back.
    bench.pass(ms(1_000_000));
    assert_eq!(bench.events(), []);
}

#[test]
fn a_failure_is_told_three_times_and_to_whoever_comes_back_and_asks_for_the_same() {
    let mut bench = Bench::working();
    bench.engine.fail(bench.now, Cause::WrongPassword);
    assert_eq!(bench.words(), ["wrong_password"]);
    assert_eq!(bench.pass(ms(10_000)).len(), 2);
    // Much later, from another address: the hotspot was away and gave a new one.
    bench.pass(ms(60_000));
    bench.hears(phone(7), &asks());
    assert_eq!(bench.sent(), [("wrong_password".to_owned(), 7)]);
    assert_eq!(bench.pass(ms(10_000)).len(), 2);
    assert_eq!(bench.events(), [], "nothing is tried again");
    assert_eq!(bench.engine.cause(), Some(Cause::WrongPassword));
}

#[test]
fn the_first_cause_is_the_true_one() {
    let mut bench = Bench::working();
    bench.engine.fail(bench.now, Cause::NoLease);
    bench.engine.fail(bench.now, Cause::Stopped);
    bench.engine.succeed(bench.now);
    assert_eq!(bench.engine.cause(), Some(Cause::NoLease));
}

#[test]
fn every_cause_reaches_the_viewer_as_itself() {
    for cause in [
        Cause::WrongPassword,
        Cause::NetworkNotFound,
        Cause::NoLease,
        Cause::JoinTimeout,
        Cause::HubUnreachable,
        Cause::HubNotTrusted,
        Cause::HubRefused(5),
        Cause::RegistrationRefused(403),
        Cause::TokenRefused(410),
        Cause::TokenUnanswered,
    ] {
        let mut bench = Bench::working();
        bench.engine.fail(bench.now, cause);
        assert_eq!(bench.words(), [cause.name()]);
    }
}

#[test]
fn the_viewer_is_told_when_the_hotspot_is_back() {
    let mut bench = Bench::working();
    bench.engine.fail(bench.now, Cause::WrongPassword);
    bench.pass(ms(5_000));
    bench.words();
    bench.engine.open(bench.now);
    assert_eq!(bench.sent(), [("wrong_password".to_owned(), 2)]);
    assert_eq!(bench.pass(ms(5_000)).len(), 2);
}

#[test]
fn another_request_after_a_failure_is_a_new_attempt_that_is_told_of_the_old_error() {
    let mut bench = Bench::working();
    bench.engine.fail(bench.now, Cause::WrongPassword);
    bench.pass(ms(5_000));
    bench.words();
    // The same token with another password: a person corrects a mistake.
    let mut corrected = join();
    corrected.passphrase = Some("correct horse".parse().unwrap());
    bench.hears(phone(2), &Request::Join(corrected.clone()));
    assert_eq!(bench.words(), ["previous wrong_password", "received"]);
    bench.hears(phone(2), &Request::Heard(token(1)));
    assert_eq!(bench.events()[1], Event::Start(Wanted::Join(corrected)));
    assert_eq!(bench.engine.cause(), None);
}

#[test]
fn a_viewer_may_correct_itself_before_anything_has_started() {
    let mut bench = Bench::new();
    bench.hears(phone(2), &asks());
    let mut corrected = join();
    corrected.ssid = "Other".parse().unwrap();
    bench.hears(phone(2), &Request::Join(corrected.clone()));
    bench.pass(ms(20_000));
    let starts: Vec<Event> = bench
        .events()
        .into_iter()
        .filter(|event| matches!(event, Event::Start(_)))
        .collect();
    assert_eq!(starts, [Event::Start(Wanted::Join(corrected))]);
}

#[test]
fn a_second_viewer_is_told_that_the_camera_is_busy_and_changes_nothing() {
    let mut other = join();
    other.token = token(2);
    let mut bench = Bench::new();
    bench.hears(phone(2), &asks());
    bench.hears(phone(3), &Request::Join(other.clone()));
    assert_eq!(
        bench.sent(),
        [("received".to_owned(), 2), ("busy".to_owned(), 3)]
    );
    let later = bench.pass(ms(3_000));
    assert_eq!(
        later.iter().filter(|(_, word)| word == "received").count(),
        2
    );
    bench.hears(phone(2), &Request::Heard(token(1)));
    bench.hears(phone(3), &Request::Join(other));
    bench.engine.set_state(bench.now, State::Joining);
    assert_eq!(
        bench.sent(),
        [("busy".to_owned(), 3), ("joining".to_owned(), 2)]
    );
    assert_eq!(
        bench.events(),
        [
            Event::Received { from: phone(2) },
            Event::Start(Wanted::Join(join()))
        ]
    );
}

#[test]
fn what_is_no_request_is_answered_once_and_ends_nothing() {
    let mut bench = Bench::working();
    for (datagram, words) in [
        (&b"oops"[..], &["bad_request"][..]),
        (b"", &["bad_request"]),
        (br#"{"cmdType":9}"#, &["bad_request"]),
        (br#"{"cmdType":1,"ssid":"Home"}"#, &["missing_field"]),
        (br#"{"cmdType":0,"token":"short"}"#, &["missing_field"]),
        // Another camera: two that answer each other would never end.
        (
            br#"{"cmdType":2,"deviceReply":"Current_Error","log":"(2, 201)"}"#,
            &[],
        ),
        (&[b'['; 3000], &["bad_request"]),
    ] {
        bench.engine.handle_datagram(bench.now, phone(4), datagram);
        assert_eq!(
            bench.words(),
            words,
            "{}",
            String::from_utf8_lossy(datagram)
        );
        assert_eq!(bench.pass(ms(1_000)), []);
    }
    assert_eq!(bench.events(), []);
    bench.hears(phone(2), &asks());
    assert_eq!(bench.words(), ["received"], "the attempt goes on");
    assert_eq!(
        bench.engine.errors_to_keep(),
        [],
        "a bad datagram is nobody's error"
    );
}

#[test]
fn a_flood_of_bad_datagrams_is_answered_ten_times_a_second() {
    let mut bench = Bench::new();
    for i in 0..2_000 {
        bench
            .engine
            .handle_datagram(bench.now, phone((i % 200) as u8), b"oops");
        bench.pass(ms(1));
    }
    let answered = bench.words().len();
    assert!((10..=30).contains(&answered), "{answered}");
}

#[test]
fn a_flood_of_requests_holds_little_memory() {
    let mut bench = Bench::with(|config| config.previous = vec![fault(Cause::NoLease); 16]);
    for i in 0..100_000_u32 {
        let mut other = join();
        other.token = wire::token::Token::from_bytes([(i % 251) as u8; 16]);
        let from = ([10, 0, (i >> 8) as u8, i as u8], 1000).into();
        let datagram = Request::Join(other).encode().unwrap();
        bench.engine.handle_datagram(bench.now, from, &datagram);
    }
    assert!(bench.words().len() < 200);
    assert!(bench.events().len() < 10);
}

#[test]
fn a_session_lasts_300_seconds_and_a_new_attempt_begins_it_anew() {
    let mut bench = Bench::new();
    bench.pass(ms(299_900));
    assert_eq!(bench.events(), []);
    bench.pass(ms(200));
    assert_eq!(bench.events(), [Event::TimedOut]);
    assert_eq!(
        bench.engine.errors_to_keep(),
        [],
        "nobody came: that is no error"
    );

    let mut bench = Bench::new();
    bench.pass(ms(200_000));
    bench.hears(phone(2), &asks());
    bench.events();
    let sent = bench.pass(ms(299_900));
    assert!(sent.iter().all(|(_, word)| word == "received"));
    let sent = bench.pass(ms(5_000));
    assert_eq!(sent[0], (500_000, "timeout".into()));
    assert_eq!(sent.len(), 3);
    assert!(bench.events().contains(&Event::TimedOut));
    assert_eq!(bench.engine.cause(), Some(Cause::Timeout));
    assert_eq!(bench.engine.errors_to_keep(), [fault(Cause::Timeout)]);
}

#[test]
fn fifty_seconds_are_left_after_the_network_was_lost() {
    let mut bench = Bench::working();
    bench.pass(ms(10_000));
    bench.engine.station_lost(bench.now);
    bench.pass(ms(49_900));
    assert_eq!(bench.engine.cause(), None);
    bench.pass(ms(200));
    assert_eq!(bench.engine.cause(), Some(Cause::Timeout));
    // It never makes a session longer.
    let mut bench = Bench::working();
    bench.pass(ms(290_000));
    bench.engine.station_lost(bench.now);
    bench.pass(ms(11_000));
    assert_eq!(bench.engine.cause(), Some(Cause::Timeout));
}

#[test]
fn no_session_runs_while_the_camera_cannot_be_heard() {
    let mut bench = Bench::new();
    bench.engine.close();
    bench.pass(ms(1_000_000));
    assert_eq!(bench.events(), []);
    bench.engine.open(bench.now);
    bench.pass(ms(301_000));
    assert_eq!(bench.events(), [Event::TimedOut]);
    // An attempt goes on while the hotspot is away, and its time with it.
    let mut bench = Bench::working();
    bench.engine.close();
    bench.pass(ms(301_000));
    assert_eq!(bench.engine.cause(), Some(Cause::Timeout));
}

#[test]
fn a_bound_camera_can_be_set_up_again() {
    let mut bench = Bench::working();
    bench.engine.succeed(bench.now);
    bench.pass(ms(10_000));
    bench.words();
    let mut other = join();
    other.token = token(2);
    bench.hears(phone(3), &Request::Join(other.clone()));
    assert_eq!(bench.words(), ["busy"]);
    bench.pass(ms(10_000));
    bench.engine.open(bench.now);
    bench.hears(phone(3), &Request::Join(other));
    assert_eq!(bench.words(), ["received"]);
}

#[test]
fn errors_of_the_last_session_are_told_first_and_kept_until_they_are_told() {
    let old = [fault(Cause::NoLease), fault(Cause::Timeout)];
    let mut bench = Bench::with(|config| config.previous = old.to_vec());
    assert_eq!(bench.engine.errors_to_keep(), old);
    bench.hears(phone(2), &asks());
    let words = ["previous no_lease", "previous timeout", "received"];
    assert_eq!(bench.words(), words);
    assert_eq!(bench.engine.errors_to_keep(), []);
    // Told again with the next two answers, in case they were lost; then no more.
    for expected in [&words[..], &words[..], &words[2..]] {
        bench.hears(phone(2), &asks());
        assert_eq!(bench.words(), expected);
    }
    bench.hears(phone(2), &Request::Heard(token(1)));
    bench.engine.fail(bench.now, Cause::WrongPassword);
    assert_eq!(bench.engine.errors_to_keep(), [fault(Cause::WrongPassword)]);
}

#[test]
fn sixteen_errors_are_kept_the_newest() {
    let many: Vec<_> = (0..40).map(|code| fault(Cause::JoinFailed(code))).collect();
    let mut bench = Bench::with(|config| config.previous = many.clone());
    assert_eq!(bench.engine.errors_to_keep(), many[24..]);
    // What fails before any viewer comes is for the next one to know.
    bench.engine.fail(bench.now, Cause::HotspotFailed(7));
    let kept = bench.engine.errors_to_keep();
    assert_eq!(kept.len(), 16);
    assert_eq!(kept[15], fault(Cause::HotspotFailed(7)));
    assert_eq!(kept[0], many[25]);
}

#[test]
fn success_settles_all_errors() {
    let mut bench = Bench::with(|config| config.previous = vec![fault(Cause::NoLease)]);
    bench.hears(phone(2), &asks());
    bench.hears(phone(2), &Request::Heard(token(1)));
    bench.engine.succeed(bench.now);
    assert_eq!(bench.engine.errors_to_keep(), []);
}

#[test]
fn a_token_of_another_region_is_refused_by_a_camera_that_has_one() {
    let mut bench = Bench::with(|config| config.identity.region = Some("na".into()));
    bench.hears(phone(2), &asks());
    assert_eq!(bench.words(), ["wrong_region"]);
    bench.pass(ms(10_000));
    assert_eq!(bench.events(), [Event::Received { from: phone(2) }]);
    let mut right = join();
    right.region = "na".into();
    bench.hears(phone(2), &Request::Join(right));
    assert_eq!(bench.words(), ["previous wrong_region", "received"]);
}

#[test]
fn the_log_is_sent_twice_at_any_time_and_holds_no_secret() {
    let mut bench = Bench::working();
    bench.engine.fail(bench.now, Cause::WrongPassword);
    bench.pass(ms(3_000));
    bench.words();
    bench.hears(phone(5), &Request::Log);
    assert_eq!(bench.events(), [Event::LogAsked { from: phone(5) }]);
    let (to, log) = bench.engine.poll_transmit().unwrap();
    assert_eq!(to, phone(5));
    let log = String::from_utf8(log).unwrap();
    assert!(
        log.contains("failed: the Wi-Fi password is wrong [WIFI connect error! (10, 15)]"),
        "{log}"
    );
    assert!(log.contains("asks to join Home"), "{log}");
    assert!(log.lines().count() <= 10 && log.ends_with("\r\n"));
    let at = (bench.now - bench.start).as_millis() as u64;
    assert_eq!(bench.pass(ms(5_000)), [(at + 500, "log".to_owned())]);
    for secret in [PASSWORD, join().token.as_str()] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn even_a_careless_caller_cannot_write_a_secret_into_the_log() {
    let start = std::time::Instant::now();
    let log = provision::Log::new(start);
    let mut bench = Bench::with(|config| config.log = log.clone());
    bench.hears(phone(2), &asks());
    let leak = format!("{PASSWORD} {}", join().token.as_str());
    log.line(bench.now, "radio", leak);
    assert!(log.text().contains("radio: *** ***"), "{}", log.text());
}
