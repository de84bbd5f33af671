//! The bytes of one stream, read into its demultiplexer.

use super::demux::{Demux, Trouble};
use crate::api::{Failure, FailureCode};
use crate::fail;
use p2p::Body;
use std::time::Instant;

/// A stream that is read.
pub struct Source {
    body: Body,
    /// What was read.
    pub demux: Demux,
    camera: String,
    received: usize,
    first_byte: Option<Instant>,
}

impl Source {
    /// A response's body, of the camera called `camera`.
    pub fn new(body: Body, demux: Demux, camera: String) -> Self {
        Self {
            body,
            demux,
            camera,
            received: 0,
            first_byte: None,
        }
    }

    /// The camera's name.
    pub fn camera(&self) -> &str {
        &self.camera
    }

    /// When the first byte came.
    pub fn first_byte(&self) -> Option<Instant> {
        self.first_byte
    }

    /// Bytes read since the last call.
    pub fn take_received(&mut self) -> usize {
        std::mem::take(&mut self.received)
    }

    /// Reads the next piece; `false` at the clean end. Cancel-safe, as the body is.
    ///
    /// # Errors
    /// The stream was lost, or is none.
    pub async fn more(&mut self) -> Result<bool, Failure> {
        match self.body.chunk().await {
            Some(Ok(chunk)) => {
                self.first_byte.get_or_insert_with(Instant::now);
                self.received += chunk.len();
                self.demux
                    .push(&chunk, Instant::now())
                    .map_err(|found| trouble(&found, &self.camera))?;
                Ok(true)
            }
            Some(Err(error)) => Err(fail::transport(&error, &self.camera)),
            None => Ok(false),
        }
    }
}

/// What a trouble in the stream means.
fn trouble(trouble: &Trouble, camera: &str) -> Failure {
    let failure = match trouble {
        Trouble::Malformed(_) => Failure::new(FailureCode::StreamMalformed),
        Trouble::Codec(what) => Failure::new(FailureCode::CodecUnsupported).with("codec", what),
    };
    failure.with("camera", camera).detail(trouble)
}
