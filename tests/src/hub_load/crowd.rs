//! All devices together.

use super::device::{Mqtt, Stream};
use super::server::Ready;
use super::{Load, Setup};
use crate::tls::trusting;
use anyhow::{Result, bail};
use rustls::pki_types::ServerName;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsConnector;
use wire::token::Token;

/// Logins at the same time.
const AT_ONCE: usize = 100;
/// How often one device tries to get in.
const TRIES: usize = 5;
/// How long the last answers may take.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Everybody who is connected.
pub(super) struct Crowd {
    orders: Vec<mpsc::UnboundedSender<(Instant, Token)>>,
    answers: mpsc::UnboundedReceiver<Duration>,
    tokens: Vec<Token>,
    lost: Arc<AtomicUsize>,
}

impl Crowd {
    /// Connects all devices; returns how many seconds it took as well.
    pub(super) async fn connect(setup: Setup, load: Load, ready: &Ready) -> Result<(Self, f64)> {
        let tls = setup.is_tls().then(|| TlsConnector::from(trusting()));
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        let lost = Arc::new(AtomicUsize::new(0));
        let (said, answers) = mpsc::unbounded_channel();
        let start = Instant::now();
        let mut logins = Vec::with_capacity(load.devices);
        for ordinal in 0..load.devices {
            let (port, tls) = (ready.port, tls.clone());
            let pass = Arc::clone(&gate).acquire_owned().await?;
            logins.push(tokio::spawn(async move {
                let login = login(port, tls, &super::server::name(ordinal)).await;
                drop(pass);
                login
            }));
        }
        let mut orders = Vec::with_capacity(load.devices);
        for login in logins {
            let device = login.await??;
            let (sender, receiver) = mpsc::unbounded_channel();
            orders.push(sender);
            let (said, lost) = (said.clone(), Arc::clone(&lost));
            tokio::spawn(async move {
                if device.run(receiver, said).await.is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let crowd = Self {
            orders,
            answers,
            tokens: ready.tokens.clone(),
            lost,
        };
        Ok((crowd, start.elapsed().as_secs_f64()))
    }

    /// Devices whose connection has ended.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }

    /// Lets one device after the other report its token, at a steady rate. Returns how many reports were due and the time of each
    /// answer, milliseconds, counted from when its report was due: a queue in front of a slow server is part of it.
    pub(super) async fn report(mut self, load: Load) -> (usize, Vec<f64>) {
        let all = load.rate * load.seconds;
        let start = Instant::now();
        let every = Duration::from_secs(1) / u32::try_from(load.rate).unwrap_or(u32::MAX);
        let mut taken = Vec::with_capacity(all);
        for ordinal in 0..all {
            let due = start + every * u32::try_from(ordinal).unwrap_or(u32::MAX);
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
            }
            let turn = ordinal % self.orders.len();
            let token = self.tokens[turn % self.tokens.len()].clone();
            let _ = self.orders[turn].send((due, token));
            while let Ok(answer) = self.answers.try_recv() {
                taken.push(answer.as_secs_f64() * 1000.0);
            }
        }
        while taken.len() < all {
            match tokio::time::timeout(LAST_ANSWERS, self.answers.recv()).await {
                Ok(Some(answer)) => taken.push(answer.as_secs_f64() * 1000.0),
                Ok(None) | Err(_) => break,
            }
        }
        (all, taken)
    }
}

async fn login(port: u16, tls: Option<TlsConnector>, name: &str) -> Result<Mqtt> {
    let mut last = None;
    for turn in 0..TRIES {
        tokio::time::sleep(Duration::from_millis(200) * u32::try_from(turn).unwrap_or(0)).await;
        match try_login(port, tls.as_ref(), name).await {
            Ok(device) => return Ok(device),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(error.context(format!("{name} does not get in"))),
        None => bail!("no try at all"),
    }
}

async fn try_login(port: u16, tls: Option<&TlsConnector>, name: &str) -> Result<Mqtt> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    socket.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(socket),
        Some(tls) => {
            let server = ServerName::try_from("localhost")?;
            Box::new(tls.connect(server, socket).await?)
        }
    };
    Mqtt::login(stream, name).await
}
