//! The crate `wifi` by itself, against simulated radios: what its backends say is what happened.

use crate::air::{Air, Place, must, says, until};
use crate::desktop::Desktop;
use crate::report::figure;
use crate::router::{PASSWORD, Router, SSID};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::Duration;
use tests::places;
use tests::programs::Running;

/// A camera's hotspot.
const HOTSPOT: &str = "Porthole-TEST";
const HOTSPOT_PASSWORD: &str = "mgf7kq2xw9";
const WRONG: &str = "not the password";
/// Longest that a wrong password may take to be told.
const TOLD: f64 = 15.0;

/// wpa_supplicant's backend as a phone, and as a camera's hotspot.
pub(crate) fn supplicant() -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::start(air.place("router")?)?;
    let (camera, phone) = (air.place("camera")?, air.place("phone")?);
    let radio = format!("wpa:{}", phone.interface);
    let _hotspot = hotspot(&camera, &format!("wpa:{}", camera.interface))?;
    sees(&phone, &radio)?;
    tells_causes(&phone, &radio)?;
    let outcome = ask(&phone, &radio, &["join", SSID, PASSWORD])?;
    figure("joined home", seconds(&outcome))?;
    ensure!(
        text(&outcome, "/joined/gateway") == "192.168.1.1",
        "{outcome}"
    );
    ensure!(
        outcome["current"] == outcome["joined"] && outcome["left"].is_null(),
        "{outcome}"
    );
    let outcome = ask(&phone, &radio, &["join", HOTSPOT, HOTSPOT_PASSWORD])?;
    figure("joined hotspot", seconds(&outcome))?;
    ensure!(
        text(&outcome, "/joined/gateway") == "192.168.4.1",
        "{outcome}"
    );
    Ok(())
}

/// NetworkManager's backend on a desktop that is at home, and stays there.
pub(crate) fn manager() -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::start(air.place("router")?)?;
    let desktop = Desktop::at_home(air.place("phone")?, SSID, PASSWORD)?;
    let before = desktop.profiles()?;
    println!("{}", before.join("\n"));
    let camera = air.place("camera")?;
    let _hotspot = hotspot(&camera, &format!("wpa:{}", camera.interface))?;
    let phone = desktop.place();
    sees(phone, "nm")?;
    let wrong = ask(phone, "nm", &["roam", HOTSPOT, WRONG])?;
    figure("wrong password told", seconds(&wrong))?;
    ensure!(text(&wrong, "/error") == "wrong passphrase", "{wrong}");
    ensure!(desktop.profiles()? == before, "{:#?}", desktop.profiles());
    let outcome = ask(phone, "nm", &["roam", HOTSPOT, HOTSPOT_PASSWORD])?;
    figure("hotspot and back", seconds(&outcome))?;
    ensure!(
        text(&outcome, "/joined/gateway") == "192.168.4.1",
        "{outcome}"
    );
    ensure!(text(&outcome, "/restored/ssid") == SSID, "{outcome}");
    ensure!(desktop.profiles()? == before, "{:#?}", desktop.profiles());
    Ok(())
}

/// A router that gives no address.
pub(crate) fn no_lease() -> Result<()> {
    let mut air = Air::new(2)?;
    let _router = Router::without_dhcp(air.place("router")?)?;
    let phone = air.place("phone")?;
    let radio = format!("wpa:{}", phone.interface);
    let outcome = ask(&phone, &radio, &["join", SSID, PASSWORD])?;
    figure("told", seconds(&outcome))?;
    ensure!(text(&outcome, "/error") == "no lease", "{outcome}");
    Ok(())
}

/// Both networks are in range.
fn sees(phone: &Place, radio: &str) -> Result<()> {
    until("both networks in a scan", Duration::from_secs(60), || {
        let outcome = ask(phone, radio, &["scan"]).ok()?;
        let networks = outcome["networks"].as_array()?;
        let seen = |ssid: &str| networks.iter().any(|network| network["ssid"] == ssid);
        (seen(SSID) && seen(HOTSPOT)).then_some(())
    })
}

/// A wrong password and a network that is not there are told apart, and soon.
fn tells_causes(phone: &Place, radio: &str) -> Result<()> {
    let wrong = ask(phone, radio, &["join", SSID, WRONG])?;
    figure("wrong password told", seconds(&wrong))?;
    ensure!(text(&wrong, "/error") == "wrong passphrase", "{wrong}");
    ensure!(seconds(&wrong) <= TOLD, "{wrong}");
    let absent = ask(phone, radio, &["join", "Elsewhere", PASSWORD])?;
    figure("absence told", seconds(&absent))?;
    ensure!(text(&absent, "/error") == "not found", "{absent}");
    Ok(())
}

/// Opens a hotspot that lasts as long as what this gives.
fn hotspot(place: &Place, radio: &str) -> Result<Running> {
    let program = program()?;
    let words = ["radio", radio, "hotspot", HOTSPOT, HOTSPOT_PASSWORD];
    let running = place.start("hotspot", &program, &words)?;
    says("hotspot", "\"seconds\":", Duration::from_secs(60))?;
    let said = places::text("hotspot".as_ref());
    ensure!(said.contains("\"hotspot\":"), "no hotspot: {said}");
    Ok(running)
}

/// One operation of a radio, as a process in its place.
fn ask(place: &Place, radio: &str, words: &[&str]) -> Result<Value> {
    let mut command = place.command(program()?);
    let said = must(
        command
            .args(["radio", radio])
            .args(words)
            .env("RUST_LOG", "wifi=debug"),
    )?;
    println!("{radio} {}: {}", words.join(" "), said.trim());
    serde_json::from_str(&said).context("reading the radio's outcome")
}

fn program() -> Result<String> {
    Ok(std::env::current_exe()?.display().to_string())
}

fn text<'a>(outcome: &'a Value, pointer: &str) -> &'a str {
    outcome
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn seconds(outcome: &Value) -> f64 {
    outcome["seconds"].as_f64().unwrap_or(f64::INFINITY)
}
