//! `porthole wifi scan`

use crate::out::Out;
use app::App;
use app::api::{Call, Failure, RadioState, Reply, WifiSecurity};

/// Lists what is in range.
pub(crate) async fn scan(app: &App, out: &Out) -> Result<(), Failure> {
    let Reply::Wifi {
        radio,
        networks,
        current,
    } = app.call(Call::ScanWifi, None).await?
    else {
        return Err(app::fail::internal("a scan gives networks"));
    };
    if let RadioState::ByHand { failure } = radio {
        return Err(failure);
    }
    let mut people = String::new();
    for network in &networks {
        let security = match network.security {
            WifiSecurity::Open => out.say("open", "开放"),
            WifiSecurity::Password => out.say("password", "密码"),
            WifiSecurity::Other => out.say("other", "其他"),
        };
        let mark = match (network.current, network.camera) {
            (true, _) => '*',
            (false, true) => '+',
            _ => ' ',
        };
        people += &format!(
            "{mark} {:>3} %  {:>4} MHz  {security:<8}  {}\n",
            network.signal_percent,
            network.frequency_mhz,
            shown(&network.ssid)
        );
    }
    let json = serde_json::json!({ "networks": networks, "current": current });
    out.data(&json, &people);
    Ok(())
}

/// A name without control characters: whoever sets up an access point chooses it.
fn shown(ssid: &str) -> String {
    ssid.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
