use super::*;
use crate::linux::dhcp::server::Server;
use std::sync::Mutex;
use std::time::Duration;

/// A machine that takes notes.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) client: Option<PathBuf>,
    pub(crate) settled: Mutex<Option<Lease>>,
    pub(crate) served: Mutex<Option<Ipv4Addr>>,
    pub(crate) is_forbidden: bool,
}

impl Host for Noted {
    fn dhcp_client(&self) -> Option<(PathBuf, Program)> {
        Some((self.client.clone()?, Program::Udhcpc))
    }

    fn settle(&self, _: &str, lease: Lease, _: u16) -> io::Result<()> {
        if self.is_forbidden {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        *self.settled.lock().unwrap() = Some(lease);
        Ok(())
    }

    fn unsettle(&self, _: &str) {
        *self.settled.lock().unwrap() = None;
    }

    fn settled(&self, _: &str) -> Option<Lease> {
        *self.settled.lock().unwrap()
    }

    fn serve(&self, _: &str, address: Ipv4Addr) -> io::Result<Option<Server>> {
        *self.served.lock().unwrap() = Some(address);
        Ok(None)
    }
}

/// A program of this text.
pub(crate) async fn program(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("udhcpc");
    child::write_program(&path, text.to_owned()).await.unwrap();
    path
}

/// A `udhcpc` that gets its lease from nobody: calls its script as busybox' udhcpc does.
pub(crate) const UDHCPC: &str = r#"#!/bin/sh
while [ "$1" != -s ]; do shift; done
"$2" deconfig
ip=192.168.4.100 subnet=255.255.255.0 router="192.168.4.1 192.168.4.2" serverid=192.168.4.3 dns=192.168.4.1 "$2" bound
exec sleep 600
"#;

async fn start(text: &str, is_forbidden: bool) -> (Client, Arc<Noted>, Scratch, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let noted = Arc::new(Noted {
        client: Some(program(folder.path(), text).await),
        is_forbidden,
        ..Noted::default()
    });
    let scratch = Scratch::open_in(folder.path(), "wlan9").unwrap();
    let client = Client::start("wlan9", false, &scratch, noted.clone()).await;
    (client.unwrap(), noted, scratch, folder)
}

pub(crate) fn lease() -> Lease {
    Lease {
        address: Address {
            address: Ipv4Addr::new(192, 168, 4, 100),
            prefix: 24,
        },
        gateway: Some(Ipv4Addr::new(192, 168, 4, 1)),
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_lease_goes_through_the_script_to_the_interface() {
    let (client, noted, _scratch, _folder) = start(UDHCPC, false).await;
    let found = tokio::time::timeout(PATIENCE, client.lease())
        .await
        .unwrap();
    assert_eq!(found, Ok(lease()));
    assert_eq!(noted.settled("wlan9"), Some(lease()));
    drop(client);
    assert_eq!(noted.settled("wlan9"), None);
}

#[tokio::test]
async fn an_address_that_may_not_be_set_is_not_allowed() {
    let (client, _noted, _scratch, _folder) = start(UDHCPC, true).await;
    let found = tokio::time::timeout(PATIENCE, client.lease())
        .await
        .unwrap();
    assert!(matches!(found, Err(Error::NotAllowed { .. })), "{found:?}");
}

#[tokio::test]
async fn a_client_that_ends_is_an_error() {
    let (client, _noted, _scratch, _folder) = start("#!/bin/sh\nexit 1\n", false).await;
    let found = tokio::time::timeout(PATIENCE, client.lease())
        .await
        .unwrap();
    assert!(matches!(found, Err(Error::Backend { .. })), "{found:?}");
}

#[test]
fn a_line_is_a_lease_or_nothing() {
    assert_eq!(
        read_line("lease 192.168.4.100 255.255.255.0 192.168.4.1 -"),
        Some(Some(lease()))
    );
    let without = read_line("lease 10.0.0.2 255.0.0.0 - -").flatten().unwrap();
    assert_eq!((without.address.prefix, without.gateway), (8, None));
    assert_eq!(read_line("lost"), Some(None));
    for noise in [
        "",
        "udhcpc: started",
        "lease",
        "lease x 255.0.0.0",
        "lease 10.0.0.2 1.2.3.4 -",
    ] {
        assert_eq!(read_line(noise), None, "{noise}");
    }
}

/// The script with an environment, as the program would call it.
fn run(is_kept: bool, argument: Option<&str>, environment: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lease.sh");
    std::fs::write(&path, script("wlan0", is_kept)).unwrap();
    let output = Command::new("/bin/sh")
        .arg(path)
        .args(argument)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_script_understands_every_program() {
    let udhcpc = [
        ("ip", "10.0.0.2"),
        ("subnet", "255.0.0.0"),
        ("serverid", "10.0.0.1"),
    ];
    assert_eq!(
        run(false, Some("bound"), &udhcpc),
        "lease 10.0.0.2 255.0.0.0 - 10.0.0.1\n"
    );
    let dhclient = [
        ("reason", "BOUND"),
        ("new_ip_address", "10.0.0.2"),
        ("new_subnet_mask", "255.0.0.0"),
        ("new_routers", "10.0.0.1 10.0.0.3"),
    ];
    assert_eq!(
        run(false, None, &dhclient),
        "lease 10.0.0.2 255.0.0.0 10.0.0.1 10.0.0.3 -\n"
    );
    assert_eq!(run(true, Some("deconfig"), &[]), "lost\n");
    assert_eq!(run(false, None, &[("reason", "PREINIT")]), "");
}
