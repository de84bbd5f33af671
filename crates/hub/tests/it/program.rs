//! The program `porthole-hub`, as its keeper types it.

use std::path::Path;
use std::process::Stdio;

use hub::Desk;
use hub::client::{Client, Invitation};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use wire::hub::HubAddress;

use crate::support::{get, soon};

fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_porthole-hub"));
    command.env_clear().arg("--dir").arg(dir).kill_on_drop(true);
    command
}

async fn output(dir: &Path, arguments: &[&str]) -> String {
    let output = program(dir).args(arguments).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn fails(dir: &Path, arguments: &[&str]) -> String {
    let output = program(dir).args(arguments).output().await.unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Runs the hub and returns where it is.
async fn run(dir: &Path) -> (Child, HubAddress) {
    let ports = [
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        "127.0.0.1:0",
        "--host",
        "127.0.0.1",
    ];
    let mut child = program(dir)
        .args(ports)
        .arg("run")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = soon("the address", lines.next_line())
        .await
        .unwrap()
        .unwrap();
    (child, HubAddress::decode(line.as_bytes()).unwrap())
}

#[tokio::test]
async fn the_keeper_sets_a_hub_up_and_an_owner_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("hub");
    let text = output(&home, &["--host", "hub.example", "init"]).await;
    assert!(
        text.contains(r#""host":"hub.example","mqtt":8883,"http":8443"#),
        "{text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home), 0o700);
        assert_eq!(mode(&home.join("hub.db")), 0o600);
        assert_eq!(mode(&home.join("tls.key")), 0o600);
    }
    let (mut child, address) = run(&home).await;
    let again = output(
        &home,
        &[
            "--http",
            "127.0.0.1:0",
            "--mqtt",
            "127.0.0.1:0",
            "--host",
            "127.0.0.1",
            "address",
        ],
    );
    let again = again.await;
    assert_eq!(
        HubAddress::decode(again.trim().as_bytes()).unwrap(),
        address
    );

    // While it runs.
    let add = [
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        "127.0.0.1:0",
        "--host",
        "127.0.0.1",
        "owner",
        "add",
        "ann",
    ];
    let invitation: Invitation = output(&home, &add).await.trim().parse().unwrap();
    assert_eq!(invitation.hub, address);
    let ann = Client::new(invitation).unwrap();
    assert!(ann.devices().await.unwrap().is_empty());
    let secret = output(&home, &["device", "add", "PORTHOLE01", "cam_a"]).await;
    assert_eq!(secret.trim().len(), 24);
    let list = output(&home, &["device", "list"]).await;
    assert!(list.contains("PORTHOLE01/cam_a\t-\tno"), "{list}");
    assert!(!list.contains(secret.trim()));
    let file = home.join("secret");
    std::fs::write(&file, "hzvf5LF9S0isvBhDSauWMaIk\n").unwrap();
    let file = file.display().to_string();
    output(
        &home,
        &["product", "add", "ABCDE12345", "--secret-file", &file],
    )
    .await;
    let token = hub::Desk::create_token(&ann, &crate::support::viewer(1))
        .await
        .unwrap();
    let list = output(&home, &["token", "list"]).await;
    assert!(list.contains("ann\tmade\t-"), "{list}");
    assert!(!list.contains(token.token.as_str()));
    let list = output(&home, &["owner", "list"]).await;
    assert!(
        list.contains("ann\ttoken\t0") && list.contains("home\t-\t0"),
        "{list}"
    );
    output(&home, &["owner", "lock", "ann"]).await;
    assert!(ann.devices().await.is_err());

    // Told to end, it ends in order and soon.
    let pid = child.id().unwrap().to_string();
    let told = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(told.unwrap().success());
    assert!(soon("the end", child.wait()).await.unwrap().success());
    let (mut child, after) = run(&home).await;
    assert_eq!(after, address, "same ports, same key");
    assert_eq!(get(&after, "/health").await.0, 200);
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hub.toml");
    std::fs::write(
        &file,
        "host = \"file.example\"\nhttp = \"0.0.0.0:1443\"\nmqtt = \"0.0.0.0:1883\"\n",
    )
    .unwrap();
    let text = output(dir.path(), &["address"]).await;
    assert!(
        text.contains(r#""host":"file.example","mqtt":1883,"http":1443"#),
        "{text}"
    );
    let with_environment = async |flags: &[&str]| {
        let mut command = program(dir.path());
        command
            .env("PORTHOLE_HUB_HOST", "env.example")
            .args(flags)
            .arg("address");
        let output = command.output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(with_environment(&[]).await.contains("env.example"));
    assert!(
        with_environment(&["--host", "flag.example"])
            .await
            .contains("flag.example")
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_without_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hub.toml");
    std::fs::write(&file, "database = \"mysql://hub:hunter2@db/x\"\n").unwrap();
    let text = fails(dir.path(), &["address"]).await;
    assert!(
        text.contains("hub.toml") && !text.contains("hunter2"),
        "{text}"
    );
    std::fs::write(&file, "databse = \"sqlite\"\n").unwrap();
    let text = fails(dir.path(), &["address"]).await;
    assert!(text.contains("databse"), "{text}");
    std::fs::remove_file(&file).unwrap();
    let url = "postgres://hub:hunter2@127.0.0.1:1/x";
    let text = fails(dir.path(), &["--database", url, "device", "list"]).await;
    assert!(
        text.contains("PostgreSQL") && !text.contains("hunter2"),
        "{text}"
    );
    let text = fails(dir.path(), &["device", "add", "SHORT", "cam_a"]).await;
    assert!(text.contains("10 letters and digits"), "{text}");
    let text = fails(dir.path(), &["owner", "lock", "nobody"]).await;
    assert!(text.contains("nobody"), "{text}");
}
