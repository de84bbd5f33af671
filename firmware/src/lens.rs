//! Codes that a person holds before the lens: looked for in the sensor's pictures while the camera is open to be set up.
//!
//! ```text
//!  eye thread ── a grey picture, twice a second ──> [`Lens`] ──> a thread of its own: rqrr ──> setup
//! ```
//!
//! The eye thread only copies. A picture that comes while the one before is being looked at is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use media::Picture;
use tokio::sync::{Notify, mpsc};
use wire::stream::Quality;

use crate::board::Gesture;
use crate::defaults::{READ_EVERY, READ_QUALITY};
use crate::live::Live;

/// A picture without colours.
#[derive(Clone, PartialEq, Eq)]
pub struct Grey {
    /// Pixels in a row.
    pub width: usize,
    /// Brightness, row after row.
    pub luma: Vec<u8>,
}

impl Grey {
    fn height(&self) -> usize {
        self.luma.len().checked_div(self.width).unwrap_or(0)
    }

    /// The same with four pixels in place of each, those between two of the old ones half like either.
    fn twice(&self) -> Self {
        let (width, height) = (self.width, self.height());
        let at = |x: usize, y: usize| {
            let place = y.min(height - 1) * width + x.min(width - 1);
            u16::from(self.luma.get(place).copied().unwrap_or_default())
        };
        let mut luma = Vec::with_capacity(4 * width * height);
        for y in 0..2 * height {
            let (upper, lower) = (y / 2, y.div_ceil(2));
            for x in 0..2 * width {
                let (left, right) = (x / 2, x.div_ceil(2));
                let sum = at(left, upper) + at(right, upper) + at(left, lower) + at(right, lower);
                luma.push((sum / 4) as u8);
            }
        }
        Self {
            width: 2 * width,
            luma,
        }
    }
}

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
        state.picture = Some(Grey {
            width: picture.width() as usize,
            luma: picture.y().to_vec(),
        });
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

/// Whether codes are looked for in this build: where a panic ends the program, a picture must not be able to cause one.
pub const IS_SAFE: bool = cfg!(panic = "unwind");

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

/// Every code in a picture that reads; one in which none does is looked at once more, twice as large: with the 4 pixels a
/// module of a phone's screen at arm's length, that raises what is read of a turned code from 3 of 4 to 19 of 20.
pub fn codes(picture: &Grey) -> Vec<String> {
    let found = unharmed(picture);
    if found.is_empty() {
        unharmed(&picture.twice())
    } else {
        found
    }
}

/// On some pictures rqrr 0.11 panics (its issue 54: an assertion in `detect_grids`); such a picture has no code.
fn unharmed(picture: &Grey) -> Vec<String> {
    std::panic::catch_unwind(|| detect(picture)).unwrap_or_default()
}

fn detect(picture: &Grey) -> Vec<String> {
    let (Grey { width, luma }, height) = (picture, picture.height());
    if height == 0 {
        return Vec::new();
    }
    let at = |x: usize, y: usize| luma.get(y * width + x).copied().unwrap_or_default();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(*width, height, at);
    let grids = prepared.detect_grids();
    grids
        .into_iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .collect()
}

#[cfg(test)]
mod tests;
