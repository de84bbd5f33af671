//! Changing the settings: what can fail comes first, then they are saved, then they hold.

use super::{App, network};
use crate::api::{Event, Failure, FailureCode, Reply, Settings};
use crate::gateway::Gateway;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The volume is saved this long after its last change, not at every step of a slider.
const SAVE_VOLUME: Duration = Duration::from_millis(500);

impl App {
    pub(super) fn set_audio(&self, volume: f32, muted: bool) -> Result<Reply, Failure> {
        check_volume(volume)?;
        self.0.volume.set(volume, muted);
        let change = self.0.volume_changes.fetch_add(1, Ordering::Relaxed) + 1;
        let app = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SAVE_VOLUME).await;
            if app.0.volume_changes.load(Ordering::Relaxed) != change {
                return;
            }
            let settings = Settings {
                volume,
                muted,
                ..app.0.core.book.settings()
            };
            match app.0.core.book.set_settings(&settings) {
                Ok(()) => app.0.core.tell(Event::Settings { settings }),
                Err(failure) => tracing::warn!(%failure, "volume not saved"),
            }
        });
        Ok(Reply::Done)
    }

    pub(super) async fn set_settings(&self, settings: Settings) -> Result<Settings, Failure> {
        check_volume(settings.volume)?;
        let app = &*self.0;
        Self::check_hub_choice(&settings.hub)?;
        check_radio(&settings.radio)?;
        let before = app.core.book.settings();
        // The relay of another hub is left together with the endpoint.
        let leaves_relay = settings.hub != before.hub && app.hubs.relay().is_some();
        let endpoint = if settings.relay == before.relay && !leaves_relay {
            None
        } else {
            Some(app.network.bind(&settings.relay).await?)
        };
        // What can fail comes first: sessions move to the new endpoint when the new settings are saved.
        let saved = match self.set_gateway(settings.gateway).await {
            Ok(()) => {
                app.volume_changes.fetch_add(1, Ordering::Relaxed);
                app.core.book.set_settings(&settings)
            }
            failed => failed,
        };
        match (saved, endpoint) {
            (Ok(()), Some(endpoint)) => {
                match leaves_relay {
                    true => app.hubs.forget_relay(),
                    false => app.hubs.send_to_relay(&endpoint).await,
                }
                app.cameras.move_to(endpoint).await;
                network::follow_relay(&app.core, &app.cameras.endpoint());
            }
            (Ok(()), None) => {}
            (Err(failure), unused) => {
                if let Some(unused) = unused {
                    unused.close().await;
                }
                return Err(failure);
            }
        }
        app.volume.set(settings.volume, settings.muted);
        app.volume.choose(settings.speaker.clone());
        app.core.tell(Event::Settings {
            settings: settings.clone(),
        });
        Ok(settings)
    }

    pub(super) async fn set_gateway(&self, on: bool) -> Result<(), Failure> {
        let mut gateway = self.0.gateway.lock().await;
        if on && gateway.is_none() {
            *gateway = Some(Gateway::start(&self.0.core, self.0.cameras.clone()).await?);
        } else if !on && let Some(gateway) = gateway.take() {
            gateway.stop().await;
        }
        Ok(())
    }
}

fn check_radio(radio: &str) -> Result<(), Failure> {
    let known: Result<wifi::Choice, _> = radio.parse();
    known.map(|_| ()).map_err(|error| {
        Failure::new(FailureCode::SettingInvalid)
            .with("setting", "radio")
            .with("reason", error)
    })
}

fn check_volume(volume: f32) -> Result<(), Failure> {
    if (0.0..=1.0).contains(&volume) {
        return Ok(());
    }
    Err(Failure::new(FailureCode::SettingInvalid)
        .with("setting", "volume")
        .with("reason", format!("{volume} is not between 0 and 1")))
}
