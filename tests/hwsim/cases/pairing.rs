//! The whole story with our own programs: a camera from its box, a phone, and what goes wrong at home.

use crate::air::{Air, until};
use crate::desktop::Desktop;
use crate::home::{Camera, Hub, PATIENCE, Phone, at_home, at_home_with};
use crate::report::figure;
use crate::router::{PASSWORD, Router, SSID};
use anyhow::{Context, Result, ensure};
use std::time::Instant;

/// Longest that a wrong password may take to be told, seconds. The aim is 15 on a machine that does nothing else; what it
/// took is among the figures.
const TOLD: f64 = 30.0;
/// Pictures that five seconds at five a second must bring at least, on an emulated processor that may do other things too:
/// one a second still moves.
const PICTURES: u64 = 5;

/// Paired over wpa_supplicant, then live, and live again after the camera was without power.
pub(crate) fn supplicant() -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::start(air.place("router")?)?;
    let place = air.place("phone")?;
    let _own = at_home(&place, SSID, PASSWORD)?;
    let home = place.address();
    let mut camera = Camera::unpack(air.place("camera")?)?;
    let phone = Phone::new(&place, &format!("wpa:{}", place.interface));
    let start = Instant::now();
    let ended = phone.pairing(&camera, SSID, PASSWORD)?.end()?.paired()?;
    figure("paired", ended.over)?;
    ensure!(
        place.address() == home,
        "the phone is at {:?}",
        place.address()
    );
    let pictures = phone.watch("5")?;
    figure(
        "button to five seconds of live",
        start.elapsed().as_secs_f64(),
    )?;
    ensure!(pictures >= PICTURES, "{pictures} pictures in 5 s");
    println!("{pictures} pictures in 5 s");
    // The hub is in the phone and runs while a program does; the camera needs none to be watched.
    camera.unplug();
    camera.plug_in()?;
    let start = Instant::now();
    live(&phone).context("after the camera was without power")?;
    figure("live after power", start.elapsed().as_secs_f64())
}

/// Waits until there are live pictures. An emulated processor that does other things too may take longer than one try.
fn live(phone: &Phone) -> Result<()> {
    until("a live picture", PATIENCE, || {
        phone.watch("3").ok().filter(|pictures| *pictures > 0)
    })?;
    Ok(())
}

/// The same over NetworkManager, which has everything back afterwards.
pub(crate) fn manager() -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::start(air.place("router")?)?;
    let desktop = Desktop::at_home(air.place("phone")?, SSID, PASSWORD)?;
    let before = desktop.profiles()?;
    let camera = Camera::unpack(air.place("camera")?)?;
    let phone = Phone::new(desktop.place(), "nm");
    let ended = phone
        .pairing_by_label(&camera, SSID, PASSWORD)?
        .end()?
        .paired()?;
    figure("paired", ended.over)?;
    let after = desktop.profiles()?;
    ensure!(
        after == before,
        "profiles before {before:#?} and after {after:#?}"
    );
    let pictures = phone.watch("5")?;
    ensure!(pictures >= PICTURES, "{pictures} pictures in 5 s");
    Ok(())
}

/// A wrong password and a network that is not there: told by the camera itself; then the right one pairs.
pub(crate) fn causes() -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::start(air.place("router")?)?;
    let place = air.place("phone")?;
    let _own = at_home(&place, SSID, PASSWORD)?;
    let camera = Camera::unpack(air.place("camera")?)?;
    let phone = Phone::new(&place, &format!("wpa:{}", place.interface));
    let wrong = phone
        .pairing(&camera, SSID, "not the password")?
        .end()?
        .failed("network_wrong_password")?;
    let told = wrong.told()?;
    let absent = phone
        .pairing(&camera, "Elsewhere", PASSWORD)?
        .end()?
        .failed("network_not_found")?;
    absent.told()?;
    let ended = phone.pairing(&camera, SSID, PASSWORD)?.end()?.paired()?;
    figure("then paired", ended.over)?;
    ensure!(told <= TOLD, "a wrong password is told after {told:.1} s");
    Ok(())
}

/// A router that gives the camera no address.
pub(crate) fn no_address() -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::without_dhcp(air.place("router")?)?;
    let place = air.place("phone")?;
    let _own = at_home_with(&place, SSID, PASSWORD, "192.168.1.20")?;
    let camera = Camera::unpack(air.place("camera")?)?;
    let phone = Phone::new(&place, &format!("wpa:{}", place.interface));
    let ended = phone
        .pairing(&camera, SSID, PASSWORD)?
        .end()?
        .failed("network_no_address")?;
    ended.told()?;
    Ok(())
}

/// A hub on the router that is away when the camera needs it, and comes back; and goes once more later.
pub(crate) fn hub() -> Result<()> {
    let mut air = Air::new(3)?;
    let router = Router::start(air.place("router")?)?;
    let mut hub = Hub::start(&router, "")?;
    let place = air.place("phone")?;
    let _own = at_home(&place, SSID, PASSWORD)?;
    let mut camera = Camera::unpack(air.place("camera")?)?;
    let phone =
        Phone::new(&place, &format!("wpa:{}", place.interface)).invited(hub.invitation.clone());
    let pairing = phone.pairing(&camera, SSID, PASSWORD)?;
    pairing.comes_to("send_credentials")?;
    hub.unplug();
    let ended = pairing.end()?.failed("camera_no_hub")?;
    ended.told()?;
    hub.plug_in(&router)?;
    phone.pairing(&camera, SSID, PASSWORD)?.end()?.paired()?;
    camera.is_home()?;
    hub.unplug();
    camera.waits_for("without its hub", |status| status["at_hub"] == false)?;
    hub.plug_in(&router)?;
    let start = Instant::now();
    camera.is_home()?;
    figure("back at the hub", start.elapsed().as_secs_f64())?;
    until("the hub to see the camera", PATIENCE, || {
        hub.camera_is_online(&router).ok().filter(|is| *is)
    })?;
    Ok(())
}

/// A token that has expired when the camera reports it.
pub(crate) fn expired() -> Result<()> {
    let mut air = Air::new(3)?;
    let router = Router::start(air.place("router")?)?;
    let hub = Hub::start(&router, "[limits]\ntoken_seconds = 2\n")?;
    let place = air.place("phone")?;
    let _own = at_home(&place, SSID, PASSWORD)?;
    let camera = Camera::unpack(air.place("camera")?)?;
    let phone =
        Phone::new(&place, &format!("wpa:{}", place.interface)).invited(hub.invitation.clone());
    let ended = phone
        .pairing(&camera, SSID, PASSWORD)?
        .end()?
        .failed("token_expired")?;
    ended.told()?;
    Ok(())
}

/// The camera's power goes while the phone looks for its hotspot or joins it.
pub(crate) fn interrupted() -> Result<()> {
    // It may find the hotspot in time, or tell that it is gone.
    interrupted_at(
        "join_hotspot",
        &["hotspot_not_found", "hotspot_lost", "camera_setup_stopped"],
    )
}

/// The same while the phone hands over what the camera has to know.
pub(crate) fn interrupted_while_sending() -> Result<()> {
    interrupted_at(
        "send_credentials",
        &[
            "hotspot_lost",
            "camera_setup_stopped",
            "camera_silent",
            "camera_not_heard",
        ],
    )
}

/// The same while the camera has what it needs and joins.
pub(crate) fn interrupted_while_joining() -> Result<()> {
    interrupted_at(
        "wait_for_camera",
        &["camera_setup_stopped", "camera_not_heard"],
    )
}

/// The camera is without power for a moment when the pairing comes to `step`: it goes on by itself, or one of `causes`
/// is told and the next attempt pairs.
fn interrupted_at(step: &str, causes: &[&str]) -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::start(air.place("router")?)?;
    let place = air.place("phone")?;
    let _own = at_home(&place, SSID, PASSWORD)?;
    let mut camera = Camera::unpack(air.place("camera")?)?;
    let phone = Phone::new(&place, &format!("wpa:{}", place.interface));
    let pairing = phone.pairing(&camera, SSID, PASSWORD)?;
    pairing.comes_to(step)?;
    camera.unplug();
    camera.plug_in()?;
    let ended = pairing.end()?;
    println!("{:?} at {:?}", ended.failure, ended.steps);
    figure("known", ended.known)?;
    if let Some(cause) = &ended.failure {
        ensure!(
            causes.contains(&cause.as_str()),
            "{cause} instead of {causes:?}"
        );
        camera.waits_for("open", |status| !status["hotspot"].is_null())?;
        phone.pairing(&camera, SSID, PASSWORD)?.end()?.paired()?;
    }
    live(&phone)
}

/// Two phones want the same camera at the same time: one gets it, the other is told why not.
pub(crate) fn two_phones() -> Result<()> {
    let mut air = Air::new(4)?;
    let _router = Router::start(air.place("router")?)?;
    let (first, second) = (air.place("first")?, air.place("second")?);
    let _own = at_home(&first, SSID, PASSWORD)?;
    let _other = at_home(&second, SSID, PASSWORD)?;
    let camera = Camera::unpack(air.place("camera")?)?;
    let phones =
        [&first, &second].map(|place| Phone::new(place, &format!("wpa:{}", place.interface)));
    let pairings = [
        phones[0].pairing(&camera, SSID, PASSWORD)?,
        phones[1].pairing(&camera, SSID, PASSWORD)?,
    ];
    let mut paired = Vec::new();
    for (pairing, phone) in pairings.into_iter().zip(&phones) {
        let ended = pairing.end()?;
        println!("{:?} at {:?}", ended.failure, ended.steps);
        // The camera closes its hotspot while the other looks for it, joins it, or has joined it.
        let closed = [
            "hotspot_not_found",
            "hotspot_not_joined",
            "hotspot_lost",
            "camera_setup_stopped",
        ];
        match ended.failure {
            None => paired.push(phone),
            Some(cause) => ensure!(closed.contains(&cause.as_str()), "{cause}"),
        }
    }
    ensure!(paired.len() == 1, "{} phones have the camera", paired.len());
    live(paired[0])
}

/// A new camera paired, each step measured: for `hwsim bench`.
pub(crate) fn bench() -> Result<()> {
    let mut air = Air::new(3)?;
    let _router = Router::start(air.place("router")?)?;
    let place = air.place("phone")?;
    let _own = at_home(&place, SSID, PASSWORD)?;
    let camera = Camera::unpack(air.place("camera")?)?;
    let phone = Phone::new(&place, &format!("wpa:{}", place.interface));
    let ended = phone.pairing(&camera, SSID, PASSWORD)?.end()?.paired()?;
    let ends = ended
        .steps
        .iter()
        .skip(1)
        .map(|(_, at)| *at)
        .chain([ended.known]);
    for ((step, began), end) in ended.steps.iter().zip(ends) {
        figure(step, end - began)?;
    }
    figure("button to live picture", ended.known)
}
