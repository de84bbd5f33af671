//! Debian's mosquitto as a child process on a free port, with an account for the hub and one for a device.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::{TlsConfiguration, Transport};
use tempfile::TempDir;

/// Debian installs it where not everybody's PATH leads.
const PROGRAMS: [&str; 2] = ["/usr/sbin/mosquitto", "mosquitto"];

pub(crate) struct Mosquitto {
    folder: TempDir,
    port: u16,
    ca: Option<String>,
    certificate: Vec<u8>,
    child: Child,
}

impl Mosquitto {
    pub(crate) fn plain() -> Self {
        Self::new(false)
    }

    pub(crate) fn tls_with_own_authority() -> Self {
        Self::new(true)
    }

    fn new(tls: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(path.join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(path.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        // mosquitto turns plain passwords into hashes itself.
        fs::write(
            path.join("passwords"),
            "hub:hub-secret\ncam_01:cam-secret\n",
        )
        .unwrap();
        let hashed = Command::new("mosquitto_passwd")
            .arg("-U")
            .arg(path.join("passwords"))
            .status();
        assert!(hashed.expect("mosquitto is installed").success());
        let rules = "user hub\ntopic read $thing/up/#\ntopic read $sys/operation/+/+\ntopic read $SYS/#\n\
                     topic write $thing/down/#\ntopic write $sys/operation/result/#\n\
                     user cam_01\ntopic write $thing/up/+/ABCDE12345/cam_01\ntopic read $thing/down/+/ABCDE12345/cam_01\n";
        fs::write(path.join("rules"), rules).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        fs::write(path.join("mosquitto.conf"), conf(path, port, tls)).unwrap();
        Self {
            child: start(path, port),
            port,
            ca: tls.then(|| made.cert.pem()),
            certificate: made.cert.der().to_vec(),
            folder,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The authority, PEM, with TLS.
    pub(crate) fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    pub(crate) fn url(&self, user: &str, password: &str) -> String {
        let scheme = if self.ca.is_some() { "mqtts" } else { "mqtt" };
        format!("{scheme}://{user}:{password}@localhost:{}", self.port)
    }

    /// How a device connects, with TLS.
    pub(crate) fn tls(&self) -> Option<Transport> {
        self.ca.as_ref()?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone().into()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = TlsConfiguration::Rustls(Arc::new(config));
        Some(Transport::tls_with_config(tls))
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        self.child = start(self.folder.path(), self.port);
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn conf(path: &Path, port: u16, tls: bool) -> String {
    let path = path.display();
    let mut conf = format!(
        "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {path}/passwords\nacl_file {path}/rules\n\
         persistence false\nuser root\n"
    );
    if tls {
        conf.push_str(&format!(
            "cafile {path}/cert.pem\ncertfile {path}/cert.pem\nkeyfile {path}/key.pem\n"
        ));
    }
    conf
}

/// Starts the program and waits until it listens.
fn start(path: &Path, port: u16) -> Child {
    let conf = path.join("mosquitto.conf");
    let mut child = PROGRAMS
        .iter()
        .find_map(|program| {
            Command::new(program)
                .arg("-c")
                .arg(&conf)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        })
        .expect("mosquitto is installed: cargo xtask setup");
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "mosquitto ended");
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "mosquitto does not listen"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    child
}
