//! Asking the hub where its relay is, beside everything else: without an answer the camera is at the hub all the same.

use bytes::Bytes;
use http_body_util::Full;
use hyper::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::hub::HubAddress;
use wire::relay::{PATH, RelayAddress};

use super::{Failure, https};
use crate::defaults::{RELAY_ASK, RELAY_ASK_AGAIN};

/// Asks now and then; dropping it ends that.
pub(super) struct Asking {
    answers: mpsc::Receiver<Option<RelayAddress>>,
    task: JoinHandle<()>,
}

impl Asking {
    pub(super) fn start(hub: HubAddress) -> Self {
        let (sender, answers) = mpsc::channel(1);
        Self {
            answers,
            task: tokio::spawn(ask_on(hub, sender)),
        }
    }

    /// The next answer that differs from the one before; `None` from a hub without a relay. May be dropped at any time.
    pub(super) async fn next(&mut self) -> Option<RelayAddress> {
        match self.answers.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn ask_on(hub: HubAddress, answers: mpsc::Sender<Option<RelayAddress>>) {
    let mut before = None;
    loop {
        let wait = match ask(&hub).await {
            Ok(relay) => {
                if before.as_ref() != Some(&relay) {
                    before = Some(relay.clone());
                    if answers.send(relay).await.is_err() {
                        return;
                    }
                }
                RELAY_ASK
            }
            Err(failure) => {
                tracing::info!(hub = %hub.host, %failure, "the hub does not say where its relay is");
                RELAY_ASK_AGAIN
            }
        };
        tokio::time::sleep(wait).await;
    }
}

async fn ask(hub: &HubAddress) -> Result<Option<RelayAddress>, Failure> {
    let request = hyper::Request::get(PATH).body(Full::new(Bytes::new()));
    let answer = https::ask(hub, request).await?;
    match answer.status {
        StatusCode::OK => RelayAddress::decode(&answer.body)
            .map(Some)
            .map_err(|error| Failure::unreachable(error.to_string())),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(Failure::unreachable(format!("status {status}"))),
    }
}
