//! A camera that is on this network already: it gets the token alone, and answers where it is.

use super::flow::{Flow, Handed};
use super::net::Spot;
use super::wait::News;
use crate::api::{Failure, FailureCode, PairingStep};
use provision::viewer::Event;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wire::address::Address;
use wire::hub::HubAddress;
use wire::soft_ap::{self, Cause, DEFAULT_REGION, DeviceReply, Request, TokenOnly};
use wire::token::Token;

/// How long the camera is looked for.
const FIND: Duration = Duration::from_secs(20);
/// Most of its addresses that are tried.
const ADDRESSES: usize = 4;

/// What came back from one address.
struct Answer {
    spot: Spot,
    /// Events of before the answer.
    notices: Vec<Event>,
    said: Result<(DeviceReply, mpsc::Receiver<Event>), Cause>,
}

impl Flow {
    /// Finds the camera and sends the token until it replies.
    pub(super) async fn over_network(
        &self,
        address: Option<SocketAddrV4>,
        token: &Token,
        hub: &HubAddress,
    ) -> Result<Handed, Failure> {
        self.progress.step(PairingStep::FindCamera);
        let spots = match address {
            Some(address) => vec![Spot::on_network(address)],
            None => self.find().await?,
        };
        self.progress.step(PairingStep::SendCredentials);
        let request = Request::Token(TokenOnly {
            token: token.clone(),
            region: DEFAULT_REGION.to_owned(),
            hub: Some(hub.clone()),
        });
        let Some(answer) = self.ask_all(&spots, &request).await else {
            let shown: Vec<_> = spots.iter().map(|spot| spot.camera.to_string()).collect();
            return Err(Failure::new(FailureCode::CameraNotOpen).with("address", shown.join(", ")));
        };
        for event in &answer.notices {
            self.note(event, hub);
        }
        let (reply, events) = answer
            .said
            .map_err(|cause| self.failed(answer.spot, cause, hub))?;
        if let (Some(wanted), Some(answered)) = (self.wanted.camera, reply.camera)
            && wanted != answered
        {
            return Err(not_found(wanted.short()).detail(format!(
                "{} is {}",
                answer.spot.camera,
                answered.short()
            )));
        }
        self.progress.step(PairingStep::WaitForCamera);
        Ok(Handed {
            camera: reply.camera,
            news: News::Network {
                spot: answer.spot,
                events,
            },
        })
    }

    async fn find(&self) -> Result<Vec<Spot>, Failure> {
        // Without a key there is an address: what was typed is read that way.
        let camera = self.wanted.camera.ok_or_else(|| not_found("–"))?;
        let seen = timeout(FIND, self.world.seen_on_lan(camera)).await;
        let spots = seen.map(|seen| spots(&seen)).unwrap_or_default();
        if spots.is_empty() {
            return Err(not_found(camera.short()));
        }
        Ok(spots)
    }

    /// Asks at all addresses at once; the first answer counts.
    async fn ask_all(&self, spots: &[Spot], request: &Request) -> Option<Answer> {
        let mut asking: JoinSet<Option<Answer>> = spots
            .iter()
            .map(|spot| listen(*spot, self.world.talk(*spot, request.clone())))
            .collect();
        while let Some(answer) = asking.join_next().await {
            if let Ok(Some(answer)) = answer {
                return Some(answer);
            }
        }
        None
    }
}

async fn listen(spot: Spot, mut events: mpsc::Receiver<Event>) -> Option<Answer> {
    let mut notices = Vec::new();
    loop {
        let said = match events.recv().await? {
            Event::DeviceReplied(reply) => Ok((reply, events)),
            Event::Failed { cause, .. } => Err(cause),
            event => {
                notices.push(event);
                continue;
            }
        };
        return Some(Answer {
            spot,
            notices,
            said,
        });
    }
}

/// Where a camera of this address listens for viewers.
fn spots(seen: &Address) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    for address in &seen.addrs {
        if let SocketAddr::V4(address) = address {
            let spot = Spot::on_network(SocketAddrV4::new(*address.ip(), soft_ap::PORT));
            if !spots.contains(&spot) && spots.len() < ADDRESSES {
                spots.push(spot);
            }
        }
    }
    spots
}

fn not_found(camera: impl std::fmt::Display) -> Failure {
    Failure::new(FailureCode::CameraNotFound).with("camera", camera)
}
