//! Downloads: whole files of the card, and stretches of the recording as one file, from any byte on, while live goes first.
//!
//! ```text
//!  name  ──index──> FileReader ─┐
//!                               ├─ pieces, by turns ──> body ──> P2P stream (Priority::Download)
//!  times ──index──> Cut ────────┘
//! ```

mod cut;
mod hashes;
mod range;
mod share;

use std::io;
use std::sync::Arc;

use p2p::{Body, BodySender};
use sha2::{Digest, Sha256};

use crate::card::{Card, CardError, FileReader, Found};
use crate::defaults::{BODY_TAGS, DOWNLOAD_PIECE};

pub use cut::{Cut, CutReader};
pub use hashes::Hashes;
pub use range::{Range, Unsatisfiable};
pub use share::Share;

/// What a download is read from. Reading may block.
#[derive(Debug)]
pub enum Content {
    /// A file as it is.
    File {
        /// Kept from being deleted.
        reader: FileReader,
        /// Its tag.
        etag: String,
    },
    /// A stretch.
    Cut(Box<CutReader>),
}

impl Content {
    /// A file by its name: a segment that is complete, or a picture. Every other name is [`CardError::NoSuchFile`].
    ///
    /// # Errors
    /// The card's.
    pub fn file(card: &Card, name: &str) -> Result<Self, CardError> {
        match card.find(name) {
            Some(Found::Segment(segment)) if segment.open => return Err(CardError::NoSuchFile),
            Some(_) => {}
            None => return Err(CardError::NoSuchFile),
        }
        let reader = card.open_file(name)?;
        // A name is used once, and a complete file does not change.
        let etag = format!("\"{name}-{}\"", reader.len());
        Ok(Self::File { reader, etag })
    }

    /// Its length, bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::File { reader, .. } => reader.len(),
            Self::Cut(reader) => reader.cut().len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes when the bytes would; quoted, as it stands in the header.
    pub fn etag(&self) -> &str {
        match self {
            Self::File { etag, .. } => etag,
            Self::Cut(reader) => reader.cut().etag(),
        }
    }

    /// Its hash, if it is known.
    pub fn sha256(&self, hashes: &Hashes) -> Option<[u8; 32]> {
        let indexed = match self {
            Self::File { reader, .. } => reader.sha256(),
            Self::Cut(_) => None,
        };
        indexed.or_else(|| hashes.get(self.etag()))
    }

    /// Some bytes from an offset on, at most `most`; none at the end.
    ///
    /// # Errors
    /// The card's.
    pub fn read(&mut self, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Cut(reader) => reader.read(offset, most),
            Self::File { reader, .. } => {
                let mut bytes = vec![0; most];
                let count = reader.read_at(offset, &mut bytes)?;
                bytes.truncate(count);
                Ok(bytes)
            }
        }
    }
}

/// Sends a part of a content as a body.
pub fn send(content: Content, range: Range, share: Arc<Share>, hashes: Arc<Hashes>) -> Body {
    let (sender, body) = Body::channel(BODY_TAGS);
    tokio::spawn(async move {
        let etag = content.etag().to_owned();
        let mut pump = Pump::new(content, range);
        match pump.send(&share, &sender).await {
            Ok(true) => {
                if let Some(hash) = pump.hash() {
                    hashes.put(&etag, hash);
                }
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%etag, %error, "download broken off");
                sender.abort();
            }
        }
    });
    body
}

/// The hash of all of a content, which is read for it.
///
/// # Errors
/// The card's.
pub async fn hash(content: Content, share: &Share, hashes: &Hashes) -> io::Result<[u8; 32]> {
    let etag = content.etag().to_owned();
    let range = Range {
        first: 0,
        end: content.len(),
        partial: false,
    };
    let mut pump = Pump::new(content, range);
    while pump.next(share).await?.is_some() {}
    let hash = pump.hash().ok_or(io::ErrorKind::UnexpectedEof)?;
    hashes.put(&etag, hash);
    Ok(hash)
}

/// Reads a part of a content piece by piece.
struct Pump {
    /// Away while a piece is being read, and if the read was given up.
    content: Option<Content>,
    length: u64,
    range: Range,
    at: u64,
    hash: Sha256,
}

impl Pump {
    fn new(content: Content, range: Range) -> Self {
        Self {
            length: content.len(),
            content: Some(content),
            at: range.first,
            range,
            hash: Sha256::new(),
        }
    }

    /// Until the end, or until nobody reads: whether it came to the end.
    async fn send(&mut self, share: &Share, sender: &BodySender) -> io::Result<bool> {
        loop {
            let piece = tokio::select! {
                piece = self.next(share) => piece?,
                () = sender.closed() => return Ok(false),
            };
            let Some(bytes) = piece else {
                return Ok(true);
            };
            if sender.send(bytes).await.is_err() {
                return Ok(false);
            }
        }
    }

    /// The next piece, read on a thread that may block when it is this download's turn.
    async fn next(&mut self, share: &Share) -> io::Result<Option<Vec<u8>>> {
        if self.at >= self.range.end {
            return Ok(None);
        }
        let left = usize::try_from(self.range.end - self.at).unwrap_or(usize::MAX);
        let (at, most) = (self.at, left.min(DOWNLOAD_PIECE));
        let turn = share.turn().await;
        let mut content = self.content.take().ok_or(io::ErrorKind::Interrupted)?;
        let (counts, mut hash) = (self.counts(), self.hash.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let bytes = content.read(at, most);
            if let (true, Ok(bytes)) = (counts, &bytes) {
                hash.update(bytes);
            }
            drop(turn);
            (content, hash, bytes)
        });
        let (content, hash, bytes) = reading.await.map_err(io::Error::other)?;
        (self.content, self.hash) = (Some(content), hash);
        let bytes = bytes?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// Whether the hash of all of it comes out.
    fn counts(&self) -> bool {
        self.range.first == 0 && self.range.end == self.length
    }

    fn hash(&self) -> Option<[u8; 32]> {
        let whole = self.counts() && self.at == self.length;
        whole.then(|| self.hash.clone().finalize().into())
    }
}
