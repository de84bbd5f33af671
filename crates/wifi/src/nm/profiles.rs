//! NetworkManager's profiles: whose are whose, and the one of ours that stays.

use std::collections::HashMap;

use zbus::zvariant::Value;

use super::Radio;
use super::bus::{self, Path, Properties};
use super::settings::{self, Purpose, ToldProfile};
use crate::{Error, Target};

impl Radio {
    /// Every profile with its settings, without secrets.
    pub(super) async fn profiles(&self) -> Result<Vec<(Path, ToldProfile)>, Error> {
        const DOING: &str = "list profiles";
        let paths: Vec<Path> = self
            .bus
            .call(
                DOING,
                bus::SETTINGS_ROOT,
                bus::SETTINGS,
                "ListConnections",
                &(),
            )
            .await?;
        let mut profiles = Vec::new();
        for path in paths {
            // It may be gone by now, or be another user's.
            let told = self
                .bus
                .call(DOING, &path, bus::PROFILE, "GetSettings", &())
                .await;
            if let Ok(told) = told {
                profiles.push((path, told));
            }
        }
        Ok(profiles)
    }

    /// Deletes the profiles that we had keep a network.
    pub(super) async fn forget(&self) -> Result<(), Error> {
        for (path, profile) in self.profiles().await? {
            if settings::is_ours(&profile) {
                let () = self
                    .bus
                    .call("delete a profile", &path, bus::PROFILE, "Delete", &())
                    .await?;
            }
        }
        Ok(())
    }

    /// Puts a profile on disk that NetworkManager goes to when ours is over, instead of any earlier one of ours.
    pub(super) async fn keep(&self, target: &Target) -> Result<(), Error> {
        const TO_DISK: u32 = 1;
        let older = self.profiles().await?;
        let profile = settings::station(target, None, Purpose::Kept);
        let nothing = HashMap::<&str, Value<'_>>::new();
        let _: (Path, Properties) = self
            .bus
            .call(
                "keep a profile",
                bus::SETTINGS_ROOT,
                bus::SETTINGS,
                "AddConnection2",
                &(profile, TO_DISK, nothing),
            )
            .await?;
        for (path, profile) in older {
            let is_trial = !settings::autoconnects(&profile);
            if settings::is_ours(&profile) && !is_trial {
                let () = self
                    .bus
                    .call("delete a profile", &path, bus::PROFILE, "Delete", &())
                    .await?;
            }
        }
        Ok(())
    }
}
