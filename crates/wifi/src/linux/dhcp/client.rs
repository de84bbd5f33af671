//! The DHCP client: one of the system's programs, which tells its lease to a script of ours.
//!
//! The script only prints; we set the address ourselves, so it is the same with every program, and nothing but the
//! interface of the radio is touched. Only for a network that is kept the name servers are handed on as well.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::child::{self, Child};
use super::super::host::Host;
use super::super::interface::{self, Address};
use super::super::scratch::Scratch;
use crate::Error;

/// What a server gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) address: Address,
    /// The router; without one the server.
    pub(crate) gateway: Option<Ipv4Addr>,
}

/// A program that gets leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Udhcpc,
    /// busybox, with udhcpc inside.
    Busybox,
    Dhclient,
    Dhcpcd,
}

impl Program {
    const ALL: [(&'static str, Self); 4] = [
        ("udhcpc", Self::Udhcpc),
        ("busybox", Self::Busybox),
        ("dhclient", Self::Dhclient),
        ("dhcpcd", Self::Dhcpcd),
    ];

    /// The first one that is installed.
    pub(crate) fn find() -> Option<(PathBuf, Self)> {
        Self::ALL
            .iter()
            .find_map(|(name, program)| Some((child::find(&[name])?, *program)))
    }

    /// The command that stays in the foreground and asks until it is ended.
    fn command(self, path: &Path, script: &Path, interface: &str) -> Command {
        let mut command = Command::new(path);
        match self {
            Self::Udhcpc | Self::Busybox => {
                if self == Self::Busybox {
                    command.arg("udhcpc");
                }
                // Ask every second at first: a lease is what a person waits for.
                command
                    .args(["-f", "-t", "5", "-T", "1", "-A", "1", "-s"])
                    .arg(script);
                command.args(["-i", interface]);
            }
            Self::Dhclient => {
                command.args([
                    "-4",
                    "-d",
                    "-q",
                    "-cf",
                    "/dev/null",
                    "-pf",
                    "/dev/null",
                    "-sf",
                ]);
                command
                    .arg(script)
                    .arg("-lf")
                    .arg(script.with_extension("leases"));
                command.arg(interface);
            }
            Self::Dhcpcd => {
                command
                    .args(["-4", "-B", "-q", "-A", "-t", "0", "-c"])
                    .arg(script);
                command.arg(interface);
            }
        }
        command
    }
}

/// What the programs call when something happens: udhcpc with an argument, the others with `reason`.
const SCRIPT: &str = r#"#!/bin/sh
case "${1:-$reason}" in
bound|renew|BOUND|RENEW|REBIND|REBOOT|TIMEOUT)
    address=${ip:-$new_ip_address} mask=${subnet:-$new_subnet_mask}
    routers=${router:-$new_routers} server=${serverid:-$new_dhcp_server_identifier}
    [ -n "$address" ] || exit 0
    echo "lease $address ${mask:-255.255.255.0} ${routers:--} ${server:--}"
    name_servers "${dns:-$new_domain_name_servers}"
    ;;
deconfig|nak|EXPIRE|FAIL|NAK) echo "lost" ;;
esac
"#;

const KEEP_NAME_SERVERS: &str = r#"name_servers() {
    [ -n "$1" ] || return 0
    list() { for server in $1; do echo "nameserver $server"; done; }
    if command -v resolvconf >/dev/null 2>&1; then list "$1" | resolvconf -a "porthole.$IFACE" >/dev/null 2>&1
    elif [ ! -L /etc/resolv.conf ]; then list "$1" >/etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf
    fi
}
"#;

const NO_NAME_SERVERS: &str = "name_servers() { :; }\n";

fn script(interface: &str, is_kept: bool) -> String {
    let name_servers = if is_kept {
        KEEP_NAME_SERVERS
    } else {
        NO_NAME_SERVERS
    };
    let (first, rest) = SCRIPT.split_once('\n').unwrap_or((SCRIPT, ""));
    // The kernel allows quotes in an interface's name; the shell shall not read them.
    let name: String = interface
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    format!("{first}\nIFACE={name}\n{name_servers}{rest}")
}

/// One line of the script.
fn read_line(line: &str) -> Option<Option<Lease>> {
    let mut words = line.split_ascii_whitespace();
    match words.next()? {
        "lost" => Some(None),
        "lease" => {
            let address = words.next()?.parse().ok()?;
            let prefix = interface::prefix(words.next()?.parse().ok()?)?;
            // There may be several routers: the first one, then the server.
            let gateway = words.find_map(|word| word.parse().ok());
            let address = Address { address, prefix };
            Some(Some(Lease { address, gateway }))
        }
        _ => None,
    }
}

/// How far a client is.
#[derive(Debug, Clone)]
enum Told {
    Asking,
    Leased(Lease),
    NotSet(Error),
}

/// A client that runs. Dropped, its program ends and the interface's address is taken away.
pub(crate) struct Client {
    interface: String,
    told: watch::Receiver<Told>,
    host: Arc<dyn Host>,
    task: JoinHandle<()>,
    _child: Child,
}

impl Client {
    /// Starts asking for an address. `is_kept`: this is to be the machine's network, name servers included.
    ///
    /// # Errors
    /// [`Error::Backend`]: no program that asks is installed, or it does not start.
    pub(crate) async fn start(
        interface: &str,
        is_kept: bool,
        scratch: &Scratch,
        host: Arc<dyn Host>,
    ) -> Result<Self, Error> {
        let (path, program) = host.dhcp_client().ok_or_else(|| {
            let detail = "install udhcpc, busybox, dhclient or dhcpcd";
            Error::backend("the DHCP client", "start", detail)
        })?;
        let broken = |error: io::Error| Error::backend("the DHCP client", "start", error);
        let script_path = scratch.path("lease.sh");
        let text = script(interface, is_kept);
        child::write_program(&script_path, text)
            .await
            .map_err(broken)?;
        let command = program.command(&path, &script_path, interface);
        let (child, output) = child::spawn(command).await.map_err(broken)?;
        let (tell, told) = watch::channel(Told::Asking);
        // As NetworkManager: a wire is better than a radio, and a camera's hotspot leads nowhere.
        let metric = if is_kept { 600 } else { 20_000 };
        let follow = Follow {
            interface: interface.to_owned(),
            metric,
            host: host.clone(),
            tell,
        };
        let lines = lines(output).map_err(broken)?;
        Ok(Self {
            interface: interface.to_owned(),
            told,
            host,
            task: tokio::spawn(follow.run(lines)),
            _child: child,
        })
    }

    /// The first lease, once it is set up.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Backend`]: the address could not be set, or the program has ended.
    pub(crate) async fn lease(&self) -> Result<Lease, Error> {
        let mut told = self.told.clone();
        let is_over = |told: &Told| !matches!(told, Told::Asking);
        let outcome = match told.wait_for(is_over).await {
            Ok(told) => told.clone(),
            Err(_) => Told::Asking,
        };
        match outcome {
            Told::Leased(lease) => Ok(lease),
            Told::NotSet(error) => Err(error),
            Told::Asking => Err(Error::backend("the DHCP client", "run", "it has ended")),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
        self.host.unsettle(&self.interface);
    }
}

type Lines = tokio::io::Lines<BufReader<pipe::Receiver>>;

fn lines(output: OwnedFd) -> io::Result<Lines> {
    let output = pipe::Receiver::from_owned_fd(output)?;
    Ok(BufReader::new(output).lines())
}

/// Does what the script says.
struct Follow {
    interface: String,
    metric: u16,
    host: Arc<dyn Host>,
    tell: watch::Sender<Told>,
}

impl Follow {
    async fn run(self, mut lines: Lines) {
        while let Ok(Some(line)) = lines.next_line().await {
            let Some(lease) = read_line(&line) else {
                continue;
            };
            let Some(lease) = lease else {
                // Programs also say so when they start; taking away nothing is no harm.
                self.host.unsettle(&self.interface);
                self.tell.send_replace(Told::Asking);
                continue;
            };
            let settled = self.host.settle(&self.interface, lease, self.metric);
            self.tell.send_replace(match settled {
                Ok(()) => Told::Leased(lease),
                Err(error) => Told::NotSet(not_set(error)),
            });
        }
    }
}

fn not_set(error: io::Error) -> Error {
    const DOING: &str = "set the interface's address";
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Error::NotAllowed {
            doing: DOING,
            allow: "run as root or give the program CAP_NET_ADMIN".to_owned(),
        };
    }
    Error::backend("the kernel", DOING, error)
}

#[cfg(test)]
pub(crate) mod tests;
