//! Hashes of stretches that were sent or asked for lately: a stretch is no file, and no index knows its hash.

use std::collections::VecDeque;
use std::sync::Mutex;

/// So many are kept.
const KEPT: usize = 64;

/// See the module's text. Found by the tag of the content.
#[derive(Debug, Default)]
pub struct Hashes(Mutex<VecDeque<(String, [u8; 32])>>);

impl Hashes {
    /// The hash of the content with that tag.
    pub fn get(&self, etag: &str) -> Option<[u8; 32]> {
        let kept = self.lock();
        kept.iter()
            .find(|(tag, _)| tag == etag)
            .map(|(_, hash)| *hash)
    }

    /// Keeps a hash, and forgets the oldest if there are many.
    pub fn put(&self, etag: &str, hash: [u8; 32]) {
        let mut kept = self.lock();
        kept.retain(|(tag, _)| tag != etag);
        kept.push_back((etag.to_owned(), hash));
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, [u8; 32])>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept() {
        let hashes = Hashes::default();
        for n in 0..100_u8 {
            hashes.put(&format!("tag {n}"), [n; 32]);
        }
        hashes.put("tag 99", [7; 32]);
        assert_eq!(hashes.get("tag 99"), Some([7; 32]));
        assert_eq!(hashes.get("tag 50"), Some([50; 32]));
        assert_eq!(hashes.get("tag 3"), None);
    }
}
