//! `POST /ipc.p2p.com/voice`, and who holds the floor.

use p2p::{Body, Method, Response};
use wire::command::reply::{DeviceStatus, Refusal, Status};
use wire::id::PeerId;
use wire::talk::FloorAsk;

use super::{Desk, json, refuse};
use crate::talk::person;

impl Desk {
    /// Takes a viewer's voice.
    pub(super) fn voice(&self, method: Method, body: Body, viewer: &PeerId) -> Response {
        if method != Method::Post {
            let refusal = Refusal::new(Status::BadRequest, "method_not_allowed");
            return json(405, refusal.encode()).header("allow", "POST");
        }
        if self.talk.formats().is_none() {
            return refuse(&Refusal::new(Status::Unsupported, "no_speaker"));
        }
        let seat = match self.seat(viewer) {
            Ok(seat) => seat,
            Err(refusal) => return refuse(&refusal),
        };
        let person = person(viewer, self.guests.name_of(viewer));
        match self.talk.voice(person, body, seat) {
            Ok(response) => response,
            Err(refusal) => refuse(&refusal),
        }
    }

    /// Reply to `get_device_st&type=voice`.
    pub(super) fn voice_status(&self, viewer: &PeerId) -> DeviceStatus {
        let formats = self.talk.formats().cloned();
        let status = match &formats {
            None => Status::Unsupported,
            Some(_) if self.seats.check(viewer).is_err() => Status::TooManyConnections,
            Some(_) => Status::Accept,
        };
        DeviceStatus {
            voice: formats,
            talker: self.talk.talker(),
            ..DeviceStatus::new(status, Some(self.seats.taken()), Some(self.seats.max()))
        }
    }

    /// Reply to the topic `talk_floor`.
    pub(super) async fn floor(&self, ask: FloorAsk, viewer: &PeerId) -> Response {
        let person = person(viewer, self.guests.name_of(viewer));
        json(200, self.talk.ask(ask, person).await.to_reply().encode())
    }
}
