//! What `cargo xtask bench-live` and `bench-card` measure: one part a section of the table, each runs by itself.

mod camera;
mod card_download;
mod card_far;
mod card_index;
mod card_kills;
mod card_reading;
mod card_recorder;
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
pub mod talk;
mod viewers;

pub use card_download::serve_bare;
pub use card_far::seek_from_afar;
pub use table::{Row, print};

use anyhow::Result;
use std::process::ExitCode;

/// One part of the bench.
pub struct Part {
    /// What it is asked for by.
    pub name: &'static str,
    /// Measures it.
    pub run: fn() -> Result<Vec<Row>>,
}

/// The parts of the live path, in the order of the table.
pub const LIVE: &[Part] = &[
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

/// The parts of the card, in the order of the table.
pub const CARD: &[Part] = &[
    Part {
        name: "index",
        run: card_index::run,
    },
    Part {
        name: "reading",
        run: card_reading::run,
    },
    Part {
        name: "download",
        run: card_download::run,
    },
    Part {
        name: "recorder",
        run: card_recorder::run,
    },
    Part {
        name: "kills",
        run: card_kills::run,
    },
];

/// Measures the named parts, or all, and prints one table; a failure when one could not be measured.
pub fn main(parts: &[Part], wanted: &[String]) -> ExitCode {
    let is_known = |name: &&String| parts.iter().any(|part| part.name == name.as_str());
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
        eprintln!("no part `{unknown}`; there are: {}", names.join(" "));
        return ExitCode::FAILURE;
    }
    let is_wanted = |part: &&Part| wanted.is_empty() || wanted.iter().any(|name| name == part.name);
    let (mut rows, mut is_complete) = (Vec::new(), true);
    for part in parts.iter().filter(is_wanted) {
        eprintln!("measuring {} …", part.name);
        match std::panic::catch_unwind(part.run)
            .unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")))
        {
            Ok(figures) => rows.extend(figures),
            Err(error) => {
                is_complete = false;
                eprintln!("{} was not measured: {error:#}", part.name);
            }
        }
    }
    print(&rows);
    if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
