//! Codes that a person holds before the lens: looked for in the sensor's pictures while the camera is open to be set up.
//!
//! ```text
//!  eye thread ── a grey picture, twice a second ──> [`Lens`] ──> a thread of its own: [`codes`] ──> setup
//! ```
//!
//! The eye thread only copies. A picture that comes while the one before is being looked at is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use media::Picture;
use media::code::{Grey, codes};
use tokio::sync::{Notify, mpsc};
use wire::stream::Quality;

use crate::board::Gesture;
use crate::defaults::{READ_EVERY, READ_QUALITY};
use crate::live::Live;

/// Where the eye leaves pictures.
#[derive(Default)]
pub struct Lens {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    picture: Option<Grey>,
    /// When the last one was taken.
    last: Option<Instant>,
    /// Somebody looks at the one before.
    busy: bool,
}

impl Lens {
    /// Takes a picture if it is time for one. Does not wait.
    pub fn look(&self, quality: Quality, picture: &Picture) {
        if quality != READ_QUALITY {
            return;
        }
        let mut state = self.lock();
        let now = Instant::now();
        if state.busy || state.last.is_some_and(|last| now - last < READ_EVERY) {
            return;
        }
        state.last = Some(now);
        state.picture = Some(Grey::from(picture));
        drop(state);
        self.arrived.notify_one();
    }

    async fn next(&self) -> Grey {
        loop {
            {
                let mut state = self.lock();
                state.busy = false;
                if let Some(picture) = state.picture.take() {
                    state.busy = true;
                    return picture;
                }
            }
            self.arrived.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the pictures of `live` and passes on every code for cameras, each once: a screen that still shows the code of
/// an attempt that failed does not begin it again. Never ends.
pub(crate) async fn read(live: Arc<Live>, gestures: mpsc::Sender<Gesture>) {
    let mut last = None;
    loop {
        let picture = live.lens.next().await;
        let found = tokio::task::spawn_blocking(move || codes(&picture)).await;
        for text in found.unwrap_or_default() {
            // Anything may hang in front of a camera: a poster, the label of a parcel, its own label.
            if wire::qr::parse(&text).is_err() || last.as_ref() == Some(&text) {
                continue;
            }
            tracing::info!("a code was shown to the lens");
            last = Some(text.clone());
            if gestures.send(Gesture::Show(text)).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
