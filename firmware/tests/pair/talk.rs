//! Talks with a camera in one process: the voice's way to the speaker's file, and every end that a talk can have.

use std::time::{Duration, Instant};

use flv::{AudioCodec, AudioFormat, Metadata, Writer};
use media::wav;
use p2p::{Body, BodySender, Priority, Request, Response};
use wire::command::reply::{DeviceStatus, Refusal, Status};
use wire::id::PeerId;
use wire::talk::{Floor, VoiceEvent};

use super::rig::{Rig, Viewer};

const FORMAT: AudioFormat = AudioFormat {
    codec: AudioCodec::Pcm,
    sample_rate: 16_000,
    channels: 1,
};
/// Samples of a packet of 20 ms.
const PACKET: usize = 320;

/// A voice on its way, and what the camera says of it.
struct Voice {
    sender: BodySender,
    answer: Response,
    text: Vec<u8>,
}

async fn call(viewer: &Viewer) -> (BodySender, Response) {
    let (sender, body) = Body::channel(64);
    let request = Request::post("/ipc.p2p.com/voice?channel=0", body)
        .priority(Priority::Audio)
        .watched(false);
    let answer = viewer.session.request(request).await.unwrap();
    (sender, answer)
}

impl Voice {
    async fn start(viewer: &Viewer) -> Self {
        let (sender, answer) = call(viewer).await;
        assert_eq!(answer.status, 200);
        let mut head = Vec::new();
        Writer::default().header(&mut head, true, false);
        let metadata = Metadata::new().with_number("audiosamplerate", 16_000.0);
        Writer::default().metadata(&mut head, 0, &metadata).unwrap();
        sender.send(head).await.unwrap();
        Self {
            sender,
            answer,
            text: Vec::new(),
        }
    }

    /// Packet `number` of a tone.
    async fn packet(&self, number: usize) -> bool {
        let mut tag = Vec::new();
        let sample = |i: usize| ((i as f32 * 0.2).sin() * 8_000.0) as i16;
        let data: Vec<u8> = (number * PACKET..(number + 1) * PACKET)
            .flat_map(|i| sample(i).to_le_bytes())
            .collect();
        let at = 1_000 + 20 * number as i64;
        Writer::default()
            .audio(&mut tag, at, FORMAT, &data)
            .unwrap();
        self.sender.send(tag).await.is_ok()
    }

    /// Packets in real time; where `stalls`, the network stands still for 300 ms and then gives everything at once.
    async fn speak(&self, from: usize, count: usize, stalls: Option<usize>) {
        let start = Instant::now();
        for number in from..from + count {
            if stalls == Some(number) {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            let due = start + Duration::from_millis(20 * (number - from) as u64);
            tokio::time::sleep_until(due.into()).await;
            if !self.packet(number).await {
                return;
            }
        }
    }

    /// What the camera says next.
    async fn event(&mut self) -> VoiceEvent {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                return VoiceEvent::decode(line.trim_ascii()).unwrap();
            }
            let chunk = self
                .answer
                .body
                .chunk()
                .await
                .expect("an end before the body's");
            self.text.extend_from_slice(&chunk.unwrap());
        }
    }

    async fn end(&mut self) -> VoiceEvent {
        loop {
            let event = self.event().await;
            if event.is_end() {
                return event;
            }
        }
    }
}

async fn floor(viewer: &Viewer, cmd: &str) -> Floor {
    let reply = viewer
        .user(&format!(r#"{{"topic":"talk_floor","data":{cmd}}}"#))
        .await;
    Floor::decode(&reply).unwrap()
}

async fn now(viewer: &Viewer) -> Option<PeerId> {
    let floor = floor(viewer, r#"{"cmd":"watch","version":"0"}"#).await;
    floor.talker.map(|person| person.id)
}

async fn refused(viewer: &Viewer) -> Refusal {
    let (_sender, answer) = call(viewer).await;
    assert_ne!(answer.status, 200);
    Refusal::decode(&answer.body.read_to_end(1_000).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_reaches_the_speaker_also_over_a_network_that_stands_still() {
    let file = std::env::temp_dir().join(format!("porthole-speaker-{}.wav", std::process::id()));
    let kept = file.clone();
    let rig = Rig::start(|options| {
        options.talk.speaker_file = Some(kept);
        options.talk.chime = false;
    })
    .await;
    let viewer = rig.paired().await;
    let reply = viewer
        .command("action=inner_define&channel=0&cmd=get_device_st&type=voice")
        .await;
    let status = DeviceStatus::decode(&reply).unwrap();
    assert_eq!((status.status, status.talker), (Status::Accept, None));
    assert!(
        status
            .voice
            .unwrap()
            .to_string()
            .starts_with("aac/16000,opus/48000")
    );

    let mut voice = Voice::start(&viewer).await;
    voice.speak(0, 150, Some(60)).await;
    assert_eq!(voice.event().await, VoiceEvent::Success);
    let Voice {
        sender,
        answer,
        text,
    } = voice;
    // The end of the upload is the end of the talk.
    drop(sender);
    voice = Voice {
        sender: Body::channel(1).0,
        answer,
        text,
    };
    let VoiceEvent::Complete { played_ms } = voice.end().await else {
        panic!("not complete");
    };
    assert!(
        (2_400..3_300).contains(&played_ms),
        "{played_ms} ms of 3000"
    );
    assert_eq!(now(&viewer).await, None);
    let heard = wav::read(&file).unwrap();
    let loud = heard
        .data
        .iter()
        .filter(|sample| sample.abs() > 0.05)
        .count();
    // A sine of 0.24 is above 0.05 for 87 % of its time.
    assert!(
        loud > heard.rate as usize * 2,
        "{loud} of {} samples",
        heard.data.len()
    );
    assert!(heard.data.iter().all(|sample| sample.abs() < 0.3));
    let _ = std::fs::remove_file(file);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_talks_another_asks_and_takes_over() {
    let rig = Rig::start(|_| {}).await;
    let anna = rig.paired().await;
    let ben = rig.another(&anna).await;
    let free = floor(&ben, r#"{"cmd":"watch","version":"0"}"#).await;
    assert_eq!((free.talker, free.asker), (None, None));
    let mut voice = Voice::start(&anna).await;
    // A question that waits is answered when something changes.
    let waited = floor(
        &ben,
        &format!(r#"{{"cmd":"watch","version":"{}"}}"#, free.version),
    )
    .await;
    assert_eq!(
        waited.talker.as_ref().map(|person| person.name.as_str()),
        Some("test")
    );
    let busy = refused(&ben).await;
    assert_eq!(
        (busy.error.as_str(), busy.talker.as_deref()),
        (Refusal::TALK_BUSY, Some("test"))
    );
    assert!(floor(&ben, r#"{"cmd":"ask"}"#).await.asker.is_some());
    let taken = floor(&ben, r#"{"cmd":"take"}"#).await;
    assert_ne!(taken.talker, waited.talker);
    let end = voice.end().await;
    let by = Some("test".to_owned());
    assert_eq!(
        end,
        VoiceEvent::Stop {
            error: "taken_over".into(),
            by
        }
    );
    assert_eq!(refused(&anna).await.error, Refusal::TALK_BUSY);
    let _ben = Voice::start(&ben).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bytes_and_a_silent_viewer_lose_the_floor() {
    let rig = Rig::start(|options| options.max_viewers = 1).await;
    let viewer = rig.paired().await;
    let mut voice = Voice::start(&viewer).await;
    let sent = async {
        for i in 0..4_000u32 {
            let noise: Vec<u8> = (0..1_024u32)
                .map(|j| ((i * 1_024 + j).wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect();
            if voice.sender.send(noise).await.is_err() {
                break;
            }
        }
    };
    sent.await;
    let end = voice.end().await;
    assert!(
        matches!(&end, VoiceEvent::Failure { error, .. } if error == "malformed" || error == "codec_refused"),
        "{end:?}"
    );
    assert_eq!(now(&viewer).await, None);

    let mut silent = Voice::start(&viewer).await;
    silent.speak(0, 5, None).await;
    let since = Instant::now();
    let other = rig.another(&viewer).await;
    let full = refused(&other).await;
    assert_eq!(full.status, Status::TooManyConnections);
    let stop = VoiceEvent::Stop {
        error: "silent".into(),
        by: None,
    };
    assert_eq!(silent.end().await, stop);
    assert!(
        since.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        since.elapsed()
    );
    assert_eq!(now(&viewer).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_plays_only_what_it_says() {
    let rig = Rig::start(|options| options.talk.formats = "g711a/8000".parse().unwrap()).await;
    let viewer = rig.paired().await;
    let mut voice = Voice::start(&viewer).await;
    voice.packet(0).await;
    let VoiceEvent::Failure { error, detail } = voice.end().await else {
        panic!("played");
    };
    assert_eq!(error, VoiceEvent::CODEC_REFUSED);
    assert!(detail.contains("g711a/8000"), "{detail}");
}
