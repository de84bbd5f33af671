//! A profile of ours that is active as long as its own D-Bus connection lives.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};
use wire::wifi::Ssid;
use zbus::MessageStream;
use zbus::zvariant::Value;

use super::BACKEND;
use super::bus::{self, Bus, Path, Properties};
use super::progress::{Change, Progress, state};
use super::settings::Profile;
use crate::Error;

/// How long NetworkManager may take to say that it has ended it; it has been told by then.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How often the device is asked besides listening to it.
const CHECK: Duration = Duration::from_secs(1);

/// The active profile. Dropped, it ends and is forgotten.
#[derive(Debug)]
pub(super) struct Activation {
    bus: Bus,
    device: Path,
    active: Path,
    profile: Path,
}

/// An activation under way.
pub(super) struct Starting {
    activation: Activation,
    changes: MessageStream,
}

impl Activation {
    /// Gives NetworkManager a profile to activate on a device; `place`: the access point's path.
    pub(super) async fn start(
        address: Option<&str>,
        device: &Path,
        profile: Profile,
        place: Option<&Path>,
    ) -> Result<Starting, Error> {
        let bus = Bus::open(address).await?;
        let changes = bus.signals(device, bus::DEVICE).await?;
        let anywhere =
            Path::try_from("/").map_err(|error| Error::backend(BACKEND, "activate", error))?;
        let options = HashMap::from([
            ("persist", Value::from("volatile")),
            ("bind-activation", "dbus-client".into()),
        ]);
        let body = (profile, device, place.unwrap_or(&anywhere), options);
        let (profile, active, _): (Path, Path, Properties) = bus
            .call(
                "activate a profile",
                bus::ROOT,
                bus::NAME,
                "AddAndActivateConnection2",
                &body,
            )
            .await?;
        let activation = Self {
            bus,
            device: device.clone(),
            active,
            profile,
        };
        Ok(Starting {
            activation,
            changes,
        })
    }

    /// Ends it and waits until NetworkManager has forgotten the profile.
    pub(super) async fn end(self) {
        let end = async {
            let ended: Result<(), Error> = self
                .bus
                .call(
                    "deactivate",
                    bus::ROOT,
                    bus::NAME,
                    "DeactivateConnection",
                    &(&self.active,),
                )
                .await;
            let deleted: Result<(), Error> = self
                .bus
                .call(
                    "delete a profile",
                    &self.profile,
                    bus::PROFILE,
                    "Delete",
                    &(),
                )
                .await;
            // Mostly it is gone with the first of these; what remains goes with the connection.
            tracing::debug!(?ended, ?deleted, "a profile ends");
        };
        let _ = timeout(END_LIMIT, end).await;
    }

    /// Whether the device is activated with this very profile.
    async fn is_active(&self) -> bool {
        let active = self
            .bus
            .get::<Path>(&self.device, bus::DEVICE, "ActiveConnection")
            .await;
        let reached = self
            .bus
            .get::<u32>(&self.device, bus::DEVICE, "State")
            .await;
        active.as_ref() == Ok(&self.active) && reached == Ok(state::ACTIVATED)
    }
}

impl Starting {
    /// Waits until the device is activated. Failed, the profile is gone when this returns.
    pub(super) async fn wait(
        self,
        ssid: &Ssid,
        deadline: Instant,
        late: Error,
    ) -> Result<Activation, Error> {
        let Self {
            activation,
            mut changes,
        } = self;
        let mut progress = Progress::default();
        let outcome = timeout_at(
            deadline,
            follow(&activation, &mut changes, &mut progress, ssid),
        )
        .await;
        match outcome.unwrap_or_else(|_| Err(progress.late(ssid, late))) {
            Ok(()) => Ok(activation),
            Err(error) => {
                activation.end().await;
                Err(error)
            }
        }
    }
}

async fn follow(
    activation: &Activation,
    changes: &mut MessageStream,
    progress: &mut Progress,
    ssid: &Ssid,
) -> Result<(), Error> {
    let gone = || Error::backend(BACKEND, "activate", "it has left the bus");
    loop {
        match timeout(CHECK, changes.next()).await {
            Ok(Some(Ok(message))) => {
                if !bus::is_signal(&message, "StateChanged") {
                    continue;
                }
                let Ok(change) = message.body().deserialize::<Change>() else {
                    continue;
                };
                match progress.follow(change, ssid) {
                    Some(Ok(())) if !activation.is_active().await => {}
                    Some(outcome) => return outcome,
                    None => {}
                }
            }
            Ok(Some(Err(error))) => return Err(Error::backend(BACKEND, "activate", error)),
            Ok(None) => return Err(gone()),
            // A signal may have come before we listened.
            Err(_) if activation.is_active().await => return Ok(()),
            Err(_) => {}
        }
    }
}
