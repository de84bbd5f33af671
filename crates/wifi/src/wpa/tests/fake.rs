//! A wpa_supplicant that is none: replies and events as version 2.10 writes them, for a scripted air.

use std::collections::BTreeMap;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An access point in the air.
#[derive(Clone)]
pub(super) struct Heard {
    /// As wpa_supplicant writes it, escaped.
    pub(super) ssid: &'static str,
    pub(super) frequency: u32,
    pub(super) flags: &'static str,
    /// Seconds; heard by the next scan only when `None`.
    pub(super) age: Option<u32>,
}

/// What happens when a network is selected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Joins,
    WrongKey,
    /// Every scan misses it.
    Vanished,
    /// The access point is full.
    Refused,
    Nothing,
}

#[derive(Default)]
pub(super) struct Network {
    pub(super) settings: BTreeMap<String, String>,
    pub(super) is_enabled: bool,
}

/// Everything inside, for tests to look at.
pub(super) struct Inside {
    pub(super) networks: BTreeMap<u32, Network>,
    pub(super) commands: Vec<String>,
    pub(super) air: Vec<Heard>,
    pub(super) fate: Fate,
    pub(super) current: Option<u32>,
    /// Scans that are refused because one is under way.
    pub(super) busy: u32,
    next: u32,
    has_scanned: bool,
}

pub(super) struct Fake {
    pub(super) folder: tempfile::TempDir,
    pub(super) inside: Arc<Mutex<Inside>>,
}

impl Fake {
    pub(super) fn start(air: Vec<Heard>, fate: Fate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("wlan9")).unwrap();
        let inside = Arc::new(Mutex::new(Inside {
            networks: BTreeMap::new(),
            commands: Vec::new(),
            air,
            fate,
            current: None,
            busy: 0,
            next: 0,
            has_scanned: false,
        }));
        let shared = inside.clone();
        std::thread::spawn(move || serve(&socket, &shared));
        Self { folder, inside }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("wlan9")
    }

    /// Adds one of the user's networks.
    pub(super) fn add(&self, ssid: &str, is_enabled: bool, mark: Option<&str>) -> u32 {
        let mut inside = self.inside.lock().unwrap();
        let id = inside.next;
        inside.next += 1;
        let mut network = Network {
            is_enabled,
            ..Network::default()
        };
        network
            .settings
            .insert("ssid".to_owned(), super::super::reply::hex(ssid.as_bytes()));
        network
            .settings
            .extend(mark.map(|mark| ("id_str".to_owned(), mark.to_owned())));
        inside.networks.insert(id, network);
        id
    }

    /// The numbers of the networks and whether they are enabled, once everything sent has been read.
    pub(super) fn networks(&self) -> Vec<(u32, bool)> {
        // The fake answers in order: what was told before this is done.
        let socket = UnixDatagram::bind(self.folder.path().join("look")).unwrap();
        socket.send_to(b"PING", self.socket()).unwrap();
        socket.recv(&mut [0; 16]).unwrap();
        std::fs::remove_file(self.folder.path().join("look")).unwrap();
        let inside = self.inside.lock().unwrap();
        inside
            .networks
            .iter()
            .map(|(id, network)| (*id, network.is_enabled))
            .collect()
    }

    pub(super) fn commands(&self, start: &str) -> Vec<String> {
        let inside = self.inside.lock().unwrap();
        inside
            .commands
            .iter()
            .filter(|command| command.starts_with(start))
            .cloned()
            .collect()
    }
}

fn serve(socket: &UnixDatagram, inside: &Mutex<Inside>) {
    let mut listeners: Vec<PathBuf> = Vec::new();
    let mut text = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut text) {
        let command = String::from_utf8_lossy(&text[..length]).into_owned();
        let answer = |reply: &str| {
            if let Some(path) = from.as_pathname() {
                let _ = socket.send_to(reply.as_bytes(), path);
            }
        };
        match command.as_str() {
            "ATTACH" => {
                listeners.extend(path(&from));
                answer("OK\n");
                continue;
            }
            "DETACH" => {
                listeners.retain(|listener| Some(listener) != path(&from).as_ref());
                answer("OK\n");
                continue;
            }
            _ => {}
        }
        let (reply, events) = inside.lock().unwrap().obey(&command);
        answer(&reply);
        // Later than the reply, as in life.
        std::thread::sleep(Duration::from_millis(5));
        for event in events {
            for listener in &listeners {
                let _ = socket.send_to(format!("<3>{event}").as_bytes(), listener);
            }
        }
    }
}

fn path(from: &SocketAddr) -> Option<PathBuf> {
    from.as_pathname().map(Path::to_owned)
}

impl Inside {
    fn obey(&mut self, command: &str) -> (String, Vec<String>) {
        self.commands.push(command.to_owned());
        let words: Vec<&str> = command.splitn(4, ' ').collect();
        let ok = |events| ("OK\n".to_owned(), events);
        let number = words.get(1).and_then(|word| word.parse::<u32>().ok());
        match (words[0], number) {
            ("PING", _) => ("PONG\n".to_owned(), Vec::new()),
            ("GET_CAPABILITY", _) if words[1] == "modes" => ("IBSS AP".to_owned(), Vec::new()),
            ("GET_CAPABILITY", _) => ("WPA-PSK WPA-EAP NONE SAE".to_owned(), Vec::new()),
            ("STATUS", _) => (self.status(), Vec::new()),
            ("LIST_NETWORKS", _) => (self.list(), Vec::new()),
            ("ADD_NETWORK", _) => {
                self.next += 1;
                self.networks.insert(self.next - 1, Network::default());
                (format!("{}\n", self.next - 1), Vec::new())
            }
            ("GET_NETWORK", Some(id)) => {
                let found = self
                    .networks
                    .get(&id)
                    .and_then(|network| network.settings.get(words[2]));
                (found.cloned().unwrap_or("FAIL\n".to_owned()), Vec::new())
            }
            ("SET_NETWORK", Some(id)) => {
                let Some(network) = self.networks.get_mut(&id) else {
                    return ("FAIL\n".to_owned(), Vec::new());
                };
                network
                    .settings
                    .insert(words[2].to_owned(), words[3].to_owned());
                ok(Vec::new())
            }
            ("REMOVE_NETWORK", Some(id)) => {
                self.current = self.current.filter(|current| *current != id);
                match self.networks.remove(&id) {
                    Some(_) => ok(Vec::new()),
                    None => ("FAIL\n".to_owned(), Vec::new()),
                }
            }
            ("ENABLE_NETWORK", id) => {
                for (other, network) in &mut self.networks {
                    network.is_enabled |= id.is_none_or(|id| id == *other);
                }
                ok(Vec::new())
            }
            ("SELECT_NETWORK", Some(id)) => {
                for (other, network) in &mut self.networks {
                    network.is_enabled = *other == id;
                }
                let events = self.select(id);
                ok(events)
            }
            ("SCAN", _) if self.busy > 0 => {
                self.busy -= 1;
                // What is told of the scan that was under way must not be taken for ours.
                (
                    "FAIL-BUSY\n".to_owned(),
                    vec!["CTRL-EVENT-SCAN-RESULTS ".to_owned()],
                )
            }
            ("SCAN", _) => {
                self.has_scanned = true;
                ok(vec![
                    "CTRL-EVENT-SCAN-STARTED ".to_owned(),
                    "CTRL-EVENT-SCAN-RESULTS ".to_owned(),
                ])
            }
            ("BSS", _) => (self.bss(command), Vec::new()),
            _ => ("UNKNOWN COMMAND\n".to_owned(), Vec::new()),
        }
    }

    fn select(&mut self, id: u32) -> Vec<String> {
        let network = &self.networks[&id];
        if network.settings.get("mode").is_some_and(|mode| mode == "2") {
            self.current = Some(id);
            return vec!["AP-DISABLED ".to_owned(), "AP-ENABLED ".to_owned()];
        }
        let lines: &[&str] = match self.fate {
            Fate::Joins => {
                self.current = Some(id);
                &[
                    "CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=ID id_str=]",
                ]
            }
            Fate::WrongKey => &[
                "CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:00:00 reason=15",
                "WPA: 4-Way Handshake failed - pre-shared key may be incorrect",
                "CTRL-EVENT-SSID-TEMP-DISABLED id=ID ssid=\"x\" auth_failures=1 duration=10 reason=WRONG_KEY",
            ],
            Fate::Vanished => &[
                "CTRL-EVENT-NETWORK-NOT-FOUND ",
                "CTRL-EVENT-NETWORK-NOT-FOUND ",
            ],
            Fate::Refused => &["CTRL-EVENT-ASSOC-REJECT bssid=02:00:00:00:00:00 status_code=17"; 3],
            Fate::Nothing => &[],
        };
        lines
            .iter()
            .map(|line| line.replace("ID", &id.to_string()))
            .collect()
    }

    fn status(&self) -> String {
        let Some(id) = self.current else {
            return "wpa_state=DISCONNECTED\naddress=02:00:00:00:01:00\n".to_owned();
        };
        let settings = &self.networks[&id].settings;
        let mode = if settings.contains_key("mode") {
            "AP"
        } else {
            "station"
        };
        let ssid = name(settings);
        format!(
            "bssid=02:00:00:00:00:00\nfreq=2437\nssid={ssid}\nid={id}\nmode={mode}\nwpa_state=COMPLETED\n"
        )
    }

    fn list(&self) -> String {
        let lines = self.networks.iter().map(|(id, network)| {
            let flags = if network.is_enabled { "" } else { "[DISABLED]" };
            format!("{id}\t{}\tany\t{flags}\n", name(&network.settings))
        });
        let lines: String = lines.collect();
        format!("network id / ssid / bssid / flags\n{lines}")
    }

    /// One a reply, as if there were no room for more.
    fn bss(&self, command: &str) -> String {
        let first = command
            .split_once('=')
            .and_then(|(_, rest)| rest.split_once('-'));
        let first: usize = first.and_then(|(number, _)| number.parse().ok()).unwrap();
        let heard = self.air.iter().enumerate().skip(first);
        let mut heard = heard.filter(|(_, heard)| heard.age.is_some() || self.has_scanned);
        heard.next().map_or(String::new(), |(id, heard)| {
            let (frequency, flags, ssid) = (heard.frequency, heard.flags, heard.ssid);
            let age = heard.age.filter(|_| !self.has_scanned).unwrap_or(0);
            format!(
                "id={id}\nbssid=02:00:00:00:00:0{id}\nfreq={frequency}\nlevel=-60\nage={age}\nflags={flags}\nssid={ssid}\n====\n"
            )
        })
    }
}

/// A name that needs no escapes.
fn name(settings: &BTreeMap<String, String>) -> String {
    let hex = settings.get("ssid").cloned().unwrap_or_default();
    let bytes = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
}
