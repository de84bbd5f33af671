//! Commands: built-in ones, PTZ in both dialects, and our own topics.

use std::time::Instant;

use p2p::{Body, Response};
use wire::command::ptz::{Direction, Ptz};
use wire::command::reply::{
    DeviceStatus, NvrChannel, NvrList, PtzReply, Refusal, Status, UserReply,
};
use wire::command::{Ask, Command, Inner, StatusOf, User};
use wire::error::Code;
use wire::id::PeerId;
use wire::link::Link;

use super::{Desk, json, refuse};
use crate::access::ShareError;
use crate::board::motor::{self, Turn};
use crate::defaults::LINK_LIFE;

/// Our own topic for benches: [`crate::stats::Stats`].
const STATS: &str = "stats";

impl Desk {
    pub(super) async fn command(
        &self,
        command: &Command,
        viewer: &PeerId,
        connection: u64,
    ) -> Response {
        match command {
            Command::Inner { channel, .. } | Command::User { channel, .. } if *channel != 0 => {
                refuse(&Refusal::new(Status::BadRequest, "no_such_channel"))
            }
            Command::Inner { cmd, .. } => self.inner(cmd, viewer),
            Command::User { cmd, .. } => self.user(cmd, viewer, connection).await,
        }
    }

    fn inner(&self, cmd: &Inner, viewer: &PeerId) -> Response {
        match cmd {
            Inner::GetDeviceSt { kind, .. } => {
                if *kind == StatusOf::Voice {
                    return done(self.voice_status(viewer).encode());
                }
                let (seats, playbacks) =
                    (&self.seats, self.recorded.as_ref().map(|r| &r.playbacks));
                let status = match (kind, playbacks) {
                    (StatusOf::Live, _) if seats.check(viewer).is_ok() => Status::Accept,
                    (StatusOf::Playback, Some(playbacks)) if playbacks.check(viewer).is_ok() => {
                        Status::Accept
                    }
                    (StatusOf::Live, _) | (StatusOf::Playback, Some(_)) => {
                        Status::TooManyConnections
                    }
                    (StatusOf::Voice, _) | (StatusOf::Playback, None) => Status::Unsupported,
                };
                let (now, max) = match (kind, playbacks) {
                    (StatusOf::Playback, Some(playbacks)) => {
                        (Some(playbacks.count()), Some(playbacks.max()))
                    }
                    _ => (Some(seats.taken()), Some(seats.max())),
                };
                done(DeviceStatus::new(status, now, max).encode())
            }
            Inner::GetNvrList => {
                let itself = NvrChannel {
                    device_name: self.name.clone(),
                    channel: 0,
                    online: true,
                };
                done(
                    NvrList {
                        channels: vec![itself],
                    }
                    .encode(),
                )
            }
            cmd => self.recordings(cmd, viewer),
        }
    }

    async fn user(&self, cmd: &User, viewer: &PeerId, connection: u64) -> Response {
        match cmd.ask() {
            Ok(Ask::Ptz(ptz)) => self.ptz(ptz, connection),
            Ok(Ask::Share) => self.share(viewer),
            Ok(Ask::ForgetMe) => self.forget(viewer),
            Ok(
                ask @ (Ask::FileHash(_)
                | Ask::CardStatus
                | Ask::SdFormat { .. }
                | Ask::RecordMode(_)
                | Ask::Events { .. }),
            ) => self.card(ask).await,
            Ok(Ask::Unknown(topic)) if topic == STATS => {
                let stats = serde_json::to_vec(&self.stats()).unwrap_or_default();
                Response::new(200, Body::from(stats)).header("content-type", "application/json")
            }
            Ok(Ask::TalkFloor(ask)) => self.floor(ask, viewer).await,
            Ok(Ask::Unknown(topic)) => done(UserReply::unknown_topic(&topic).encode()),
            Err(error) => {
                let fields = [
                    ("error", Code::BadParameter.name()),
                    ("field", error.field()),
                ];
                done(UserReply::with(Code::BadParameter.number(), fields).encode())
            }
        }
    }

    fn ptz(&self, ptz: Ptz, connection: u64) -> Response {
        let Some(motor) = &self.motor else {
            return done(UserReply::refused(Code::UnsupportedOperation, "no_motor").encode());
        };
        let now = Instant::now();
        let mut pressed_by = self
            .pressed_by
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut motor = motor::lock(motor);
        let apex = match ptz {
            Ptz::Press(direction) => {
                let turn = turn(direction);
                motor.press(turn, now);
                *pressed_by = Some(connection);
                motor.at_apex(turn, now)
            }
            Ptz::Step(direction) => {
                let turn = turn(direction);
                motor.step(turn, now);
                *pressed_by = None;
                motor.at_apex(turn, now)
            }
            Ptz::Release => {
                motor.release(now);
                *pressed_by = None;
                [Turn::Up, Turn::Down, Turn::Left, Turn::Right]
                    .into_iter()
                    .any(|turn| motor.at_apex(turn, now))
            }
        };
        let (position, max) = (motor.position(now), i32::from(motor.limits().max));
        let reply = PtzReply {
            result: 0,
            apex: Some(apex),
            current_x: Some(i32::from(position.pan)),
            current_y: Some(i32::from(position.tilt)),
            max_x: Some(max),
            max_y: Some(max),
            min_x: Some(0),
            min_y: Some(0),
        };
        done(reply.encode())
    }

    fn share(&self, viewer: &PeerId) -> Response {
        match self.guests.share(viewer) {
            Ok(secret) => {
                let link = Link {
                    address: (self.address)(),
                    secret: Some(secret),
                    name: Some(self.name.clone()),
                };
                done(UserReply::share(&link, LINK_LIFE.as_secs()).encode())
            }
            Err(ShareError::Stranger) => refuse(&Refusal::new(Status::Refuse, "refused")),
            Err(error @ ShareError::Failed(_)) => {
                tracing::error!(%error, "no link");
                refuse(&Refusal::device_error())
            }
        }
    }

    fn forget(&self, viewer: &PeerId) -> Response {
        match self.guests.forget(viewer) {
            Ok(()) => {
                // If the queue is full the connection stays until it ends: it is not admitted again.
                let _ = self.leaving.try_send(*viewer);
                done(UserReply::done().encode())
            }
            Err(error) => {
                tracing::error!(%error, "viewer not forgotten");
                refuse(&Refusal::device_error())
            }
        }
    }
}

fn turn(direction: Direction) -> Turn {
    match direction {
        Direction::Up => Turn::Up,
        Direction::Down => Turn::Down,
        Direction::Left => Turn::Left,
        Direction::Right => Turn::Right,
    }
}

pub(super) fn done(text: String) -> Response {
    json(200, text)
}
