//! The same hub with PostgreSQL: a cluster of its own in a temporary folder, thrown away afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hub::config::Database;
use hub::{Keeper, TokenState};
use wire::thing::{Answer, Body};

use crate::support::{PATIENCE, Rig, device, get, register, reported, until, viewer};

/// A running cluster that only this user reaches, over a socket in its folder.
struct Cluster {
    dir: tempfile::TempDir,
    server: Child,
}

impl Cluster {
    fn start() -> Self {
        let programs = programs().expect(
            "PostgreSQL's programs are in /usr/lib/postgresql/*/bin (Debian: package `postgresql`; `cargo xtask setup`)",
        );
        let dir = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
        let data = dir.path().join("data");
        let is_root = is_root();
        if is_root {
            // It refuses to run as root; Debian's package brings a user for it.
            let own = Command::new("chown")
                .arg("postgres")
                .arg(dir.path())
                .status();
            assert!(own.unwrap().success());
        }
        let as_postgres = |program: &str| {
            let program = programs.join(program);
            if is_root {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(program);
                command
            } else {
                Command::new(program)
            }
        };
        let made = as_postgres("initdb")
            .args([
                "--auth=trust",
                "--username=hub",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success(), "initdb failed");
        let server = as_postgres("postgres")
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", dir.path().display()))
            .arg("-D")
            .arg(&data)
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let cluster = Self { dir, server };
        let socket = cluster.dir.path().join(".s.PGSQL.5432");
        let since = std::time::Instant::now();
        while !socket.exists() {
            assert!(since.elapsed() < PATIENCE, "PostgreSQL does not start");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        cluster
    }

    fn url(&self) -> Database {
        let folder = self.dir.path().display().to_string().replace('/', "%2F");
        format!("postgres://hub@{folder}/postgres").parse().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The first process of the cluster: told to end fast, it ends the others. runuser passes the signal on.
        let pid = fs::read_to_string(self.dir.path().join("data/postmaster.pid"));
        if let Some(pid) = pid
            .ok()
            .and_then(|text| text.lines().next().map(str::to_owned))
        {
            let _ = Command::new("kill").args(["-INT", &pid]).status();
        }
        let _ = self.server.wait();
    }
}

fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?;
    let mut all: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").is_file() && bin.join("initdb").is_file())
        .collect();
    all.sort();
    all.pop()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

async fn started(cluster: &Cluster) -> Rig {
    // It takes connections a moment after its socket is there.
    let mut config = hub::Config::new(cluster.dir.path());
    config.database = cluster.url();
    until("PostgreSQL answers", async || {
        let dir = tempfile::tempdir().unwrap();
        config.dir = dir.path().into();
        match Keeper::open(&config).await {
            Ok(keeper) => {
                keeper.close().await;
                true
            }
            Err(_) => false,
        }
    })
    .await;
    Rig::with(|config| config.database = cluster.url()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_is_paired_bound_and_removed_on_postgresql() {
    let cluster = Cluster::start();
    let mut rig = started(&cluster).await;
    let desk = rig.hub.desk();
    let (mut online, token) = reported(&rig, &desk, "cam_a", 1).await;
    assert_eq!(online.report_token(&token).await, 0, "again");
    let params = wire::Json::parse(r#"{"_sys_xp2p_info":"XP2PAQ==%0.1","a":null}"#).unwrap();
    online
        .say(
            "r",
            Body::Report {
                timestamp: None,
                params,
            },
        )
        .await;
    assert_eq!(online.hear().await.body, Body::ReportReply(Answer::ok()));

    let taker = async {
        let message = online
            .hear_one(|body| matches!(body, Body::BindDevice(_)))
            .await;
        let answer = Body::BindDeviceReply(Answer::ok());
        online.say(&message.client_token, answer).await;
    };
    let (bound, ()) = tokio::join!(desk.bind(&token), taker);
    let bound = bound.unwrap();
    assert!(bound.confirmed);
    assert_eq!(bound.xp2p_info.as_deref(), Some("XP2PAQ==%0.1"));
    assert_eq!(bound.camera, Some(online.camera.key));

    let keeper = Keeper::open(&rig.config).await.unwrap();
    assert_eq!(keeper.devices().await.unwrap().len(), 1);
    assert_eq!(keeper.tokens().await.unwrap()[0].state, "bound");
    assert_eq!(keeper.owners().await.unwrap()[0].cameras, 1);
    keeper
        .add_product(&"ABCDE12345".parse().unwrap(), None)
        .await
        .unwrap();
    keeper.close().await;
    assert!(
        get(&rig.address(), "/metrics")
            .await
            .1
            .contains("\nporthole_hub_devices_bound 1\n")
    );

    let camera = online.camera.clone();
    drop(online);
    rig.restart().await;
    let desk = rig.hub.desk();
    assert_eq!(
        desk.token_state(&token).await.unwrap(),
        TokenState::Bound(device("cam_a"))
    );
    desk.unbind(&device("cam_a")).await.unwrap();
    let mut online = camera.connect().await;
    let message = online
        .hear_one(|body| matches!(body, Body::UnbindDevice { .. }))
        .await;
    online
        .say(&message.client_token, Body::UnbindDeviceReply(Answer::ok()))
        .await;
    assert!(desk.devices().await.unwrap().is_empty());
    let page = async || {
        get(&rig.address(), "/metrics")
            .await
            .1
            .contains("\nporthole_hub_unbinds_total 1\n")
    };
    until("unbound", page).await;
    rig.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_share_one_postgresql_and_a_replay_is_seen_by_both() {
    let cluster = Cluster::start();
    let one = started(&cluster).await;
    let two = Rig::with(|config| config.database = cluster.url()).await;
    let token = one.hub.desk().create_token(&viewer(1)).await.unwrap().token;
    assert_eq!(
        two.hub.desk().token_state(&token).await.unwrap(),
        TokenState::Created
    );
    let secret = provision::credentials::ProductSecret::from(&token);
    let request = {
        let mut request = provision::credentials::sign_registration(
            &secret,
            &device("cam_a"),
            1,
            crate::support::unix_seconds(),
        );
        request.camera = Some(viewer(9).key);
        request.encode()
    };
    for (rig, is_good) in [(&one, true), (&two, false)] {
        let path = wire::register::EXPLORER_PATH;
        let (_, body) = crate::support::post(&rig.address(), path, &[], request.clone()).await;
        let response = wire::register::Response::decode(&body).unwrap();
        let is_registered = matches!(response, wire::register::Response::Registered { .. });
        assert_eq!(is_registered, is_good, "{response:?}");
    }
    let key = Some(viewer(9).key);
    assert!(
        register(&two.address(), "cam_a", key, &secret)
            .await
            .is_ok()
    );
    // A camera reports its token to the other hub than the one that made it.
    let camera = crate::support::Camera {
        hub: two.address(),
        device: device("cam_a"),
        key: viewer(9).key,
        secret: register(&two.address(), "cam_a", key, &secret)
            .await
            .unwrap(),
    };
    let mut online = camera.connect().await;
    assert_eq!(online.report_token(&token).await, 0);
    let taker = async {
        let message = online
            .hear_one(|body| matches!(body, Body::BindDevice(_)))
            .await;
        online
            .say(&message.client_token, Body::BindDeviceReply(Answer::ok()))
            .await;
    };
    let desk = one.hub.desk();
    let (bound, ()) = tokio::join!(desk.bind(&token), taker);
    assert_eq!(bound.unwrap().device, device("cam_a"));
    until("confirmed", async || {
        one.hub.desk().devices().await.unwrap()[0].confirmed
    })
    .await;
    one.hub.stop().await;
    two.hub.stop().await;
}
