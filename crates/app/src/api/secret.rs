//! A text that opens something: it crosses to the UI and back, and is never printed.

use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// A password, an invitation, a label. `Debug` prints `***`; there is no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export_to = "api.ts", type = "string")]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
