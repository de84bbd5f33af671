//! Finding the next tag in garbage.
//!
//! A place is a candidate when eleven bytes there make a sane tag header within the size limit. It is believed when
//! the bytes behind its body agree: a matching PreviousTagSize, or, for senders that write nonsense there, another sane
//! header behind it. The first candidate *confirmed* wins, in the order in which bytes arrive, so that a false candidate with
//! a huge size delays nothing and the result does not depend on how the bytes were cut into pieces.

use crate::format::*;

/// So many candidates are watched at a time; a new one displaces that which would be confirmed last.
const MAX_CANDIDATES: usize = 32;

/// A possible tag. Offsets are relative to the window.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    at: usize,
    size: usize,
    /// How many bytes the window must hold to decide on it.
    decided_at: usize,
    /// The PreviousTagSize did not match; the next header decides.
    doubtful: bool,
}

/// A search in progress.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// Bytes given up so far.
    discarded: u64,
    /// Bytes of the window that were looked at.
    seen: usize,
    candidates: Vec<Candidate>,
}

pub(super) enum Outcome {
    /// Give up that many bytes, then ask again with more.
    Need(usize),
    /// A tag's header begins at `at` of the window; `total` bytes were garbage.
    Found { at: usize, total: u64 },
}

impl Search {
    /// Looks at the bytes that are new since the last call.
    pub(super) fn run(&mut self, window: &[u8], max_tag_size: usize) -> Outcome {
        let mut next_decision = self.next_decision();
        while self.seen < window.len() {
            self.seen += 1;
            if self.seen == next_decision {
                if let Some(at) = self.decide(window, max_tag_size) {
                    return Outcome::Found {
                        at,
                        total: self.discarded + at as u64,
                    };
                }
                next_decision = self.next_decision();
            }
            let Some(at) = self.seen.checked_sub(TAG_HEADER_LEN) else {
                continue;
            };
            // The stream id is three zero bytes at the end; cheap to look at first.
            if window[self.seen - 1] != 0 {
                continue;
            }
            let Some(header) = TagHeader::read(&window[at..]) else {
                continue;
            };
            if header.size <= max_tag_size && header.size > 0 {
                self.add(at, header.size);
                next_decision = self.next_decision();
            }
        }
        // Everything before the first candidate, or before what may still become one, is garbage.
        let undecided = (window.len() + 1).saturating_sub(TAG_HEADER_LEN);
        let keep_from = self
            .candidates
            .iter()
            .map(|candidate| candidate.at)
            .min()
            .unwrap_or(undecided)
            .min(undecided);
        self.discard(keep_from);
        Outcome::Need(keep_from)
    }

    fn next_decision(&self) -> usize {
        self.candidates
            .iter()
            .map(|candidate| candidate.decided_at)
            .min()
            .unwrap_or(usize::MAX)
    }

    fn add(&mut self, at: usize, size: usize) {
        let decided_at = at + TAG_HEADER_LEN + size + PREVIOUS_TAG_SIZE_LEN;
        let candidate = Candidate {
            at,
            size,
            decided_at,
            doubtful: false,
        };
        if self.candidates.len() < MAX_CANDIDATES {
            self.candidates.push(candidate);
        } else if let Some(latest) = self
            .candidates
            .iter_mut()
            .max_by_key(|other| other.decided_at)
            && latest.decided_at > decided_at
        {
            *latest = candidate;
        }
    }

    /// Decides on the candidates whose time has come; gives the place of the first that is a tag.
    fn decide(&mut self, window: &[u8], max_tag_size: usize) -> Option<usize> {
        let due = self.seen;
        let mut index = 0;
        while index < self.candidates.len() {
            let candidate = &mut self.candidates[index];
            if candidate.decided_at != due {
                index += 1;
                continue;
            }
            let behind = candidate.at + TAG_HEADER_LEN + candidate.size;
            if candidate.doubtful {
                let next = TagHeader::read(&window[behind + PREVIOUS_TAG_SIZE_LEN..]);
                if next.is_some_and(|next| next.size <= max_tag_size && next.size > 0) {
                    return Some(candidate.at);
                }
                self.candidates.remove(index);
                continue;
            }
            let expected = (TAG_HEADER_LEN + candidate.size) as u32;
            if window[behind..].first_chunk() == Some(&expected.to_be_bytes()) {
                return Some(candidate.at);
            }
            candidate.doubtful = true;
            candidate.decided_at += TAG_HEADER_LEN;
            index += 1;
        }
        None
    }

    fn discard(&mut self, count: usize) {
        self.discarded += count as u64;
        self.seen -= count;
        for candidate in &mut self.candidates {
            candidate.at -= count;
            candidate.decided_at -= count;
        }
    }
}
