//! Talking to a camera.

use super::App;
use crate::api::{Call, Failure, Reply, TalkMode};
use crate::fail;
use crate::talk::source::Source;
use crate::talk::{Talking, Wanted, devices, floor};
use wire::talk::FloorAsk;

impl App {
    pub(super) async fn talk_call(&self, call: Call) -> Result<Reply, Failure> {
        let app = &*self.0;
        match call {
            Call::StartTalk { camera, device } => {
                let settings = app.core.book.settings();
                let wanted = Wanted {
                    session: app.cameras.get(&camera)?,
                    source: Source::Microphone(device.or(settings.microphone)),
                    codec: None,
                    speakers: app.volume.speakers().clone(),
                    duck: settings.talk_mode == TalkMode::Ducking,
                };
                self.stop_talk().await;
                let talking = Talking::start(app.core.clone(), wanted);
                let _before = app.talks.replace(Some(talking));
                Ok(Reply::Done)
            }
            Call::StopTalk => {
                self.stop_talk().await;
                Ok(Reply::Done)
            }
            Call::MuteTalk { muted } => {
                app.talks.mute(muted);
                Ok(Reply::Done)
            }
            Call::AskFloor { camera, take } => {
                let session = app.cameras.get(&camera)?;
                let ask = if take { FloorAsk::Take } else { FloorAsk::Ask };
                let floor = floor::ask(&session, ask).await?;
                Ok(Reply::Floor {
                    floor: floor::shown(&floor, &app.network.identity.id()),
                })
            }
            Call::TalkDevices => waited(|| Ok(devices::list())).await,
            Call::TestTone { speaker } => {
                waited(move || devices::tone(speaker.as_deref()).map(|()| Reply::Done)).await
            }
            Call::TestLoopback {
                microphone,
                speaker,
            } => waited(move || devices::loopback(microphone.as_deref(), speaker.as_deref())).await,
            _ => Err(fail::internal("no call about talk")),
        }
    }

    /// Ends the talk, if one runs.
    pub(super) async fn stop_talk(&self) {
        if let Some(talking) = self.0.talks.replace(None) {
            talking.stop().await;
        }
    }
}

/// Sound devices take their time.
async fn waited(
    work: impl FnOnce() -> Result<Reply, Failure> + Send + 'static,
) -> Result<Reply, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(fail::internal)?
}
