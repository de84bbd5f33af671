//! A camera of this network by what a person calls it: its name, the start of its key, or its address.

use app::App;
use app::api::{Failure, FailureCode, LanCamera};
use app::discovery::Discovery;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long is looked until everybody has answered.
const ALL: Duration = Duration::from_secs(3);
/// How long is looked for one that was named.
const ONE: Duration = Duration::from_secs(10);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// What is known of a camera.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Nearby {
    pub(crate) address: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) name: Option<String>,
}

/// The camera called `wanted`; with an empty text the only one that is not saved.
pub(crate) async fn find(app: &App, wanted: &str) -> Result<Nearby, Failure> {
    if wanted.parse::<Ipv4Addr>().is_ok() || wanted.parse::<SocketAddrV4>().is_ok() {
        return Ok(Nearby {
            address: Some(wanted.to_owned()),
            key: None,
            name: None,
        });
    }
    let discovery = Discovery::start(app.core().clone(), app.cameras().clone())?;
    let patience = if wanted.is_empty() { ALL } else { ONE };
    let started = Instant::now();
    loop {
        sleep(LOOK).await;
        let is_over = started.elapsed() >= patience;
        // Which one is the only one is known when all have answered.
        if is_over || !wanted.is_empty() {
            let chosen = choose(discovery.cameras(), wanted);
            if is_over || chosen.is_ok() {
                return chosen;
            }
        }
    }
}

fn choose(cameras: Vec<LanCamera>, wanted: &str) -> Result<Nearby, Failure> {
    let is_meant = |camera: &LanCamera| match wanted {
        "" => camera.saved_as.is_none(),
        wanted => camera.name == wanted || camera.id.starts_with(&wanted.to_lowercase()),
    };
    let mut cameras = cameras.into_iter().filter(is_meant);
    match (cameras.next(), cameras.next()) {
        (Some(one), None) => Ok(Nearby {
            address: None,
            key: Some(one.id),
            name: Some(one.name),
        }),
        (None, _) => {
            let camera = if wanted.is_empty() { "–" } else { wanted };
            Err(Failure::new(FailureCode::CameraNotFound).with("camera", camera))
        }
        (Some(_), Some(_)) => Err(Failure::new(FailureCode::WifiInputInvalid)
            .with("part", "--on-network")
            .with(
                "expected",
                "one of the cameras that `porthole discover` lists, by the start of its key",
            )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(id: &str, name: &str, saved: bool) -> LanCamera {
        LanCamera {
            id: id.repeat(32),
            name: name.into(),
            addresses: vec!["192.168.1.30:4000".into()],
            saved_as: saved.then(|| "front".into()),
        }
    }

    #[test]
    fn a_camera_is_meant_by_name_by_key_or_by_being_the_only_new_one() {
        let all = || {
            vec![
                camera("ab", "Porch", false),
                camera("ac", "Door", true),
                camera("bc", "Door", true),
            ]
        };
        for wanted in ["", "Porch", "abab", "AB"] {
            let found = choose(all(), wanted).unwrap();
            assert_eq!(found.key, Some("ab".repeat(32)), "{wanted:?}");
            assert_eq!(found.name.as_deref(), Some("Porch"));
        }
        let code = |wanted| choose(all(), wanted).unwrap_err().code;
        assert_eq!(code("Gate"), FailureCode::CameraNotFound);
        assert_eq!(code("Door"), FailureCode::WifiInputInvalid);
        assert_eq!(code("a"), FailureCode::WifiInputInvalid);
    }
}
