//! The light: an LED of the kernel (`/sys/class/leds/NAME`), blinked by a thread of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::board::Light;

/// An LED that shows what it is told. It goes dark with the value.
pub(super) struct Led(Sender<Light>);

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
        Some(Self(sender))
    }

    /// Shows this from now on.
    pub(super) fn show(&self, light: Light) {
        // The thread ends with this value only.
        let _ = self.0.send(light);
    }
}

fn blink(brightness: &PathBuf, brightest: &str, lights: &Receiver<Light>) {
    let set = |lit: bool| {
        // An LED that is unplugged meanwhile is nothing to stop for.
        let _ = fs::write(brightness, if lit { brightest } else { "0" });
    };
    let mut light = Light::Off;
    let mut step = 0;
    loop {
        let pattern = light.pattern();
        let next = match pattern.get(step) {
            None => {
                set(light == Light::On);
                lights.recv().map_err(|_| RecvTimeoutError::Disconnected)
            }
            Some(length) => {
                set(step % 2 == 0);
                lights.recv_timeout(Duration::from_millis(*length))
            }
        };
        match next {
            Ok(new) => (light, step) = (new, 0),
            Err(RecvTimeoutError::Timeout) => step = (step + 1) % pattern.len(),
            Err(RecvTimeoutError::Disconnected) => {
                set(false);
                return;
            }
        }
    }
}
