//! Hands viewer keys to cameras, and tells them which to forget, until they confirm.
//!
//! What is to be handed over stands in the database; here is only when to say it again. A confirmation carries the
//! whole delivery back in its `clientToken`, so that nothing has to be remembered for it either.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::id::ViewerKey;
use wire::thing::{Answer, Bind, Body, Message, code};

use crate::hub::core::Core;
use crate::store::{Delivery, Task, now_ms};
use crate::{Device, HubEvent, Result};

/// First pause before a delivery is repeated; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(500);
/// Longest pause: what a camera costs that never confirms, as the reference firmware does not.
const LONGEST: Duration = Duration::from_secs(60);
/// Without anything due the database is still looked at this often: another hub may have written to it.
const IDLE: Duration = Duration::from_secs(5);

/// When a delivery is said again.
struct Due {
    at: Instant,
    pause: Duration,
}

/// Runs until it is dropped.
pub(crate) async fn run(core: Arc<Core>) {
    let mut due: HashMap<(Device, String, i64), Due> = HashMap::new();
    loop {
        let next = match core.store.deliveries(None).await {
            Ok(open) => say_due(&core, open, &mut due).await,
            Err(error) => {
                tracing::error!(%error, "what cameras have to be told is not known");
                Instant::now() + IDLE
            }
        };
        let pause = next.saturating_duration_since(Instant::now());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = core.wake.notified() => {}
        }
    }
}

/// Says what is due and tells when to look again.
async fn say_due(
    core: &Core,
    open: Vec<Delivery>,
    due: &mut HashMap<(Device, String, i64), Due>,
) -> Instant {
    let mut still_open = HashMap::with_capacity(open.len());
    let mut next = Instant::now() + IDLE;
    for delivery in open {
        let key = (
            delivery.device.clone(),
            delivery.viewer.clone(),
            delivery.changed,
        );
        let now = Instant::now();
        let mut when = due.remove(&key).unwrap_or(Due {
            at: now,
            pause: FIRST,
        });
        if when.at <= now {
            if let Some(message) = message(&delivery) {
                core.metrics.deliveries.add();
                core.say(&delivery.device, &message).await;
            }
            when.at = now + when.pause;
            when.pause = (when.pause * 2).min(LONGEST);
        }
        next = next.min(when.at);
        still_open.insert(key, when);
    }
    // What is confirmed, or whose camera went away, starts afresh.
    *due = still_open;
    next
}

fn message(delivery: &Delivery) -> Option<Message> {
    let viewer: ViewerKey = delivery.viewer.parse().ok()?;
    let timestamp = u64::try_from(now_ms() / 1000).unwrap_or(0);
    let body = match delivery.task {
        Task::Bind => Body::BindDevice(Bind {
            timestamp,
            viewer: Some(viewer),
            name: Some(delivery.name.clone()),
        }),
        Task::Unbind => Body::UnbindDevice {
            timestamp,
            viewer: Some(viewer),
        },
    };
    Some(Message::new(client_token(delivery), body))
}

/// `<time of the task>-<viewer key>`.
fn client_token(delivery: &Delivery) -> String {
    format!("{}-{}", delivery.changed, delivery.viewer)
}

/// A camera answered a delivery. Answers that belong to none change nothing.
pub(crate) async fn confirmed(
    core: &Core,
    device: &Device,
    task: Task,
    client_token: &str,
    answer: &Answer,
) -> Result<()> {
    if answer.code != code::OK {
        tracing::warn!(%device, code = answer.code, status = answer.status, "a camera does not take a viewer key");
        return Ok(());
    }
    let Some((changed, key)) = client_token.split_once('-') else {
        return Ok(());
    };
    let (Ok(changed), Ok(viewer)) = (changed.parse(), key.parse::<ViewerKey>()) else {
        return Ok(());
    };
    let delivery = Delivery {
        device: device.clone(),
        task,
        viewer: viewer.to_string(),
        name: String::new(),
        changed,
    };
    if !core.store.confirm(&delivery, now_ms()).await? {
        return Ok(());
    }
    let device = device.clone();
    match task {
        Task::Bind => {
            core.metrics.binds.add();
            core.tell(HubEvent::Bound { device, viewer });
        }
        Task::Unbind => {
            core.metrics.unbinds.add();
            core.tell(HubEvent::Unbound { device, viewer });
        }
    }
    Ok(())
}
