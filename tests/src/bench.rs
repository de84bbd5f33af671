//! What `cargo xtask bench-live` measures: one part a section of the table, each runs by itself.

mod camera;
mod first_picture;
mod flv_reading;
mod latency;
mod lip_sync;
mod load;
mod peer;
pub(crate) mod process;
mod screen;
mod sound;
mod table;
mod viewers;

pub use table::{Row, print};

use anyhow::Result;

/// One part of the bench.
pub struct Part {
    /// What it is asked for by.
    pub name: &'static str,
    /// Measures it.
    pub run: fn() -> Result<Vec<Row>>,
}

/// All parts, in the order of the table.
pub const PARTS: &[Part] = &[
    Part {
        name: "flv",
        run: flv_reading::run,
    },
    Part {
        name: "first-picture",
        run: first_picture::run,
    },
    Part {
        name: "latency",
        run: latency::run,
    },
    Part {
        name: "screen",
        run: screen::run,
    },
    Part {
        name: "lip-sync",
        run: lip_sync::run,
    },
    Part {
        name: "load",
        run: load::run,
    },
    Part {
        name: "viewers",
        run: viewers::run,
    },
    Part {
        name: "camera",
        run: camera::run,
    },
];
