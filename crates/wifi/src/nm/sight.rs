//! What is in range: scans, and the access point to join.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use wire::wifi::Ssid;
use zbus::zvariant::Value;

use super::bus::{self, Path};
use super::told::network;
use super::{POLL, Radio};
use crate::{Error, Network, Target};

/// All channels, some of them only listened to, take 5 s, and an emulated machine ten times as long.
const SCAN_LIMIT: Duration = Duration::from_secs(60);

impl Radio {
    /// Asks for a scan, for this name too when it is given, and waits for its end.
    pub(super) async fn look(&self, ssid: Option<&Ssid>) -> Result<(), Error> {
        let deadline = Instant::now() + SCAN_LIMIT;
        let before: i64 = self
            .bus
            .get(&self.device, bus::WIRELESS, "LastScan")
            .await?;
        let mut options = HashMap::<&str, Value<'_>>::new();
        if let Some(ssid) = ssid {
            options.insert("ssids", vec![ssid.as_bytes().to_vec()].into());
        }
        let asked: Result<(), Error> = self
            .bus
            .call(
                "scan",
                &self.device,
                bus::WIRELESS,
                "RequestScan",
                &(options,),
            )
            .await;
        match asked {
            Ok(()) => {}
            // One is under way, or has just been: its end is as good.
            Err(Error::Backend { .. }) => {}
            Err(error) => return Err(error),
        }
        while Instant::now() < deadline {
            let last: i64 = self
                .bus
                .get(&self.device, bus::WIRELESS, "LastScan")
                .await?;
            if last != before {
                break;
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// The access points that NetworkManager knows of.
    pub(super) async fn heard(&self) -> Result<Vec<(Path, Network)>, Error> {
        let paths: Vec<Path> = self
            .bus
            .call(
                "list access points",
                &self.device,
                bus::WIRELESS,
                "GetAllAccessPoints",
                &(),
            )
            .await?;
        let mut heard = Vec::new();
        for path in paths {
            // It may be gone by now.
            if let Ok(properties) = self.bus.all(&path, bus::ACCESS_POINT).await
                && let Some(network) = network(&properties)
            {
                heard.push((path, network));
            }
        }
        Ok(heard)
    }

    /// The strongest access point of a network, looked for twice when it is not known.
    pub(super) async fn find(
        &self,
        target: &Target,
        deadline: Instant,
    ) -> Result<Option<(Path, Network)>, Error> {
        let not_found = || Error::NotFound {
            ssid: target.ssid.clone(),
        };
        for look in 0..3 {
            if look > 0 {
                let looked = timeout_at(deadline, self.look(Some(&target.ssid))).await;
                // No time for another one: it was not there in the first.
                looked.unwrap_or_else(|_| Err(not_found()))?;
            }
            let mut heard = self.heard().await?;
            heard.retain(|(_, network)| {
                network.ssid == target.ssid
                    && target.bssid.is_none_or(|bssid| bssid == network.bssid)
            });
            if let Some(best) = heard
                .into_iter()
                .max_by_key(|(_, network)| network.signal_percent)
            {
                return Ok(Some(best));
            }
        }
        match target.hidden {
            true => Ok(None),
            false => Err(not_found()),
        }
    }
}
