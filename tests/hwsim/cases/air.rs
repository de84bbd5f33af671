//! The machine itself: radios hear each other.

use crate::air::{Air, until};
use crate::router::{self, Router};
use anyhow::Result;
use std::time::Duration;

/// A router is seen by another radio.
pub(crate) fn seen() -> Result<()> {
    let mut air = Air::new(2)?;
    let router = Router::start(air.place("router")?)?;
    println!("router has {:?}", router.place().address());
    let phone = air.place("phone")?;
    phone.must("ip", &["link", "set", &phone.interface, "up"])?;
    until("the router in a scan", Duration::from_secs(30), || {
        let found = phone.must("iw", &["dev", &phone.interface, "scan"]).ok()?;
        found
            .contains(&format!("SSID: {}", router::SSID))
            .then_some(())
    })
}
