//! `hwsim radio CHOICE …`: one operation of the crate `wifi`, in the place where this program was started.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wifi::{AccessPoint, Error, Joined, Radio, Target};

/// Longest for one join.
const LIMIT: Duration = Duration::from_secs(45);

/// Does `words` with the radio `choice` and prints the outcome as a line of JSON.
///
/// `scan`, `current`, `join SSID PASSWORD` (and leave), `roam SSID PASSWORD` (remember, join, restore), and
/// `hotspot SSID PASSWORD` (until this program is killed).
pub(crate) fn run(choice: &str, words: &[&str]) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let radio = wifi::open(&choice.parse()?).await?;
        let start = Instant::now();
        let mut outcome = match one(&*radio, words).await {
            Ok(outcome) => outcome,
            Err(error) => match error.downcast::<Error>() {
                Ok(error) => json!({ "error": kind(&error), "text": error.to_string() }),
                Err(error) => return Err(error),
            },
        };
        outcome["seconds"] = json!(start.elapsed().as_secs_f64());
        println!("{outcome}");
        if words[0] == "hotspot" {
            std::future::pending::<()>().await;
        }
        Ok(())
    })
}

async fn one(radio: &dyn Radio, words: &[&str]) -> Result<Value> {
    Ok(match words {
        ["scan"] => {
            let networks = radio.scan().await?;
            json!({ "networks": networks.iter().map(|network| json!({
                "ssid": network.ssid.to_string(),
                "signal": network.signal_percent,
                "security": format!("{:?}", network.security),
                "known": network.known,
            })).collect::<Vec<_>>() })
        }
        ["current"] => json!({ "current": radio.current().await?.as_ref().map(shown) }),
        ["join", ssid, password] => {
            let joined = radio.join(&target(ssid, password)?, LIMIT).await?;
            let current = radio.current().await?;
            radio.leave().await?;
            json!({ "joined": shown(&joined), "current": current.as_ref().map(shown), "left": radio.current().await?.as_ref().map(shown) })
        }
        ["roam", ssid, password] => {
            let before = radio.remember().await?;
            let joined = radio.join(&target(ssid, password)?, LIMIT).await;
            let restoring = Instant::now();
            radio.restore(before).await.context("restoring")?;
            json!({
                "joined": shown(&joined?),
                "restored": radio.current().await?.as_ref().map(shown),
                "restoring": restoring.elapsed().as_secs_f64(),
            })
        }
        ["hotspot", ssid, password] => {
            let running = radio
                .start_access_point(&AccessPoint {
                    ssid: ssid.parse()?,
                    passphrase: Some(password.parse()?),
                    channel: None,
                    address: [192, 168, 4, 1].into(),
                })
                .await?;
            json!({ "hotspot": running.address.to_string(), "interface": running.interface })
        }
        _ => bail!("no such operation: {words:?}"),
    })
}

fn target(ssid: &str, password: &str) -> Result<Target> {
    Ok(Target::new(ssid.parse()?, Some(password.parse()?)))
}

fn shown(joined: &Joined) -> Value {
    json!({
        "ssid": joined.ssid.to_string(),
        "address": joined.address.to_string(),
        "gateway": joined.gateway.map(|gateway| gateway.to_string()),
    })
}

/// The variant's name.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::WrongPassphrase { .. } => "wrong passphrase",
        Error::NotFound { .. } => "not found",
        Error::NoLease { .. } => "no lease",
        Error::Timeout { .. } => "timeout",
        Error::Busy { .. } => "busy",
        Error::NotAllowed { .. } => "not allowed",
        Error::NoRadio { .. } => "no radio",
        Error::Unsupported { .. } => "unsupported",
        Error::Backend { .. } => "backend",
    }
}
