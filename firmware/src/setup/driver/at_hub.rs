//! What the hub says, and what the camera does about it: above all, who owns it.

use p2p::RelayUrl;
use tokio::sync::mpsc;
use wire::id::ViewerKey;
use wire::relay::RelayAddress;
use wire::thing::{Answer, code};

use super::Driver;
use crate::hub_client::session::Asked;
use crate::hub_client::{self, Client, Errand};
use crate::setup::machine::Input;

/// Events of the hub's client that wait at a time.
const QUEUE: usize = 16;

impl Driver {
    pub(super) fn start_client(&mut self, errand: Errand) {
        let (sender, events) = mpsc::channel(QUEUE);
        self.hub = Some((Client::start(self.who.clone(), errand, sender), events));
    }

    pub(super) fn leave_hub(&mut self) {
        self.hub = None;
        self.go_to_relay(None);
        self.status.send_modify(|status| status.at_hub = false);
    }

    pub(super) fn hub(&mut self, event: Option<hub_client::Event>) {
        use hub_client::Event;
        match event {
            Some(Event::Accepted(account)) => {
                self.note("the hub has taken the token");
                self.log.hide(account.secret.as_str());
                let known = self.machine.saved().account.as_ref();
                if known.is_some_and(|known| known.hub.pin != account.hub.pin) {
                    // Owners of another hub: nobody would ever take them off the list.
                    let _ = self.unbind(None);
                }
                self.input(Input::Enrolled(account));
            }
            Some(Event::Failed(failure)) => {
                tracing::warn!(%failure, "not at the hub");
                self.note(format_args!("hub: {failure}"));
                self.leave_hub();
                self.input(Input::NotEnrolled(failure.cause));
            }
            Some(Event::Connected(at_hub)) => {
                self.status.send_modify(|status| status.at_hub = at_hub);
            }
            Some(Event::Renewed(account)) => self.input(Input::Renewed(account)),
            Some(Event::Bind {
                viewer,
                name,
                client_token,
            }) => {
                let answer = self.bind(viewer.as_ref(), &name);
                self.answer(Asked::Bind, client_token, answer);
            }
            Some(Event::Unbind {
                viewer,
                client_token,
            }) => {
                let answer = self.unbind(viewer.as_ref());
                self.answer(Asked::Unbind, client_token, answer);
            }
            Some(Event::HasOwner(has)) => {
                // While an owner is expected, none is what there is.
                if !has && !self.machine.saved().expects_owner {
                    let _ = self.unbind(None);
                }
            }
            Some(Event::Time(difference)) => self
                .status
                .send_modify(|status| status.clock_off_ms = Some(difference)),
            Some(Event::Relay(relay)) => self.go_to_relay(relay),
            None => self.leave_hub(),
        }
    }

    /// Goes to the hub's relay, and leaves the one of before if it is another. The camera is reached through it by
    /// whom the hub lets in; the ways that lead here without it stay as they are.
    fn go_to_relay(&mut self, relay: Option<RelayAddress>) {
        let before = std::mem::replace(&mut self.relay, relay.clone());
        if before == relay {
            return;
        }
        let endpoint = self.parts.endpoint.clone();
        tokio::spawn(async move {
            if let Some(before) = before
                && relay.as_ref().is_none_or(|relay| relay.url != before.url)
            {
                endpoint.remove_relay(&before.url).await;
            }
            let Some(relay) = relay else { return };
            tracing::info!(relay = relay.url, "the hub has a relay");
            let relay = RelayUrl {
                url: relay.url,
                token: None,
                ca: Some(relay.ca),
                quic_port: Some(relay.quic_port),
            };
            if let Err(error) = endpoint.add_relay(&relay).await {
                tracing::warn!(%error, "the hub's relay is of no use");
            }
        });
    }

    fn answer(&self, asked: Asked, client_token: String, answer: Answer) {
        if let Some((client, _)) = &self.hub {
            client.answer(asked, client_token, answer);
        }
    }

    /// Lets in the owner that the hub names, if a token was taken before: the hub alone cannot let anybody in.
    fn bind(&mut self, viewer: Option<&ViewerKey>, name: &str) -> Answer {
        let expected = self.machine.saved().expects_owner;
        let guests = &self.parts.guests;
        let Some(viewer) = viewer else {
            // A hub of another maker names nobody.
            self.input(Input::Bound);
            return Answer::ok();
        };
        if !expected && !guests.is_owner(viewer) {
            tracing::warn!(viewer = %viewer.short(), "the hub names an owner without a token; refused");
            return Answer::new(code::FORBIDDEN, "no token was reported for this owner");
        }
        match guests.bind(viewer, name) {
            Ok(()) => {
                tracing::info!(viewer = %viewer.short(), "has an owner");
                self.note("bound");
                self.owned = true;
                self.input(Input::Bound);
                Answer::ok()
            }
            Err(error) => {
                tracing::error!(%error, "owner not added");
                Answer::new(code::INTERNAL, "the list of viewers cannot be written")
            }
        }
    }

    fn unbind(&mut self, viewer: Option<&ViewerKey>) -> Answer {
        let gone = match self.parts.guests.unbind(viewer) {
            Ok(gone) => gone,
            Err(error) => {
                tracing::error!(%error, "owner not removed");
                return Answer::new(code::INTERNAL, "the list of viewers cannot be written");
            }
        };
        for viewer in gone {
            tracing::info!(viewer = %viewer.short(), "is no viewer any more");
            // If the queue is full the connection stays until it ends: it is admitted to nothing.
            let _ = self.parts.leaving.try_send(viewer);
        }
        if !self.parts.guests.is_bound() {
            self.input(Input::Unbound);
        }
        Answer::ok()
    }
}
