//! Keeping what a camera has recorded: a queue of downloads that survives the app.
//!
//! ```text
//!  waiting ─> running ─> checking ─> converting ─> done          two at a time, the others wait
//!     ^          │          │            │
//!     └──────────┴── camera or network away: again by itself     what came stays beside its record (`record.rs`)
//!  paused, failed: until the user says so
//! ```

mod fetch;
mod queue;
mod record;
mod transfer;

pub use fetch::Count;
pub use queue::Downloads;
pub use record::{Paths, Record};
pub use transfer::{Ended, Transfer};
