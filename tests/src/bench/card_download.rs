//! How fast a file leaves the card: a download, beside a bare stream of the same transport from another process, and beside `curl`
//! from nginx on the same file. By turns, so that a busy machine is busy for all of them.

use super::peer::{Known, runtime};
use super::table::{Row, Target};
use crate::figures::p50;
use crate::places;
use crate::programs::{Camera, Folder, Running, Viewer, finish};
use anyhow::{Context, Result, ensure};
use p2p::{
    Access, Body, BoxFuture, Endpoint, Identity, Options, Priority, Request, Response, Role,
    Service, Session,
};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::address::Address;
use wire::id::PeerId;
use wire::stream::{Download, Source, StreamRequest};

/// Rounds of each.
const ROUNDS: usize = 9;
/// Bytes of a piece of the bare stream: as large as those of a download.
const PIECE: usize = 64 << 10;
/// Longest wait for a file that is closed, or for its bytes.
const PATIENCE: Duration = Duration::from_secs(150);

/// See the module's text.
pub(super) fn run() -> Result<Vec<Row>> {
    let card = Folder::temporary();
    let place = card.path().to_string_lossy();
    let camera = Camera::start(&["--card", &place, "--record-quality", "super"]);
    let link = Viewer::paired(&camera).share("front");
    let file = closed_file(card.path())?;
    let size = file.metadata()?.len();
    let web = Web::start(card.path(), &file)?;
    let (bare, address) = Bare::start(size)?;
    let (mut ours, mut streams, mut webs) = (Vec::new(), Vec::new(), Vec::new());
    runtime()?.block_on(async {
        let peer = Known::pair(&link).await?.bind().await?;
        let viewer = Endpoint::bind(options(Role::Viewer)?).await?;
        let other = viewer.session(address);
        let name = file
            .file_name()
            .context("a file's name")?
            .to_string_lossy()
            .into_owned();
        let wanted = Download {
            channel: 0,
            source: Source::File(name),
            offset: 0,
        };
        let wanted = StreamRequest::Download(wanted).to_path();
        for _ in 0..ROUNDS {
            ours.push(rate(&peer.session, &wanted, size).await?);
            streams.push(rate(&other, "/bare", size).await?);
            webs.push(tokio::task::block_in_place(|| web.rate())?);
        }
        peer.close().await;
        viewer.close().await;
        anyhow::Ok(())
    })?;
    drop((bare, web));
    let share = p50(&ours)
        .zip(p50(&streams))
        .map(|(ours, bare)| ours / bare);
    let note = format!("a file of {:.1} MB, {ROUNDS} times, p50", size as f64 / 1e6);
    Ok(vec![
        Row::new("download", Target::Beside, p50(&ours), "MB/s").note(&note),
        Row::new("bare P2P stream", Target::Beside, p50(&streams), "MB/s")
            .note("as many bytes from memory"),
        Row::new(
            "download / bare P2P stream",
            Target::AtLeast(0.9),
            share,
            "",
        )
        .note("the camera records meanwhile"),
        Row::new(
            "curl from nginx on the same file",
            Target::Beside,
            p50(&webs),
            "MB/s",
        )
        .note("without encryption"),
    ])
}

/// The first file of a card that is closed: another was begun after it.
fn closed_file(card: &Path) -> Result<PathBuf> {
    let start = Instant::now();
    loop {
        if let [first, _, ..] = places::files(card, &["mp4"]).as_slice() {
            return Ok(first.clone());
        }
        ensure!(start.elapsed() < PATIENCE, "no second file on the card");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Reads all of a body; MB/s.
async fn rate(session: &Session, target: &str, size: u64) -> Result<f64> {
    let start = Instant::now();
    let request = Request::get(target).priority(Priority::Download);
    let response = tokio::time::timeout(PATIENCE, session.request(request)).await??;
    ensure!(
        response.status == 200,
        "{target}: status {}",
        response.status
    );
    let (mut body, mut read) = (response.body, 0);
    while let Some(chunk) = tokio::time::timeout(PATIENCE, body.chunk()).await? {
        read += chunk?.len() as u64;
    }
    ensure!(read == size, "{read} of {size} bytes");
    Ok(size as f64 / 1e6 / start.elapsed().as_secs_f64())
}

/// nginx on a card.
struct Web {
    _process: Running,
    _folder: Folder,
    url: String,
}

impl Web {
    fn start(card: &Path, file: &Path) -> Result<Self> {
        let folder = Folder::temporary();
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let (own, root) = (folder.path().display(), card.display());
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {own}/{name};\n"))
            .concat();
        // One process, which ends with its owner and reads what this user may read.
        let configuration = format!(
            "master_process off;\ndaemon off;\npid {own}/pid;\nerror_log {own}/errors;\nevents {{}}\nhttp {{\naccess_log off;\nsendfile on;\n\
             {paths}server {{ listen 127.0.0.1:{port}; root {root}; }}\n}}\n"
        );
        let place = folder.path().join("nginx.conf");
        std::fs::write(&place, configuration)?;
        let mut nginx = Command::new("nginx");
        nginx
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&place)
            .stderr(Stdio::null());
        let process = Running::start(&mut nginx);
        let path = file.strip_prefix(card).context("a file of the card")?;
        Ok(Self {
            _process: process,
            _folder: folder,
            url: format!("http://127.0.0.1:{port}/{}", path.display()),
        })
    }

    /// MB/s.
    fn rate(&self) -> Result<f64> {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--fail",
            "--retry",
            "20",
            "--retry-connrefused",
            "--output",
            "/dev/null",
        ]);
        curl.args(["--write-out", "%{speed_download}", &self.url]);
        let said = finish(&mut curl, PATIENCE).succeeded().text();
        Ok(said
            .trim()
            .parse::<f64>()
            .with_context(|| format!("curl says {said}"))?
            / 1e6)
    }
}

/// The other end of the bare stream, a process of its own.
struct Bare {
    _process: Running,
}

impl Bare {
    fn start(size: u64) -> Result<(Self, Address)> {
        let mut own = Command::new(std::env::current_exe()?);
        own.arg("bare")
            .env(SIZE, size.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = Running::start(&mut own);
        let stdout = process
            .child()
            .stdout
            .take()
            .context("its output is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let (id, port) = line.trim().split_once(' ').context("no address")?;
        let mut address = Address::new(id.parse()?);
        address.addrs.push(([127, 0, 0, 1], port.parse()?).into());
        Ok((Self { _process: process }, address))
    }
}

/// How many bytes a bare stream has.
const SIZE: &str = "PORTHOLE_BARE_BYTES";

/// Serves bare streams until it is killed, after a line with its key and port.
pub fn serve_bare() -> ExitCode {
    let served = runtime().and_then(|runtime| runtime.block_on(bare()));
    if let Err(error) = served {
        eprintln!("bench-card bare: {error:#}");
    }
    ExitCode::FAILURE
}

async fn bare() -> Result<()> {
    let size = std::env::var(SIZE).context(SIZE)?.parse().context(SIZE)?;
    let endpoint = Endpoint::bind(options(Role::Camera)?).await?;
    let _server = endpoint.serve(Arc::new(Everybody), Arc::new(Bytes { size }));
    let ports = endpoint.ports();
    let port = ports
        .iter()
        .find(|socket| socket.is_ipv4())
        .context("no port")?
        .port();
    println!("{} {port}", endpoint.id());
    std::io::stdout().flush()?;
    std::future::pending().await
}

fn options(role: Role) -> Result<Options> {
    Ok(Options {
        lan: false,
        ..Options::new(Identity::ephemeral()?, role)
    })
}

/// Lets everybody in: a measurement, not a camera.
struct Everybody;

impl Access for Everybody {
    fn admits(&self, _viewer: &PeerId) -> bool {
        true
    }

    fn pair(&self, _viewer: &PeerId, _request: &wire::pair::Request) -> bool {
        false
    }
}

struct Bytes {
    size: u64,
}

impl Service for Bytes {
    fn call(&self, _request: Request) -> BoxFuture<Response> {
        let mut left = usize::try_from(self.size).unwrap_or(usize::MAX);
        Box::pin(async move {
            let (sender, body) = Body::channel(4);
            tokio::spawn(async move {
                while left > 0 {
                    let piece = left.min(PIECE);
                    if sender.send(p2p::Chunk::from(vec![1; piece])).await.is_err() {
                        return;
                    }
                    left -= piece;
                }
            });
            Response::new(200, body)
        })
    }
}
