//! The light: an LED of the kernel (`/sys/class/leds/NAME`), blinked by a thread of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::board::Light;
use crate::defaults::HOLD;

/// A finger that stays this long may mean to hold: the light begins to say so.
const STAYS: Duration = Duration::from_secs(1);
/// How fast it flickers then, each way.
const FLICKER: Duration = Duration::from_millis(80);

/// An LED that shows what it is told. It goes dark with the value.
pub(super) struct Led(Arc<Sender<Told>>);

enum Told {
    Show(Light),
    Finger(bool),
}

/// For the button: while it is held the light flickers, and from the moment at which letting go is a factory reset it is
/// steady. It does not keep the LED.
pub(super) struct Feedback(Weak<Sender<Told>>);

impl Feedback {
    /// The button went down, or up.
    pub(super) fn finger(&self, down: bool) {
        if let Some(led) = self.0.upgrade() {
            let _ = led.send(Told::Finger(down));
        }
    }
}

impl Led {
    /// The LED of that name under `/sys/class/leds`. One that cannot be used is said once, and the camera runs without.
    pub(super) fn open(name: &str) -> Option<Self> {
        let folder = Path::new("/sys/class/leds").join(name);
        // What the kernel does with it by itself would go on beside.
        if let Err(error) = fs::write(folder.join("trigger"), "none") {
            tracing::warn!(led = name, %error, "no light: name one of /sys/class/leds with --light, and let this user write to it");
            return None;
        }
        let brightest = fs::read_to_string(folder.join("max_brightness"));
        let brightest = brightest.map_or_else(|_| "1".to_owned(), |text| text.trim().to_owned());
        let (sender, lights) = channel();
        std::thread::Builder::new()
            .name("light".into())
            .spawn(move || blink(&folder.join("brightness"), &brightest, &lights))
            .ok()?;
        Some(Self(Arc::new(sender)))
    }

    /// Shows this from now on.
    pub(super) fn show(&self, light: Light) {
        // The thread ends with this value only.
        let _ = self.0.send(Told::Show(light));
    }

    /// What the button is to tell.
    pub(super) fn feedback(&self) -> Feedback {
        Feedback(Arc::downgrade(&self.0))
    }
}

fn blink(brightness: &PathBuf, brightest: &str, lights: &Receiver<Told>) {
    let set = |lit: bool| {
        // An LED that is unplugged meanwhile is nothing to stop for.
        let _ = fs::write(brightness, if lit { brightest } else { "0" });
    };
    let mut light = Light::Off;
    let mut since = Instant::now();
    let mut finger: Option<Instant> = None;
    loop {
        let now = Instant::now();
        let held = finger.map(|down| now.saturating_duration_since(down));
        let (lit, next) = shown(light, now.saturating_duration_since(since), held);
        set(lit);
        let told = match next {
            None => lights.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(time) => lights.recv_timeout(time),
        };
        match told {
            Ok(Told::Show(new)) => (light, since) = (new, Instant::now()),
            Ok(Told::Finger(down)) => finger = down.then(Instant::now),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                set(false);
                return;
            }
        }
    }
}

/// Whether the LED is lit `passed` after `light` began, with the button down for `held`; and how long that stays so, for
/// ever if nothing is told.
fn shown(light: Light, passed: Duration, held: Option<Duration>) -> (bool, Option<Duration>) {
    let (lit, next) = blinking(light, passed);
    match held {
        Some(held) if held >= HOLD => (true, None),
        Some(held) if held >= STAYS => {
            let turns = (held - STAYS).as_millis() / FLICKER.as_millis();
            (turns.is_multiple_of(2), Some(FLICKER.min(HOLD - held)))
        }
        Some(held) => {
            let left = STAYS - held;
            (lit, Some(next.map_or(left, |next| next.min(left))))
        }
        None => (lit, next),
    }
}

fn blinking(light: Light, passed: Duration) -> (bool, Option<Duration>) {
    let pattern = light.pattern();
    let whole: u64 = pattern.iter().sum();
    if whole == 0 {
        return (light == Light::On, None);
    }
    let mut at = passed.as_millis() as u64 % whole;
    for (step, length) in pattern.iter().enumerate() {
        if at < *length {
            return (step % 2 == 0, Some(Duration::from_millis(length - at)));
        }
        at -= length;
    }
    (false, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_pattern_repeats_and_a_steady_light_waits() {
        assert_eq!(shown(Light::Fast, ms(0), None), (true, Some(ms(300))));
        assert_eq!(shown(Light::Fast, ms(350), None), (false, Some(ms(250))));
        assert_eq!(shown(Light::Fast, ms(600), None), (true, Some(ms(300))));
        assert_eq!(shown(Light::Error, ms(310), None), (true, Some(ms(140))));
        assert_eq!(shown(Light::On, ms(5), None), (true, None));
        assert_eq!(shown(Light::Off, ms(5), None), (false, None));
    }

    #[test]
    fn a_held_button_flickers_until_letting_go_resets() {
        // A short press changes nothing.
        assert_eq!(
            shown(Light::Off, ms(0), Some(ms(200))),
            (false, Some(ms(800)))
        );
        assert_eq!(
            shown(Light::Off, ms(0), Some(ms(1000))),
            (true, Some(FLICKER))
        );
        assert_eq!(
            shown(Light::Off, ms(0), Some(ms(1080))),
            (false, Some(FLICKER))
        );
        assert_eq!(
            shown(Light::Off, ms(0), Some(HOLD - ms(10))).1,
            Some(ms(10))
        );
        assert_eq!(shown(Light::Off, ms(0), Some(HOLD)), (true, None));
    }
}
