//! Other people's MQTT clients, `mosquitto_sub`, `mosquitto_pub` and `mosquitto_rr` of Debian, as devices of `porthole-hub`: they know
//! the documents' rule for user name and password and nothing of us.

use provision::credentials::{self, DeviceSecret};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tests::places;
use tests::programs::{Folder, Outcome, PATIENCE, Running, finish};
use tests::tls::certificate_of;
use wire::device::Device;
use wire::login::{Method, SDK_APP_ID, Username};
use wire::thing::{Kind, Topic};

const PRODUCT: &str = "ABCDE12345";

/// `porthole-hub` with two devices in its registry.
struct Hub {
    _process: Running,
    folder: Folder,
    port: u16,
}

impl Hub {
    fn start() -> Self {
        let folder = Folder::temporary();
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr());
        let (mqtt, http) = (free().expect("a free port"), free().expect("another"));
        let command = |words: &[&str]| {
            let mut command = Command::new(places::program("hub", "porthole-hub"));
            command
                .arg("--dir")
                .arg(folder.path().join("hub"))
                .args(["--mqtt", &mqtt.to_string(), "--http", &http.to_string()])
                .args(words);
            command
        };
        for name in ["cam_01", "cam_02"] {
            let file = folder.path().join(name);
            std::fs::write(&file, secret(name).as_str()).expect("a secret");
            let mut add = command(&["device", "add", PRODUCT, name, "--secret-file"]);
            finish(add.arg(file), PATIENCE).succeeded();
        }
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let process = Running::start(command(&["run"]).stderr(log).stdout(Stdio::null()));
        let start = Instant::now();
        while TcpStream::connect(mqtt).is_err() {
            let log = places::text(&folder.path().join("log"));
            assert!(start.elapsed() < PATIENCE, "the hub does not listen: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        let hub = Self {
            _process: process,
            port: mqtt.port(),
            folder,
        };
        std::fs::write(hub.authority(), certificate_of(hub.port)).expect("its certificate");
        hub
    }

    /// The hub's certificate, which is its own authority.
    fn authority(&self) -> PathBuf {
        self.folder.path().join("hub.pem")
    }

    /// A client that logs in as this device.
    fn client(&self, program: &str, name: &str) -> Command {
        self.client_with(program, name, &secret(name), expiry(3600))
    }

    fn client_with(
        &self,
        program: &str,
        name: &str,
        secret: &DeviceSecret,
        expiry: u64,
    ) -> Command {
        let device = device(name);
        let username = Username {
            device: device.clone(),
            sdk_app_id: SDK_APP_ID,
            conn_id: "a1B2c".into(),
            expiry,
        };
        let password = credentials::password(secret, &username, Method::HmacSha256);
        let mut command = Command::new(program);
        command
            .args(["-V", "mqttv311", "-h", "127.0.0.1", "-p"])
            .arg(self.port.to_string())
            // The certificate names no address; whose it is says its key.
            .args(["--insecure", "--cafile"])
            .arg(self.authority())
            .args(["-i", &device.client_id(), "-u", &username.to_string()])
            .args(["-P", &password.to_text()]);
        command
    }

    /// Asks as `name` whether it is bound, and hears the answer, over one connection.
    fn asks(&self, name: &str) -> Outcome {
        let mut asking = self.client("mosquitto_rr", name);
        asking
            .args(["-q", "1", "-W", "20", "-t", &up(name), "-e", &down(name)])
            .args(["-m", QUESTION]);
        finish(&mut asking, PATIENCE)
    }
}

const QUESTION: &str = r#"{"method":"bind_device_query","clientToken":"foreign-1","timestamp":1}"#;

fn device(name: &str) -> Device {
    Device::new(PRODUCT, name).expect("a device's name")
}

fn secret(name: &str) -> DeviceSecret {
    let mut bytes = [7; 16];
    bytes[0] = name.bytes().last().unwrap_or(0);
    DeviceSecret::from_bytes(&bytes)
}

fn expiry(seconds: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
        .saturating_add_signed(seconds)
}

fn up(name: &str) -> String {
    Topic::up(Kind::Service, &device(name)).to_string()
}

fn down(name: &str) -> String {
    Topic::down(Kind::Service, &device(name)).to_string()
}

/// Everything that a client said.
fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.text(), outcome.stderr)
}

#[test]
fn a_device_writes_and_reads_its_own_topics() {
    let hub = Hub::start();
    let answer = hub.asks("cam_01").succeeded().json();
    assert_eq!(answer["method"], "bind_device_query_reply");
    assert_eq!(answer["clientToken"], "foreign-1");
    assert_eq!(answer["code"], 404, "nobody has bound it: {answer}");
}

#[test]
fn a_device_is_refused_anothers_topics() {
    let hub = Hub::start();
    for filter in [
        down("cam_02"),
        format!("$thing/down/+/{PRODUCT}/cam_02"),
        format!("$thing/down/+/{PRODUCT}/+"),
        "$thing/#".into(),
        "$SYS/#".into(),
        "#".into(),
    ] {
        let mut listening = hub.client("mosquitto_sub", "cam_01");
        listening.args(["-d", "-W", "10", "-t", &filter]);
        let outcome = finish(&mut listening, PATIENCE);
        let said = said(&outcome);
        assert!(said.contains("CONNACK (0)"), "it is let in: {said}");
        assert!(
            said.contains("denied") || said.contains("128"),
            "{filter}: {said}"
        );
    }
}

#[test]
fn what_a_device_says_in_anothers_name_goes_nowhere() {
    let hub = Hub::start();
    let mut listening = hub.client("mosquitto_sub", "cam_02");
    listening.args([
        "-v",
        "-W",
        "6",
        "-t",
        &format!("$thing/down/+/{PRODUCT}/cam_02"),
    ]);
    listening.stdout(Stdio::piped());
    let listening = std::thread::spawn(move || finish(&mut listening, PATIENCE));
    std::thread::sleep(Duration::from_secs(2));
    // To the hub in its name, which would be answered to it; and to it in the hub's name.
    for topic in [up("cam_02"), down("cam_02")] {
        let mut forging = hub.client("mosquitto_pub", "cam_01");
        forging.args(["-q", "1", "-t", &topic, "-m", QUESTION]);
        finish(&mut forging, PATIENCE).succeeded();
    }
    let heard = listening.join().expect("listening");
    assert_eq!(heard.text(), "");
    // And the same words on the right topic are heard.
    hub.asks("cam_02").succeeded();
}

#[test]
fn a_login_that_is_not_in_order_is_refused() {
    let hub = Hub::start();
    let wrong_key = DeviceSecret::from_bytes(&[9; 16]);
    let mut with_will = hub.client("mosquitto_pub", "cam_01");
    with_will.args(["--will-topic", &down("cam_02"), "--will-payload", "boo"]);
    let cases = [
        (
            "a wrong secret",
            hub.client_with("mosquitto_pub", "cam_01", &wrong_key, expiry(3600)),
            "bad user name or password",
        ),
        (
            "another's secret",
            hub.client_with("mosquitto_pub", "cam_01", &secret("cam_02"), expiry(3600)),
            "bad user name or password",
        ),
        (
            "an unknown device",
            hub.client("mosquitto_pub", "cam_99"),
            "bad user name or password",
        ),
        (
            "a login of yesterday",
            hub.client_with(
                "mosquitto_pub",
                "cam_01",
                &secret("cam_01"),
                expiry(-86_400),
            ),
            "bad user name or password",
        ),
        ("a foreign will", with_will, "not authorised"),
    ];
    for (what, mut client, why) in cases {
        client.args(["-q", "1", "-t", &up("cam_01"), "-m", QUESTION]);
        let outcome = finish(&mut client, PATIENCE);
        let said = said(&outcome);
        assert!(said.contains(why), "{what}: {said}");
    }
}
