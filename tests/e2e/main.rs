//! The app as a person uses it: its real window on a virtual screen, with real virtual cameras.
//!
//! Needs Xvfb, WebKitWebDriver and `tauri-driver` (`cargo xtask setup`). One test at a time: they watch the clock.

mod beside;
mod codes;
mod live;
mod pairing;
mod recordings;
mod several;
mod sound;
mod speeds;
mod talk;
mod window;
