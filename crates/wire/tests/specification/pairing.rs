//! The messages of pairing: softAP, QR, label, MQTT, registration.

use std::fmt::Debug;

use wire::ParseError;
use wire::device::Device;
use wire::label::Label;
use wire::login::{Password, Username};
use wire::register::{self, HubRequest, Payload, Response};
use wire::soft_ap::{Cause, ErrorId, Fault, Reply, Request, State, SubId};
use wire::thing::{Body, Direction, Kind, Message, Topic, code};
use wire::{clock, hub, qr};

use crate::readme::{README, arrow, block, refused, round_trip, table};

/// Reads a datagram, `>` of a viewer or `<` of a camera, and writes it.
fn rewrite_datagram(line: &str) -> Result<String, ParseError> {
    let (side, text) = line.split_at(2);
    let written = match side {
        "> " => {
            let request = Request::decode(text.as_bytes())?;
            let written = request.encode()?;
            assert_eq!(Request::decode(&written), Ok(request));
            written
        }
        "< " => {
            let reply = Reply::decode(text.as_bytes())?;
            let mut written = reply.encode();
            assert_eq!(Reply::decode(&written), Ok(reply));
            // CR LF at the end, and nowhere else.
            assert_eq!(written.split_off(written.len() - 2), b"\r\n");
            written
        }
        other => panic!("no side {other}"),
    };
    Ok(String::from_utf8(written).unwrap())
}

#[test]
fn softap_datagrams_read_and_write_as_they_stand() {
    for line in block("softap") {
        assert_eq!(rewrite_datagram(line).unwrap(), line[2..]);
    }
}

#[test]
fn softap_datagrams_are_read_leniently_and_refused_by_part() {
    for (line, written) in block("softap-lenient").into_iter().map(arrow) {
        assert_eq!(rewrite_datagram(line).as_deref(), Ok(written), "{line}");
        let with_nul = format!("{line}\r\n\0\0");
        assert_eq!(rewrite_datagram(&with_nul).as_deref(), Ok(written));
    }
    for (line, part) in block("softap-refused").into_iter().map(arrow) {
        refused(line, rewrite_datagram(line), part);
    }
}

#[test]
fn every_command_type_of_the_table_has_an_example() {
    for row in table("`cmdType`") {
        let (number, side, kind) = (&row[0], &row[1], row[2].as_str());
        let side = if side == "viewer" { "> " } else { "< " };
        let is_example = |line: &str| {
            line.starts_with(side)
                && line.contains(&format!("\"cmdType\":{number}"))
                && match kind {
                    "Device" => line.contains("productId"),
                    "Error" => line.contains("deviceReply"),
                    kind => {
                        let read = Request::decode(&line.as_bytes()[2..]).unwrap();
                        format!("{read:?}").starts_with(kind)
                    }
                }
        };
        assert!(block("softap").into_iter().any(is_example), "{row:?}");
    }
}

#[test]
fn no_error_about_a_request_shows_a_secret() {
    const SECRETS: [&str; 2] = ["hunter2hunter2", "00112233445566778899aabbccddee"];
    let [password, token] = SECRETS;
    let full =
        format!(r#"{{"cmdType":1,"ssid":"Home","password":"{password}","token":"{token}ff"}}"#);
    let mut seen = 0;
    let mut check = |text: &[u8]| {
        if let Err(error) = Request::decode(text) {
            seen += 1;
            let shown = format!("{error} {error:?}");
            assert!(
                SECRETS.iter().all(|secret| !shown.contains(secret)),
                "{shown}"
            );
        }
    };
    for at in 0..full.len() {
        check(&full.as_bytes()[..at]);
        for byte in [b'"', b',', b'{', b'7', 0xff] {
            let mut changed = full.clone().into_bytes();
            changed[at] = byte;
            check(&changed);
        }
    }
    let too_long = full
        .replace("Home", &"H".repeat(40))
        .replace(token, &token.repeat(2));
    check(too_long.as_bytes());
    assert!(seen > 100, "{seen}");
    let request = Request::decode(full.as_bytes()).unwrap();
    let shown = format!("{request:?}");
    assert!(
        SECRETS.iter().all(|secret| !shown.contains(secret)),
        "{shown}"
    );
}

#[test]
fn words_of_the_state_are_the_tables() {
    let rows: Vec<(String, String)> = table("`state`")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let states: Vec<(String, String)> = State::ALL
        .iter()
        .map(|state| (state.name().to_owned(), format!("{state:?}")))
        .collect();
    assert_eq!(rows, states);
}

#[test]
fn the_error_tables_are_the_enums() {
    let ids: Vec<[String; 2]> = ErrorId::ALL
        .iter()
        .map(|id| [id.number().to_string(), id.text().to_owned()])
        .collect();
    let rows = table("Id")
        .into_iter()
        .map(|row| [row[0].clone(), row[1].clone()]);
    assert_eq!(rows.collect::<Vec<_>>(), ids);
    let ids: Vec<Vec<String>> = SubId::ALL
        .iter()
        .map(|id| vec![id.number().to_string(), id.text().to_owned()])
        .collect();
    assert_eq!(table("Sub id"), ids);
}

/// The faults of a cell, `*` standing for 77.
fn faults(cell: &str) -> Vec<Fault> {
    cell.replace('*', "77")
        .split_inclusive(')')
        .filter(|part| !part.trim().is_empty())
        .map(|part| Fault::from_tail(part).unwrap_or_else(|| panic!("{part} in {cell}")))
        .collect()
}

#[test]
fn causes_are_written_and_read_as_the_table_says() {
    let rows = table("Cause");
    for row in &rows {
        let [written] = faults(&row[1])[..] else {
            panic!("{row:?}");
        };
        let cause = Cause::from_fault(written);
        assert_eq!(cause.name(), row[0]);
        assert_eq!(cause.to_fault(), written, "{row:?}");
        assert_eq!(cause.to_string(), row[3].replace('*', "77"));
        for other in faults(&row[2]) {
            assert_eq!(Cause::from_fault(other).name(), row[0], "{other}");
        }
        // Whatever a cause is written as is read as the same.
        let text = written.to_string();
        assert_eq!(Fault::from_tail(&text).map(Cause::from_fault), Some(cause));
    }
    // Every cause has its row: each name of the code stands in the source once as a text.
    let names = include_str!("../../src/soft_ap/cause.rs")
        .matches(" => \"")
        .count();
    assert_eq!(rows.len(), names);
}

#[test]
fn only_the_tail_of_a_log_counts() {
    for text in [
        "ESP WIFI connect error! (10, 2)",
        "(10,2)",
        "whatever (3, 103) and (10, 2)\r\n",
        "客厅 ( 10 , 2 )\0\0",
    ] {
        assert_eq!(
            Fault::from_tail(text),
            Some(Fault { id: 10, sub: 2 }),
            "{text}"
        );
    }
    let negative = Fault { id: 1, sub: -1001 };
    assert_eq!(
        Fault::from_tail("MQTT connect error! (1, -1001)"),
        Some(negative)
    );
    for text in [
        "",
        "WIFI connect error!",
        "(10, 2",
        "10, 2)",
        "(10)",
        "(x, 2)",
        "(99999, 2)",
        "(10, 2) behind",
    ] {
        assert_eq!(Fault::from_tail(text), None, "{text}");
    }
}

#[test]
fn qr_codes_read_and_write_as_they_stand() {
    for line in block("qr-text") {
        assert_eq!(qr::to_text(&qr::parse(line).unwrap()).as_deref(), Ok(line));
    }
    for line in block("qr-json") {
        assert_eq!(qr::to_json(&qr::parse(line).unwrap()), line);
    }
    for (line, written) in block("qr-lenient").into_iter().map(arrow) {
        assert_eq!(
            qr::to_text(&qr::parse(line).unwrap()).as_deref(),
            Ok(written)
        );
    }
    for (line, part) in block("qr-refused").into_iter().map(arrow) {
        refused(line, qr::parse(line), part);
    }
}

#[test]
fn a_name_that_is_no_text_fits_the_json_form_only() {
    let line = block("softap")
        .into_iter()
        .find(|line| line.contains("ssidHex"));
    let Ok(Request::Join(join)) = Request::decode(&line.unwrap().as_bytes()[2..]) else {
        panic!("no join");
    };
    assert_eq!(join.ssid.as_bytes(), [0xbf, 0xcd, 0xcc, 0xfc]);
    assert_eq!(qr::parse(&qr::to_json(&join)), Ok(join.clone()));
    assert_eq!(qr::to_text(&join).unwrap_err().field(), "ssid");
}

#[test]
fn labels_read_and_write_as_they_stand() {
    for line in block("labels") {
        let label: Label = line.parse().unwrap();
        assert_eq!(label.to_text(), line);
    }
}

#[test]
fn the_login_reads_and_writes_as_it_stands() {
    let [client_id, name, passwords @ ..] = &block("login")[..] else {
        panic!("too short");
    };
    let name: Username = round_trip(name);
    assert_eq!(Device::from_client_id(client_id).as_ref(), Ok(&name.device));
    assert_eq!(passwords.len(), 2);
    for text in passwords {
        let password: Password = text.parse().unwrap();
        assert_eq!(password.to_text(), *text);
    }
}

/// The way and the topic in front of a payload.
fn place(line: &str) -> (Direction, Kind, &str) {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().unwrap();
    let (way, kind, payload) = (word(), word(), word());
    let way = Direction::ALL.into_iter().find(|known| known.name() == way);
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    (way.unwrap(), kind.unwrap(), payload)
}

fn rewrite_payload(line: &str) -> Result<String, ParseError> {
    let (way, kind, payload) = place(line);
    let message = Message::decode(way, kind, payload.as_bytes())?;
    assert_eq!(message.place(), (way, kind));
    let written = message.encode();
    assert_eq!(Message::decode(way, kind, written.as_bytes()), Ok(message));
    Ok(written)
}

#[test]
fn payloads_read_and_write_as_they_stand() {
    for line in block("thing") {
        assert_eq!(
            rewrite_payload(line).as_deref(),
            Ok(place(line).2),
            "{line}"
        );
    }
    for (line, written) in block("thing-lenient").into_iter().map(arrow) {
        assert_eq!(rewrite_payload(line).as_deref(), Ok(written), "{line}");
    }
    for (line, part) in block("thing-refused").into_iter().map(arrow) {
        refused(line, rewrite_payload(line), part);
    }
}

#[test]
fn every_method_of_the_table_is_in_the_code_and_has_an_example() {
    let rows: Vec<[String; 3]> = table("Method")
        .into_iter()
        .map(|row| [row[0].clone(), row[1].clone(), row[2].clone()])
        .collect();
    let methods: Vec<[String; 3]> = Body::METHODS
        .iter()
        .map(|(name, way, kind)| [*name, way.name(), kind.name()].map(str::to_owned))
        .collect();
    assert_eq!(rows, methods);
    for [method, way, kind] in rows {
        let start = format!("{way} {kind} {{\"method\":\"{method}\"");
        assert!(
            block("thing").iter().any(|line| line.starts_with(&start)),
            "{method}"
        );
        let device = Device::new("ABCDE12345", "cam_01").unwrap();
        round_trip::<Topic>(&format!("$thing/{way}/{kind}/{device}"));
    }
}

#[test]
fn the_clock_reads_and_writes_as_it_stands() {
    let [question, answer] = block("clock")[..] else {
        panic!("not two lines");
    };
    assert_eq!(clock::ask(), question);
    assert!(clock::is_ask(question.as_bytes()));
    for other in [
        answer,
        "",
        "[]",
        r#"{"type":"get"}"#,
        r#"{"type":"get","resource":["x"]}"#,
    ] {
        assert!(!clock::is_ask(other.as_bytes()), "{other}");
    }
    assert_eq!(
        clock::Answer::decode(answer.as_bytes()).unwrap().encode(),
        answer
    );
    let old = clock::Answer::decode(br#"{"type":"get","time":"1700000000"}"#).unwrap();
    assert_eq!(
        (old.came_ms, old.sent_ms),
        (1_700_000_000_000, 1_700_000_000_000)
    );
    assert_eq!(clock::Answer::decode(b"{}").unwrap_err().field(), "time");
    let device = Device::new("ABCDE12345", "cam_01").unwrap();
    assert_eq!(
        clock::ask_topic(&device),
        "$sys/operation/ABCDE12345/cam_01"
    );
    assert_eq!(
        clock::answer_topic(&device),
        "$sys/operation/result/ABCDE12345/cam_01"
    );
}

#[test]
fn codes_of_answers_are_the_tables() {
    let codes = [
        ("OK", code::OK),
        ("BAD_REQUEST", code::BAD_REQUEST),
        ("FORBIDDEN", code::FORBIDDEN),
        ("NOT_FOUND", code::NOT_FOUND),
        ("BAD_VALUE", code::BAD_VALUE),
        ("USED", code::USED),
        ("EXPIRED", code::EXPIRED),
        ("TOO_MANY", code::TOO_MANY),
        ("INTERNAL", code::INTERNAL),
    ];
    let rows: Vec<(String, String)> = table("Answer")
        .into_iter()
        .map(|row| (row[1].clone(), row[0].clone()))
        .collect();
    let codes = codes.map(|(name, code)| (name.to_owned(), code.to_string()));
    assert_eq!(rows, codes);
}

#[test]
fn registrations_read_and_write_as_they_stand() {
    for pair in block("register").chunks(2) {
        let request = register::Request::decode(pair[0].as_bytes()).unwrap();
        assert_eq!(request.encode(), pair[0]);
        let (device, nonce) = (&request.device, request.nonce);
        let text = register::Request::text_to_sign(device, nonce, request.timestamp);
        assert_eq!(text, pair[1]);
    }
    for line in block("register-hub") {
        assert_eq!(HubRequest::decode(line.as_bytes()).unwrap().encode(), line);
    }
    for line in block("register-response") {
        let response = Response::decode(line.as_bytes()).unwrap();
        let written = match line.contains("RequestId") {
            true => response.encode_hub("r1"),
            false => response.encode(),
        };
        assert_eq!(written, line);
    }
    for line in block("register-payload") {
        let padded = format!("{line}\0\0\0");
        assert_eq!(Payload::decode(padded.as_bytes()).unwrap().encode(), line);
    }
}

#[test]
fn registrations_are_refused_by_part() {
    fn read(line: &str) -> Result<Box<dyn Debug>, ParseError> {
        let (path, body) = line.split_once(' ').unwrap();
        Ok(match path {
            register::EXPLORER_PATH => Box::new(register::Request::decode(body.as_bytes())?),
            register::HUB_PATH => Box::new(HubRequest::decode(body.as_bytes())?),
            other => panic!("no path {other}"),
        })
    }
    for (line, part) in block("register-refused").into_iter().map(arrow) {
        refused(line, read(line), part);
    }
}

#[test]
fn ports_and_addresses_stand_in_the_text() {
    let address = format!(
        "UDP {} port {}",
        wire::soft_ap::ADDRESS,
        wire::soft_ap::PORT
    );
    for text in [
        address,
        format!("port {}", wire::soft_ap::LOG_PORT),
        format!("`{}`", wire::soft_ap::PROTOCOL_VERSION),
        format!("`{}`", wire::soft_ap::DEFAULT_REGION),
        format!("reads {} bytes", wire::soft_ap::REFERENCE_RECEIVE_LIMIT),
        format!("`mqtt` ({}", hub::MQTT_PORT),
        format!("`http` ({})", hub::HTTP_PORT),
        format!("`{}`", wire::thing::XP2P_INFO),
        format!(";{};", wire::login::SDK_APP_ID),
    ] {
        assert!(README.contains(&text), "{text}");
    }
}

/// Every reader of this part.
pub(crate) fn read_all(bytes: &[u8]) {
    let _ = (Request::decode(bytes), Reply::decode(bytes));
    let _ = (hub::HubAddress::decode(bytes), Payload::decode(bytes));
    let _ = (register::Request::decode(bytes), HubRequest::decode(bytes));
    let _ = (Response::decode(bytes), clock::Answer::decode(bytes));
    let _ = clock::is_ask(bytes);
    for kind in Kind::ALL {
        let _ = Message::decode(Direction::Up, kind, bytes);
        let _ = Message::decode(Direction::Down, kind, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = (
            qr::parse(text),
            text.parse::<Label>(),
            Fault::from_tail(text),
        );
        let _ = (text.parse::<Username>(), text.parse::<Password>());
        let _ = (text.parse::<Topic>(), text.parse::<Device>());
    }
}
