//! How many may watch: a viewer takes a seat with its first live stream and gives it up with its last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use wire::id::PeerId;

use crate::defaults::STREAMS_PER_VIEWER;

/// See the module's text.
#[derive(Debug)]
pub struct Seats {
    max: u32,
    streams: Mutex<BTreeMap<PeerId, u32>>,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSeat {
    /// All are taken by others.
    Full {
        /// Viewers now.
        now: u32,
    },
    /// This viewer holds too many streams already.
    TooManyStreams,
}

impl Seats {
    /// Seats for `max` viewers.
    pub fn new(max: u32) -> Arc<Self> {
        Arc::new(Self {
            max,
            streams: Mutex::default(),
        })
    }

    /// How many there are.
    pub fn max(&self) -> u32 {
        self.max
    }

    /// How many are taken.
    pub fn taken(&self) -> u32 {
        u32::try_from(self.lock().len()).unwrap_or(u32::MAX)
    }

    /// Whether this viewer would get one.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, viewer: &PeerId) -> Result<(), NoSeat> {
        Self::check_in(&self.lock(), self.max, viewer)
    }

    /// Takes a seat for one stream of this viewer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn take(self: &Arc<Self>, viewer: &PeerId) -> Result<Seat, NoSeat> {
        let mut streams = self.lock();
        Self::check_in(&streams, self.max, viewer)?;
        *streams.entry(*viewer).or_default() += 1;
        Ok(Seat {
            seats: Arc::clone(self),
            viewer: *viewer,
        })
    }

    fn check_in(streams: &BTreeMap<PeerId, u32>, max: u32, viewer: &PeerId) -> Result<(), NoSeat> {
        match streams.get(viewer) {
            Some(count) if *count >= STREAMS_PER_VIEWER => Err(NoSeat::TooManyStreams),
            Some(_) => Ok(()),
            None if streams.len() >= max as usize => Err(NoSeat::Full {
                now: u32::try_from(streams.len()).unwrap_or(u32::MAX),
            }),
            None => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeerId, u32>> {
        self.streams
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A place for one stream. Dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    viewer: PeerId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut streams = self.seats.lock();
        if let Some(count) = streams.get_mut(&self.viewer) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.viewer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_with_two_streams_takes_one_seat() {
        let (a, b, c) = (PeerId([1; 32]), PeerId([2; 32]), PeerId([3; 32]));
        let seats = Seats::new(2);
        let first = seats.take(&a).unwrap();
        let second = seats.take(&a).unwrap();
        let other = seats.take(&b).unwrap();
        assert_eq!(seats.taken(), 2);
        assert_eq!(seats.take(&c).err(), Some(NoSeat::Full { now: 2 }));
        assert!(seats.check(&a).is_ok() && seats.check(&c).is_err());
        drop(first);
        assert_eq!(seats.taken(), 2);
        drop(second);
        assert!(seats.take(&c).is_ok());
        drop(other);
        assert_eq!(seats.taken(), 0);
    }

    #[test]
    fn the_streams_of_one_viewer_are_bounded() {
        let seats = Seats::new(1);
        let viewer = PeerId([1; 32]);
        let held: Vec<_> = (0..STREAMS_PER_VIEWER)
            .map(|_| seats.take(&viewer).unwrap())
            .collect();
        assert_eq!(seats.take(&viewer).err(), Some(NoSeat::TooManyStreams));
        drop(held);
    }
}
