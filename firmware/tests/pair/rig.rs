//! A camera in a directory of its own, and viewers that decode.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firmware::board::sim::lamp;
use firmware::{Camera, Options};
use flv::{AudioKind, Item, Reader, VideoKind};
use media::video::{Codec, Decoder};
use media::{audio, marks};
use p2p::{Body, Endpoint, Error, Identity, Priority, Request, Role, Session};
use wire::command::reply::{DeviceStatus, UserReply};
use wire::link::Link;

const FPS: u32 = 30;
/// Far beyond what anything takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) camera: Camera,
    options: Options,
    directory: Directory,
}

struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Rig {
    pub(crate) async fn start(change: impl FnOnce(&mut Options)) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("porthole-pair-{}-{number}", std::process::id()));
        let mut options = Options {
            lan: false,
            ..Options::new(&directory)
        };
        change(&mut options);
        let camera = Camera::start(options.clone()).await.unwrap();
        Self {
            camera,
            options,
            directory: Directory(directory),
        }
    }

    pub(crate) fn options(&self) -> Options {
        self.options.clone()
    }

    pub(crate) async fn stop(self) {
        self.camera.stop().await;
    }

    pub(crate) async fn restart(self) -> Self {
        self.camera.stop().await;
        let options = Options {
            name: None,
            ..self.options
        };
        let camera = Camera::start(options.clone()).await.unwrap();
        Self {
            camera,
            options,
            directory: self.directory,
        }
    }

    /// The first viewer.
    pub(crate) async fn paired(&self) -> Viewer {
        let viewer = Viewer::new(self).await;
        viewer.pair(self.camera.link()).await.unwrap();
        viewer
    }

    /// One more viewer, by a link that another one shares.
    pub(crate) async fn another(&self, by: &Viewer) -> Viewer {
        let viewer = Viewer::new(self).await;
        let link = UserReply::decode(&by.user(r#"{"topic":"share"}"#).await)
            .unwrap()
            .link()
            .unwrap();
        viewer.pair(link).await.unwrap();
        viewer
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.0.join(name)
    }
}

pub(crate) struct Viewer {
    pub(crate) session: Session,
    _endpoint: Endpoint,
}

impl Viewer {
    pub(crate) async fn new(rig: &Rig) -> Self {
        let options = p2p::Options::new(Identity::ephemeral().unwrap(), Role::Viewer);
        let endpoint = Endpoint::bind(p2p::Options {
            lan: false,
            ..options
        })
        .await
        .unwrap();
        Self {
            session: endpoint.session(rig.camera.link().address),
            _endpoint: endpoint,
        }
    }

    pub(crate) async fn pair(&self, link: Link) -> Result<(), Error> {
        let secret = link.secret.expect("a link that invites");
        self.session
            .pair(wire::pair::Request {
                secret,
                viewer_name: "test".into(),
            })
            .await
    }

    pub(crate) async fn user(&self, cmd: &str) -> Vec<u8> {
        let cmd = cmd
            .replace('{', "%7B")
            .replace('}', "%7D")
            .replace('"', "%22");
        self.command(&format!("action=user_define&channel=0&cmd={cmd}"))
            .await
    }

    pub(crate) async fn device_status(&self) -> DeviceStatus {
        let reply = self
            .command("action=inner_define&channel=0&cmd=get_device_st&type=live&quality=high")
            .await;
        DeviceStatus::decode(&reply).unwrap()
    }

    pub(crate) async fn command(&self, query: &str) -> Vec<u8> {
        let response = self
            .session
            .request(Request::get(format!("/ipc.p2p.com/command?{query}")))
            .await
            .unwrap();
        assert_eq!(response.status, 200);
        response.body.read_to_end(100_000).await.unwrap()
    }

    pub(crate) async fn open(&self, query: &str) -> Stream {
        self.request(live(query)).await
    }

    /// Without the watchdog: a viewer may look away.
    pub(crate) async fn open_unwatched(&self, query: &str) -> Stream {
        self.request(live(query).watched(false)).await
    }

    async fn request(&self, request: Request) -> Stream {
        let response = self.session.request(request).await.unwrap();
        assert_eq!(
            response.status,
            200,
            "{:?}",
            response.header_value("x-porthole-detail")
        );
        assert_eq!(response.header_value("content-type"), Some("video/x-flv"));
        Stream {
            body: response.body,
            reader: Reader::default(),
            video: None,
            sound: None,
            bytes: Vec::new(),
            chimes: Vec::new(),
            loud_until: i64::MIN,
        }
    }
}

pub(crate) fn live(query: &str) -> Request {
    Request::get(format!("/ipc.p2p.com/ipc.flv?{query}")).priority(Priority::Video)
}

/// What a test wants to know of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pts_ms: i64,
    pub(crate) key: bool,
    pub(crate) counter: u32,
    pub(crate) position: (u16, u16),
    pub(crate) lamp: bool,
    decoded_us: u64,
}

impl Seen {
    /// Milliseconds from capture to decoded, by the counter in the picture.
    pub(crate) fn age_ms(&self) -> i64 {
        let captured = marks::time_of(self.counter, FPS, self.decoded_us);
        (self.decoded_us as i64 - captured as i64) / 1000
    }
}

pub(crate) struct Stream {
    body: Body,
    reader: Reader,
    video: Option<Decoder>,
    sound: Option<audio::Decoder>,
    bytes: Vec<u8>,
    chimes: Vec<i64>,
    loud_until: i64,
}

impl Stream {
    /// The next pictures.
    pub(crate) async fn pictures(&mut self, count: usize) -> Vec<Seen> {
        let mut seen = Vec::new();
        while seen.len() < count {
            self.read(&mut seen).await;
        }
        seen
    }

    /// Pictures up to the first one that is wanted.
    pub(crate) async fn pictures_until(&mut self, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while !seen.last().is_some_and(&wanted) {
            assert!(Instant::now() < deadline, "last seen: {:?}", seen.last());
            self.read(&mut seen).await;
        }
        seen
    }

    /// When chimes began so far, milliseconds of the stream.
    pub(crate) fn chimes(&self) -> Vec<i64> {
        self.chimes.clone()
    }

    /// Listens for a while.
    pub(crate) async fn chimes_within(&mut self, time: Duration) -> Vec<i64> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            self.read(&mut Vec::new()).await;
        }
        self.chimes()
    }

    /// Everything that came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    async fn read(&mut self, seen: &mut Vec<Seen>) {
        let chunk = tokio::time::timeout(PATIENCE, self.body.chunk())
            .await
            .expect("a stalled stream");
        let chunk = chunk.expect("the stream ended").expect("the stream failed");
        self.bytes.extend_from_slice(&chunk);
        self.reader.push(&chunk);
        while let Some(item) = self.reader.next().expect("clean FLV") {
            match item {
                Item::Video(tag) if tag.kind == VideoKind::SequenceHeader => {
                    let codec = match tag.codec {
                        flv::VideoCodec::H264 => Codec::H264,
                        flv::VideoCodec::Hevc => Codec::Hevc,
                    };
                    self.video = Some(Decoder::open(codec, tag.data).unwrap());
                }
                Item::Video(tag) => {
                    let decoder = self.video.as_mut().expect("configuration first");
                    let pictures = decoder.decode(tag.data, tag.timestamp * 1000).unwrap();
                    seen.extend(pictures.iter().map(|picture| look(picture, tag.key)));
                }
                Item::Audio(tag) if tag.kind == AudioKind::SequenceHeader => {
                    let decoder =
                        audio::Decoder::open(tag.codec, tag.sample_rate, tag.channels, tag.data);
                    self.sound = Some(decoder.unwrap());
                }
                Item::Audio(tag) => {
                    let decoder = self.sound.as_mut().expect("configuration first");
                    let samples = decoder.decode(tag.data).unwrap();
                    for (n, sample) in samples.data.iter().enumerate() {
                        let at = tag.timestamp + n as i64 * 1000 / i64::from(samples.rate);
                        if sample.abs() > 0.15 {
                            if at > self.loud_until {
                                self.chimes.push(at);
                            }
                            self.loud_until = at + 300;
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn look(picture: &media::Picture, key: bool) -> Seen {
    let (width, height) = (picture.width(), picture.height());
    let stride = width as usize;
    let (x, y, side) = lamp::lens(width, height);
    let lens = (y + side / 2) as usize * stride + (x + side / 2) as usize;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Seen {
        width,
        height,
        pts_ms: picture.pts / 1000,
        key,
        counter: marks::read_counter(picture.y(), stride, width, height)
            .expect("an intact counter"),
        position: marks::read_position(picture.y(), stride, width, height)
            .expect("an intact position"),
        lamp: picture.y()[lens] > 150,
        decoded_us: now.as_micros() as u64,
    }
}
