//! A desktop's network: D-Bus, wpa_supplicant under it, and NetworkManager, in one place.

use crate::air::{Place, must, until};
use anyhow::{Context, Result};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::programs::Running;

/// Where NetworkManager keeps the user's profiles.
const PROFILES: &str = "/etc/NetworkManager/system-connections";

/// As on a desktop, less what this machine has not: polkit, a resolver, the world outside, time for a new address at
/// every scan.
const CONFIGURATION: &str = "\
[main]
plugins=keyfile
auth-polkit=false
dhcp=internal
rc-manager=unmanaged
no-auto-default=*
[device]
wifi.scan-rand-mac-address=no
[connectivity]
enabled=false
[logging]
level=INFO
";

/// A running desktop.
pub(crate) struct Desktop {
    place: Place,
    _programs: [Running; 3],
}

impl Desktop {
    /// Starts one whose user has a profile for the network `ssid`, and waits until it is on it.
    pub(crate) fn at_home(place: Place, ssid: &str, password: &str) -> Result<Self> {
        fs::create_dir_all(PROFILES)?;
        fs::write("/etc/NetworkManager/NetworkManager.conf", CONFIGURATION)?;
        // What a host's own NetworkManager is told does not count here.
        let _ = fs::remove_dir_all("/etc/NetworkManager/conf.d");
        let profile = format!("{PROFILES}/{ssid}.nmconnection");
        fs::write(
            &profile,
            format!(
                "[connection]\nid={ssid}\nuuid=6b6f2f4e-0c0b-4a4e-9a53-0c51f3d6a001\ntype=wifi\n\
                 [wifi]\nmode=infrastructure\nssid={ssid}\n\
                 [wifi-security]\nkey-mgmt=wpa-psk\npsk={password}\n\
                 [ipv4]\nmethod=auto\n[ipv6]\nmethod=link-local\n"
            ),
        )?;
        fs::set_permissions(&profile, Permissions::from_mode(0o600))?;
        let desktop = Self::start(place)?;
        until(
            "the desktop on its network",
            Duration::from_secs(90),
            || desktop.place.address(),
        )?;
        Ok(desktop)
    }

    fn start(place: Place) -> Result<Self> {
        let _ = fs::remove_file("/etc/machine-id");
        must(Command::new("dbus-uuidgen").arg("--ensure=/etc/machine-id"))?;
        let _ = fs::remove_file("/run/dbus/pid");
        let bus = place.start(
            "dbus",
            "dbus-daemon",
            &["--system", "--nofork", "--nopidfile"],
        )?;
        let socket = Path::new("/run/dbus/system_bus_socket");
        until("the system's bus", Duration::from_secs(30), || {
            socket.exists().then_some(())
        })?;
        let radio = place.start("wpa_supplicant", "wpa_supplicant", &["-u", "-t"])?;
        // With a read-only /sys, NetworkManager does not wait for udev, which this machine has not. NetworkManager
        // loads no plugin that is not root's, and the layer may belong to whoever made it.
        let manager = place.start(
            "NetworkManager",
            "sh",
            &[
                "-c",
                "chown -R 0:0 /usr/lib/*/NetworkManager /etc/NetworkManager; mount -o remount,ro /sys; \
                 exec NetworkManager --debug",
            ],
        )?;
        Ok(Self {
            place,
            _programs: [bus, radio, manager],
        })
    }

    /// Where it is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// What the user would find unchanged: every profile, on disk and in memory, and which of them are active.
    pub(crate) fn profiles(&self) -> Result<Vec<String>> {
        let list = self.place.must(
            "nmcli",
            &["-t", "-f", "NAME,UUID,DEVICE", "connection", "show"],
        )?;
        let mut lines: Vec<String> = list.lines().map(str::to_owned).collect();
        for entry in fs::read_dir(PROFILES).context("reading the profiles")? {
            let path = entry?.path();
            lines.push(format!(
                "{}: {}",
                path.display(),
                fs::read_to_string(&path)?
            ));
        }
        lines.sort();
        Ok(lines)
    }
}
