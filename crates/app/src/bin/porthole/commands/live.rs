//! `porthole live CAMERA`: one continuous FLV, whatever happens on the way.

use crate::out::Out;
use app::App;
use app::api::{Failure, Quality};
use app::continuous::{Continuous, Fed, Feed};
use app::live::{Unit, VideoUnit};
use app::store::not_written;
use serde_json::json;
use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// What was typed.
pub(crate) struct Wanted {
    /// Which camera.
    pub(crate) camera: String,
    /// Picture size.
    pub(crate) quality: Quality,
    /// A file, or `-`.
    pub(crate) output: PathBuf,
    /// Stop after this long.
    pub(crate) seconds: Option<f64>,
    /// Print figures.
    pub(crate) stats: bool,
}

/// Writes until Ctrl-C, the end of the time, or until the reader has gone.
pub(crate) async fn run(app: &App, out: &Out, wanted: Wanted) -> Result<(), Failure> {
    let session = app.cameras().meant(&wanted.camera)?;
    let to_stdout = wanted.output == Path::new("-");
    if to_stdout && std::io::stdout().is_terminal() {
        let hint = out.say(
            "pipe it into a player: porthole live … | ffplay -",
            "请接到播放器：porthole live … | ffplay -",
        );
        return Err(not_written(&wanted.output, &hint));
    }
    let mut writer: Box<dyn AsyncWrite + Send + Unpin> = if to_stdout {
        Box::new(tokio::io::stdout())
    } else {
        Box::new(
            tokio::fs::File::create(&wanted.output)
                .await
                .map_err(|error| not_written(&wanted.output, &error))?,
        )
    };
    let mut feed = Feed::open(session.clone(), wanted.quality);
    let mut flv = Continuous::default();
    let mut figures = Figures::new();
    let mut bytes = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let end = super::end(wanted.seconds);
    tokio::pin!(end);
    loop {
        let fed = tokio::select! {
            biased;
            () = &mut end => break,
            _ = tick.tick(), if wanted.stats => {
                figures.tell(out, &session, feed.bytes());
                continue;
            }
            fed = feed.next() => fed?,
        };
        match fed {
            Fed::Opened(opened) => figures.opened(opened.asked, opened.connect, opened.first_byte),
            Fed::Lost(failure) => {
                flv.interrupt();
                figures.lost();
                out.progress(&format!("{:?}", failure.code));
            }
            Fed::Unit(unit) => {
                if let Unit::Video(video) = &unit {
                    figures.picture(video);
                }
                bytes.clear();
                if let Err(error) = flv.unit(&unit, &mut bytes) {
                    tracing::warn!(%error, "left out");
                }
                if bytes.is_empty() {
                    continue;
                }
                let written = async {
                    writer.write_all(&bytes).await?;
                    writer.flush().await
                };
                let written = tokio::select! {
                    written = written => written,
                    // The reader may have stopped reading: the end comes all the same.
                    () = &mut end => break,
                };
                match written {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
                    Err(error) => return Err(not_written(&wanted.output, &error)),
                }
            }
        }
    }
    let _ = writer.flush().await;
    if wanted.stats {
        figures.tell(out, &session, feed.bytes());
    }
    Ok(())
}

struct Figures {
    asked: Option<Instant>,
    connect: Duration,
    first_byte: Duration,
    first_keyframe: Option<Duration>,
    pictures: u64,
    told: (Instant, u64, u64),
    reconnects: u64,
    size: (u32, u32),
    codec: String,
}

impl Figures {
    fn new() -> Self {
        Self {
            asked: None,
            connect: Duration::ZERO,
            first_byte: Duration::ZERO,
            first_keyframe: None,
            pictures: 0,
            told: (Instant::now(), 0, 0),
            reconnects: 0,
            size: (0, 0),
            codec: String::new(),
        }
    }

    fn opened(&mut self, asked: Instant, connect: Duration, first_byte: Duration) {
        if self.asked.is_none() {
            (self.asked, self.connect, self.first_byte) = (Some(asked), connect, first_byte);
        }
    }

    fn lost(&mut self) {
        self.reconnects += 1;
    }

    fn picture(&mut self, video: &VideoUnit) {
        self.pictures += 1;
        if video.key {
            self.size = (video.track.width, video.track.height);
            self.codec = video.track.codec_name();
            if self.first_keyframe.is_none() {
                self.first_keyframe = self
                    .asked
                    .map(|asked| video.arrived.saturating_duration_since(asked));
            }
        }
    }

    fn tell(&mut self, out: &Out, session: &app::session::Session, bytes: u64) {
        let Some(_) = self.asked else { return };
        let (at, pictures, before) =
            std::mem::replace(&mut self.told, (Instant::now(), self.pictures, bytes));
        let passed = at.elapsed().as_secs_f64().max(0.001);
        let ms = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
        let fps = (self.pictures - pictures) as f64 / passed;
        let bit_rate = (bytes - before) as f64 * 8.0 / passed;
        let path = session.path();
        let json = json!({
            "connectMs": ms(self.connect), "firstByteMs": ms(self.first_byte),
            "firstKeyframeMs": self.first_keyframe.map(ms), "fps": fps, "bitRate": bit_rate,
            "width": self.size.0, "height": self.size.1, "videoCodec": self.codec,
            "pictures": self.pictures, "bytes": bytes, "reconnects": self.reconnects, "path": path,
        });
        let way = path
            .map(|path| format!("{:?} {:.1} ms", path.kind, path.rtt_ms).to_lowercase())
            .unwrap_or_default();
        let people = format!(
            "connect {:.1} ms  first byte {:.1} ms  first keyframe {:.1} ms  {} {}x{}  {fps:.1} fps  {:.0} kbit/s  {way}  {} reconnects",
            ms(self.connect),
            ms(self.first_byte),
            self.first_keyframe.map(ms).unwrap_or_default(),
            self.codec,
            self.size.0,
            self.size.1,
            bit_rate / 1000.0,
            self.reconnects,
        );
        out.figures(&json, &people);
    }
}
