//! A NetworkManager that is none, on a bus of its own: the objects and signals of version 1.42.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, fdo, interface};

use super::super::bus::{ROOT, SETTINGS_ROOT};

pub(super) const DEVICE: &str = "/org/freedesktop/NetworkManager/Devices/1";
const HOTSPOT: &str = "/org/freedesktop/NetworkManager/AccessPoint/1";
const CONFIG: &str = "/org/freedesktop/NetworkManager/IP4Config/1";
const LEASE: &str = "/org/freedesktop/NetworkManager/DHCP4Config/1";
/// The user's own profile.
pub(super) const HOME: &str = "/org/freedesktop/NetworkManager/Settings/1";
/// What is active while it is.
const HOME_ACTIVE: &str = "/org/freedesktop/NetworkManager/ActiveConnection/1";

type Settings = HashMap<String, HashMap<String, OwnedValue>>;

/// A profile and whose connection it is bound to.
pub(super) struct Kept {
    pub(super) settings: Settings,
    pub(super) owner: Option<String>,
}

/// Everything inside, for tests to look at.
#[derive(Default)]
pub(super) struct Inside {
    pub(super) profiles: BTreeMap<String, Kept>,
    /// State, old state and reason, one after the other, of the next activation.
    pub(super) script: Vec<(u32, u32, u32)>,
    pub(super) active: Option<String>,
    pub(super) is_forbidden: bool,
    pub(super) wireless_off: bool,
    state: u32,
    last_scan: i64,
    next: u32,
}

type Shared = Arc<Mutex<Inside>>;

pub(super) struct Fake {
    pub(super) inside: Shared,
    pub(super) address: String,
    _service: Connection,
    daemon: Child,
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Fake {
    pub(super) async fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the package dbus is installed");
        let mut address = String::new();
        let output = daemon.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        let inside = Shared::default();
        {
            let mut inside = inside.lock().unwrap();
            let settings = HashMap::from([
                ("connection".to_owned(), HashMap::new()),
                (
                    "802-11-wireless".to_owned(),
                    HashMap::from([("ssid".to_owned(), owned(b"Home".to_vec()))]),
                ),
            ]);
            let kept = Kept {
                settings,
                owner: None,
            };
            inside.profiles.insert(HOME.to_owned(), kept);
            (inside.active, inside.state, inside.next) = (Some(HOME.to_owned()), 100, 2);
        }
        let shared = || inside.clone();
        let service = zbus::connection::Builder::address(address.as_str())
            .unwrap()
            .serve_at(ROOT, Manager(shared()))
            .unwrap()
            .serve_at(SETTINGS_ROOT, List(shared()))
            .unwrap()
            .serve_at(HOME, Profile(shared(), HOME.to_owned()))
            .unwrap()
            .serve_at(HOME_ACTIVE, Active(HOME.to_owned()))
            .unwrap()
            .serve_at(DEVICE, Device(shared()))
            .unwrap()
            .serve_at(DEVICE, Wireless(shared()))
            .unwrap()
            .serve_at(HOTSPOT, AccessPoint)
            .unwrap()
            .serve_at(CONFIG, Config)
            .unwrap()
            .serve_at(LEASE, Lease)
            .unwrap()
            .name(super::super::bus::NAME)
            .unwrap()
            .build()
            .await
            .unwrap();
        tokio::spawn(follow_owners(service.clone(), shared()));
        Self {
            inside,
            address,
            _service: service,
            daemon,
        }
    }

    pub(super) fn script(&self, script: &[(u32, u32, u32)]) {
        self.inside.lock().unwrap().script = script.to_vec();
    }

    /// The profiles, once none is bound to a connection that is gone.
    pub(super) async fn profiles_become(&self, expected: &[&str]) -> bool {
        for _ in 0..1000 {
            let profiles: Vec<String> = self
                .inside
                .lock()
                .unwrap()
                .profiles
                .keys()
                .cloned()
                .collect();
            if profiles == expected {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

/// As `bind-activation=dbus-client`: a profile goes with the connection that it is bound to.
async fn follow_owners(service: Connection, inside: Shared) {
    let bus = fdo::DBusProxy::new(&service).await.unwrap();
    let mut changes = bus.receive_name_owner_changed().await.unwrap();
    while let Some(change) = changes.next().await {
        let change = change.args().unwrap();
        if change.new_owner.is_none() {
            let mut inside = inside.lock().unwrap();
            inside.remove(|kept| kept.owner.as_deref() == Some(change.name.as_str()));
        }
    }
}

impl Inside {
    fn remove(&mut self, is_over: impl Fn(&Kept) -> bool) {
        let gone: Vec<String> = self
            .profiles
            .iter()
            .filter(|(_, kept)| is_over(kept))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.profiles.remove(&path);
            if self.active.as_ref() == Some(&path) {
                (self.active, self.state) = (None, 30);
            }
        }
    }

    fn active_path(&self) -> OwnedObjectPath {
        match &self.active {
            Some(profile) => path(&profile.replace("Settings", "ActiveConnection")),
            None => path("/"),
        }
    }
}

fn path(text: &str) -> OwnedObjectPath {
    text.to_owned().try_into().unwrap()
}

fn owned<'a>(value: impl Into<Value<'a>>) -> OwnedValue {
    value.into().try_into().unwrap()
}

struct Manager(Shared);

#[interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    fn get_devices(&self) -> Vec<OwnedObjectPath> {
        vec![path(DEVICE)]
    }

    #[zbus(property)]
    fn wireless_enabled(&self) -> bool {
        !self.0.lock().unwrap().wireless_off
    }

    #[zbus(name = "AddAndActivateConnection2")]
    async fn add_and_activate(
        &self,
        settings: Settings,
        _device: ObjectPath<'_>,
        _place: ObjectPath<'_>,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] service: &Connection,
    ) -> fdo::Result<(
        OwnedObjectPath,
        OwnedObjectPath,
        HashMap<String, OwnedValue>,
    )> {
        if self.0.lock().unwrap().is_forbidden {
            return Err(fdo::Error::AccessDenied("no".to_owned()));
        }
        assert_eq!(options["persist"], owned("volatile"));
        assert_eq!(options["bind-activation"], owned("dbus-client"));
        let (profile, active) = {
            let mut inside = self.0.lock().unwrap();
            let profile = format!("{SETTINGS_ROOT}/{}", inside.next);
            inside.next += 1;
            let owner = header.sender().map(ToString::to_string);
            inside
                .profiles
                .insert(profile.clone(), Kept { settings, owner });
            inside.active = Some(profile.clone());
            (profile, inside.active_path())
        };
        let server = service.object_server();
        server
            .at(profile.clone(), Profile(self.0.clone(), profile.clone()))
            .await?;
        server.at(active.clone(), Active(profile.clone())).await?;
        tokio::spawn(play(service.clone(), self.0.clone()));
        Ok((path(&profile), active, HashMap::new()))
    }

    fn activate_connection(
        &self,
        profile: ObjectPath<'_>,
        _device: ObjectPath<'_>,
        _place: ObjectPath<'_>,
    ) -> OwnedObjectPath {
        let mut inside = self.0.lock().unwrap();
        (inside.active, inside.state) = (Some(profile.to_string()), 100);
        inside.active_path()
    }

    fn deactivate_connection(&self, active: ObjectPath<'_>) {
        let mut inside = self.0.lock().unwrap();
        if inside.active_path().as_str() == active.as_str() {
            (inside.active, inside.state) = (None, 30);
        }
        // A volatile profile goes with its activation.
        let profile = active.replace("ActiveConnection", "Settings");
        if inside
            .profiles
            .get(&profile)
            .is_some_and(|kept| kept.owner.is_some())
        {
            inside.profiles.remove(&profile);
        }
    }
}

/// Tells the changes of the script, one after the other.
async fn play(service: Connection, inside: Shared) {
    let script = std::mem::take(&mut inside.lock().unwrap().script);
    for (new, old, reason) in script {
        tokio::time::sleep(Duration::from_millis(5)).await;
        inside.lock().unwrap().state = new;
        let emitter = SignalEmitter::new(&service, DEVICE).unwrap();
        Device::moved(&emitter, new, old, reason).await.unwrap();
    }
}

struct Device(Shared);

#[interface(name = "org.freedesktop.NetworkManager.Device")]
impl Device {
    #[zbus(property)]
    fn device_type(&self) -> u32 {
        2
    }
    #[zbus(property, name = "Interface")]
    fn interface_name(&self) -> &str {
        "wlan9"
    }
    #[zbus(property)]
    fn state(&self) -> u32 {
        self.0.lock().unwrap().state
    }
    #[zbus(property)]
    fn active_connection(&self) -> OwnedObjectPath {
        self.0.lock().unwrap().active_path()
    }
    #[zbus(property, name = "Ip4Config")]
    fn ip4_config(&self) -> OwnedObjectPath {
        path(CONFIG)
    }
    #[zbus(property, name = "Dhcp4Config")]
    fn dhcp4_config(&self) -> OwnedObjectPath {
        path(LEASE)
    }
    #[zbus(signal, name = "StateChanged")]
    async fn moved(
        emitter: &SignalEmitter<'_>,
        new: u32,
        old: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}

struct Wireless(Shared);

#[interface(name = "org.freedesktop.NetworkManager.Device.Wireless")]
impl Wireless {
    fn request_scan(&self, _options: HashMap<String, OwnedValue>) {
        self.0.lock().unwrap().last_scan += 1;
    }
    fn get_all_access_points(&self) -> Vec<OwnedObjectPath> {
        vec![path(HOTSPOT)]
    }
    #[zbus(property)]
    fn wireless_capabilities(&self) -> u32 {
        0x40
    }
    #[zbus(property)]
    fn mode(&self) -> u32 {
        2
    }
    #[zbus(property)]
    fn last_scan(&self) -> i64 {
        self.0.lock().unwrap().last_scan
    }
    #[zbus(property)]
    fn active_access_point(&self) -> OwnedObjectPath {
        path(HOTSPOT)
    }
}

struct AccessPoint;

#[interface(name = "org.freedesktop.NetworkManager.AccessPoint")]
impl AccessPoint {
    #[zbus(property)]
    fn ssid(&self) -> Vec<u8> {
        b"Porthole-1A2B".to_vec()
    }
    #[zbus(property)]
    fn hw_address(&self) -> &str {
        "02:00:00:00:00:00"
    }
    #[zbus(property)]
    fn strength(&self) -> u8 {
        80
    }
    #[zbus(property)]
    fn frequency(&self) -> u32 {
        2437
    }
    #[zbus(property)]
    fn flags(&self) -> u32 {
        1
    }
    #[zbus(property)]
    fn wpa_flags(&self) -> u32 {
        0
    }
    #[zbus(property)]
    fn rsn_flags(&self) -> u32 {
        0x100
    }
}

struct Config;

#[interface(name = "org.freedesktop.NetworkManager.IP4Config")]
impl Config {
    #[zbus(property)]
    fn address_data(&self) -> Vec<HashMap<String, OwnedValue>> {
        vec![HashMap::from([(
            "address".to_owned(),
            owned("192.168.4.100"),
        )])]
    }
    #[zbus(property)]
    fn gateway(&self) -> &str {
        ""
    }
}

struct Lease;

#[interface(name = "org.freedesktop.NetworkManager.DHCP4Config")]
impl Lease {
    #[zbus(property)]
    fn options(&self) -> HashMap<String, OwnedValue> {
        HashMap::from([("routers".to_owned(), owned("192.168.4.1"))])
    }
}

/// An activation of a profile.
struct Active(String);

#[interface(name = "org.freedesktop.NetworkManager.Connection.Active")]
impl Active {
    #[zbus(property)]
    fn connection(&self) -> OwnedObjectPath {
        path(&self.0)
    }
}

struct List(Shared);

#[interface(name = "org.freedesktop.NetworkManager.Settings")]
impl List {
    fn list_connections(&self) -> Vec<OwnedObjectPath> {
        self.0
            .lock()
            .unwrap()
            .profiles
            .keys()
            .map(|profile| path(profile))
            .collect()
    }

    #[zbus(name = "AddConnection2")]
    async fn add(
        &self,
        settings: Settings,
        _flags: u32,
        _arguments: HashMap<String, OwnedValue>,
        #[zbus(connection)] service: &Connection,
    ) -> fdo::Result<(OwnedObjectPath, HashMap<String, OwnedValue>)> {
        let profile = {
            let mut inside = self.0.lock().unwrap();
            let profile = format!("{SETTINGS_ROOT}/{}", inside.next);
            inside.next += 1;
            let kept = Kept {
                settings,
                owner: None,
            };
            inside.profiles.insert(profile.clone(), kept);
            profile
        };
        let object = Profile(self.0.clone(), profile.clone());
        service.object_server().at(profile.clone(), object).await?;
        Ok((path(&profile), HashMap::new()))
    }
}

struct Profile(Shared, String);

#[interface(name = "org.freedesktop.NetworkManager.Settings.Connection")]
impl Profile {
    fn get_settings(&self) -> fdo::Result<Settings> {
        let inside = self.0.lock().unwrap();
        let kept = inside
            .profiles
            .get(&self.1)
            .ok_or(fdo::Error::UnknownObject(self.1.clone()))?;
        Ok(kept.settings.clone())
    }
    fn delete(&self) {
        self.0.lock().unwrap().profiles.remove(&self.1);
    }
}
