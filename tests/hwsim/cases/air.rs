//! The machine itself: radios hear each other.

use crate::air::{Air, Place, until};
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
    until("the router in a scan", Duration::from_secs(60), || {
        sees(&phone, router::SSID).then_some(())
    })
}

/// Asks for a scan and looks at what earlier ones have found. `iw scan` would do both, but begins to wait for the end of
/// a scan only after it has asked for it: on a slow machine the end can come first, and it waits for ever.
fn sees(place: &Place, ssid: &str) -> bool {
    let scan = |what| place.must("iw", &["dev", &place.interface, "scan", what]);
    // Refused while one is running, which is as good.
    let _ = scan("trigger");
    scan("dump").is_ok_and(|found| found.contains(&format!("SSID: {ssid}")))
}
