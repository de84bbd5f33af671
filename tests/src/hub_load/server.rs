//! The server under load, as a child process: the bench itself started again with `serve`, and mosquitto beside it.

use super::{Load, Setup};
use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use bytes::Bytes;
use hub::broker::embedded::{Embedded, Pem};
use hub::broker::external::External;
use hub::broker::{Broker, Decision, Event, Login, Rules, embedded, external};
use hub::{Config, Hub, Keeper, Viewer};
use provision::credentials::{self, DeviceSecret};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wire::device::Device;
use wire::id::PeerId;
use wire::login::{Password, Username};
use wire::thing::{Answer, Body, Message, Topic};
use wire::token::Token;

pub(super) const PRODUCT: &str = "BENCH00001";

/// The name of one device of the crowd.
pub(super) fn name(ordinal: usize) -> String {
    format!("cam_{ordinal}")
}

/// The secret of a device: both sides can make it.
pub(super) fn secret(name: &str) -> DeviceSecret {
    let mut bytes = [0x5a; 16];
    for (byte, letter) in bytes.iter_mut().zip(name.bytes()) {
        *byte ^= letter;
    }
    DeviceSecret::from_bytes(&bytes)
}

/// What the crowd needs to know.
pub(super) struct Ready {
    pub(super) port: u16,
    pub(super) tokens: Vec<Token>,
}

/// The running server.
pub(super) struct Child {
    pub(super) ready: Ready,
    serving: std::process::Child,
    mosquitto: Option<std::process::Child>,
    _folder: tempfile::TempDir,
}

impl Child {
    pub(super) fn start(setup: Setup, load: Load) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mosquitto = match setup {
            Setup::Mosquitto { tls } => Some(mosquitto(folder.path(), tls)?),
            _ => None,
        };
        let port = mosquitto.as_ref().map_or(0, |(_, port)| *port);
        let mut serving = Command::new(std::env::current_exe()?)
            .args([
                "serve",
                setup.name(),
                &load.devices.to_string(),
                &port.to_string(),
            ])
            .arg(folder.path())
            .stdout(Stdio::piped())
            // Ends with its standard input, however this process ends.
            .stdin(Stdio::piped())
            .spawn()
            .context("starting the server")?;
        let mut lines = BufReader::new(serving.stdout.take().context("its output")?).lines();
        let mut tokens = Vec::new();
        let port = loop {
            let Some(line) = lines.next().transpose()? else {
                bail!("the server ended before it was ready");
            };
            match line.split_once(' ') {
                Some(("token", token)) => tokens.push(token.parse()?),
                Some(("ready", port)) => break port.parse()?,
                _ => bail!("the server said `{line}`"),
            }
        };
        Ok(Self {
            ready: Ready { port, tokens },
            serving,
            mosquitto: mosquitto.map(|(child, _)| child),
            _folder: folder,
        })
    }

    /// The process that holds the devices' connections.
    pub(super) fn process(&self) -> u32 {
        self.mosquitto.as_ref().unwrap_or(&self.serving).id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        for child in [Some(&mut self.serving), self.mosquitto.as_mut()]
            .into_iter()
            .flatten()
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// mosquitto on a free port, open to everybody: the fastest it can be.
fn mosquitto(folder: &Path, tls: bool) -> Result<(std::process::Child, u16)> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let place = folder.display();
    let mut conf = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\nlog_type error\n"
    );
    if tls {
        let pem = certificate()?;
        std::fs::write(folder.join("cert.pem"), &pem.certificate)?;
        std::fs::write(folder.join("key.pem"), &pem.key)?;
        conf.push_str(&format!(
            "certfile {place}/cert.pem\nkeyfile {place}/key.pem\n"
        ));
    }
    let file = folder.join("mosquitto.conf");
    std::fs::write(&file, conf)?;
    // Debian installs it where not everybody's PATH leads.
    let start = |program| {
        // It writes a line for every TLS connection that ends without a farewell.
        Command::new(program)
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
    };
    let mut child = start("/usr/sbin/mosquitto")
        .or_else(|_| start("mosquitto"))
        .context("starting mosquitto; `cargo xtask setup` installs it")?;
    let begin = Instant::now();
    while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if child.try_wait()?.is_some() || begin.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            bail!("mosquitto does not listen");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok((child, port))
}

fn certificate() -> Result<Pem> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    Ok(Pem {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    })
}

/// The child's side: `SETUP DEVICES PORT FOLDER`.
pub(super) fn main(arguments: impl Iterator<Item = String>) -> Result<()> {
    let arguments: Vec<String> = arguments.collect();
    let [setup, devices, port, folder] = &arguments[..] else {
        bail!("serve SETUP DEVICES PORT FOLDER");
    };
    let setup = Setup::named(setup).context("no such setup")?;
    let (devices, port) = (devices.parse()?, port.parse()?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(setup, devices, port, Path::new(folder)))
}

async fn serve(setup: Setup, devices: usize, port: u16, folder: &Path) -> Result<()> {
    match setup {
        Setup::Hub => {
            let (hub, port) = whole_hub(devices, folder).await?;
            ready(port)?;
            until_told().await;
            hub.stop().await;
        }
        Setup::Broker { tls } => {
            let tls = if tls { Some(certificate()?) } else { None };
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let mut config = embedded::Config::new(vec![any], tls);
            config.devices = u32::try_from(devices)? + 1;
            let (sender, events) = mpsc::channel(4096);
            let broker = Embedded::start(config, Arc::new(Known), sender).await?;
            let port = broker.addresses()[0].port();
            token_for_everybody()?;
            tokio::spawn(answer(Arc::new(broker), events));
            ready(port)?;
            until_told().await;
        }
        Setup::Mosquitto { tls } => {
            let scheme = if tls { "mqtts" } else { "mqtt" };
            let ca = std::fs::read_to_string(folder.join("cert.pem")).ok();
            let config = external::Config {
                url: format!("{scheme}://localhost:{port}").parse()?,
                ca,
                client_id: "hub".into(),
            };
            let (sender, events) = mpsc::channel(4096);
            let broker = External::connect(config, Arc::new(Known), sender).await?;
            token_for_everybody()?;
            tokio::spawn(answer(Arc::new(broker), events));
            ready(port)?;
            until_told().await;
        }
    }
    Ok(())
}

/// A hub with all devices registered and a token for each.
async fn whole_hub(devices: usize, folder: &Path) -> Result<(Hub, u16)> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config::embedded(folder);
    config.http = any;
    config.mqtt = hub::config::Mqtt::Embedded(any);
    config.limits.connections = u32::try_from(devices)? + 1;
    config.limits.tokens_per_minute = u32::MAX;
    // Writing ten thousand secrets takes longer than a pairing.
    config.limits.token_seconds = 3600;
    let keeper = Keeper::open(&config).await?;
    for ordinal in 0..devices {
        let name = name(ordinal);
        let device = Device::new(PRODUCT, &name)?;
        keeper.add_device(&device, Some(secret(&name))).await?;
    }
    drop(keeper);
    let hub = Hub::start(config).await?;
    let desk = hub.desk();
    let viewer = Viewer {
        key: PeerId([7; 32]),
        name: "bench".into(),
    };
    for _ in 0..devices {
        let issued = desk.create_token(&viewer).await?;
        say(&format!("token {}", issued.token.as_str()))?;
    }
    let port = hub.address().mqtt_port;
    Ok((hub, port))
}

/// The brokers alone look at no token.
fn token_for_everybody() -> Result<()> {
    say(&format!("token {}", Token::from_bytes([1; 16]).as_str()))
}

fn ready(port: u16) -> Result<()> {
    say(&format!("ready {port}"))
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Until the bench ends.
async fn until_told() {
    let waiting = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    let _ = waiting.await;
}

/// The documents' rule, with secrets that need no database.
struct Known;

#[async_trait]
impl Rules for Known {
    async fn login(&self, login: &Login) -> Decision {
        let parsed = || {
            let username: Username = login.username.parse().ok()?;
            let password: Password = std::str::from_utf8(&login.password).ok()?.parse().ok()?;
            Some((username, password))
        };
        let Some((username, password)) = parsed() else {
            return Decision::WrongCredentials;
        };
        let secret = secret(username.device.device_name.as_str());
        if credentials::is_password(&secret, &username, &password) {
            Decision::Admit(username.device)
        } else {
            Decision::WrongCredentials
        }
    }
}

/// Says "accepted" to every token.
async fn answer(broker: Arc<dyn Broker>, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        let Event::Up(up) = event else { continue };
        let Ok(topic) = up.topic.parse::<Topic>() else {
            continue;
        };
        let Ok(said) = Message::decode(topic.direction, topic.kind, &up.payload) else {
            continue;
        };
        let reply = Message::new(said.client_token, Body::AppBindTokenReply(Answer::ok()));
        let down = Topic::down(topic.kind, &up.device).to_string();
        if let Err(error) = broker.push(&down, Bytes::from(reply.encode())).await {
            eprintln!("{error}");
        }
    }
}
