//! The button: a key of the kernel's input system (`/dev/input/eventN`; any key of it counts).

use std::fs::File;
use std::io::Read;
use std::time::Instant;

use tokio::sync::mpsc;

use super::light::Feedback;
use crate::board::Gesture;
use crate::defaults::HOLD;

/// `input_event`, linux/input.h: the time, then type, code and value.
const EVENT: usize = size_of::<libc::input_event>();
const EV_KEY: u16 = 1;
const QUEUE: usize = 8;

/// The presses from now on; `None` if the device cannot be read, which is said once. `light` shows how long it is held.
pub(super) fn presses(path: &str, light: Option<Feedback>) -> Option<mpsc::Receiver<Gesture>> {
    let mut device = match File::open(path) {
        Ok(device) => device,
        Err(error) => {
            tracing::warn!(path, %error, "no button: name one of /dev/input with --button, and add this user to the group input");
            return None;
        }
    };
    let (sender, presses) = mpsc::channel(QUEUE);
    std::thread::Builder::new()
        .name("button".into())
        .spawn(move || {
            let mut finger = Finger::default();
            let mut event = [0; EVENT];
            while device.read_exact(&mut event).is_ok() {
                let Some(down) = key(&event) else { continue };
                if let Some(light) = &light {
                    light.finger(down);
                }
                let gesture = finger.moves(down, Instant::now());
                if gesture.is_some_and(|gesture| sender.blocking_send(gesture).is_err()) {
                    break;
                }
            }
        })
        .ok()?;
    Some(presses)
}

/// Whether a key went down (or up); `None` for every other event, repeats too.
fn key(event: &[u8; EVENT]) -> Option<bool> {
    let [.., t0, t1, _, _, v0, v1, v2, v3] = *event;
    let value = i32::from_ne_bytes([v0, v1, v2, v3]);
    match (u16::from_ne_bytes([t0, t1]), value) {
        (EV_KEY, 0) => Some(false),
        (EV_KEY, 1) => Some(true),
        _ => None,
    }
}

/// A finger on the button.
#[derive(Default)]
struct Finger {
    down: Option<Instant>,
}

impl Finger {
    /// What it has done when it is lifted.
    fn moves(&mut self, down: bool, now: Instant) -> Option<Gesture> {
        if down {
            self.down = Some(now);
            return None;
        }
        let held = now.saturating_duration_since(self.down.take()?);
        Some(if held < HOLD {
            Gesture::Press
        } else {
            Gesture::Hold
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_short_press_and_a_long_one_differ() {
        let (mut finger, now) = (Finger::default(), Instant::now());
        assert_eq!(finger.moves(false, now), None);
        assert_eq!(finger.moves(true, now), None);
        let soon = now + Duration::from_millis(200);
        assert_eq!(finger.moves(false, soon), Some(Gesture::Press));
        assert_eq!(finger.moves(true, soon), None);
        assert_eq!(finger.moves(false, soon + HOLD), Some(Gesture::Hold));
    }

    #[test]
    fn only_a_key_that_goes_down_or_up_counts() {
        let event = |kind: u16, value: i32| {
            let mut event = [0; EVENT];
            event[EVENT - 8..EVENT - 6].copy_from_slice(&kind.to_ne_bytes());
            event[EVENT - 4..].copy_from_slice(&value.to_ne_bytes());
            event
        };
        assert_eq!(key(&event(EV_KEY, 1)), Some(true));
        assert_eq!(key(&event(EV_KEY, 0)), Some(false));
        assert_eq!(key(&event(EV_KEY, 2)), None);
        assert_eq!(key(&event(0, 0)), None);
    }
}
