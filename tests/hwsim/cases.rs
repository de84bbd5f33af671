//! The cases, as data: what each shows and how long it may take.

mod air;
mod pairing;
mod power;
mod radios;

use anyhow::Result;
use std::time::Duration;

/// One case.
pub(crate) struct Case {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// When it counts as failed.
    pub(crate) limit: Duration,
    /// Whether it runs when no case is named.
    pub(crate) in_ring: bool,
    /// What it does.
    pub(crate) run: fn() -> Result<()>,
}

const fn case(
    name: &'static str,
    seconds: u64,
    run: fn() -> Result<()>,
    about: &'static str,
) -> Case {
    Case {
        name,
        about,
        limit: Duration::from_secs(seconds),
        in_ring: true,
        run,
    }
}

/// The case that is measured.
pub(crate) const BENCH: &str = "bench";

/// All of them, in the order in which they run.
pub(crate) const ALL: &[Case] = &[
    case("air", 60, air::seen, "a router is seen by another radio"),
    case(
        "radio-wpa",
        180,
        radios::supplicant,
        "crate wifi, wpa_supplicant: scan, join, causes, hotspot",
    ),
    case(
        "radio-nm",
        240,
        radios::manager,
        "crate wifi, NetworkManager: hotspot and back, profiles kept",
    ),
    case(
        "radio-no-lease",
        120,
        radios::no_lease,
        "crate wifi, wpa_supplicant: a router without DHCP",
    ),
    case(
        "paired",
        300,
        pairing::supplicant,
        "paired over wpa_supplicant, live, live again after power",
    ),
    case(
        "causes",
        300,
        pairing::causes,
        "wrong password, network not in range, then paired",
    ),
    case(
        "no-address",
        300,
        pairing::no_address,
        "a router without DHCP, told by the camera",
    ),
    case(
        "paired-nm",
        300,
        pairing::manager,
        "paired over NetworkManager, live, profiles as before",
    ),
    case(
        "hub",
        400,
        pairing::hub,
        "hub away in the middle, paired when it is back, and away again",
    ),
    case(
        "expired",
        300,
        pairing::expired,
        "the token has expired when the camera reports it",
    ),
    case(
        "interrupted",
        400,
        pairing::interrupted,
        "the camera loses its power while the phone joins its hotspot",
    ),
    case(
        "interrupted-sending",
        400,
        pairing::interrupted_while_sending,
        "the same while the phone hands over what the camera has to know",
    ),
    case(
        "interrupted-joining",
        400,
        pairing::interrupted_while_joining,
        "the same while the camera joins the network",
    ),
    case(
        "power-cut",
        240,
        power::cut,
        "a card's power goes while the camera records: the open GOP at most is lost",
    ),
    case(
        "two-phones",
        400,
        pairing::two_phones,
        "two phones at the same time: one has the camera, the other is told",
    ),
    Case {
        in_ring: false,
        ..case(
            BENCH,
            300,
            pairing::bench,
            "a new camera paired, each step measured",
        )
    },
];

/// The case of that name.
pub(crate) fn find(name: &str) -> Option<&'static Case> {
    ALL.iter().find(|case| case.name == name)
}
