//! Deciding whether a stream may be told that it reorders nothing.

/// What is known about the order of a stream's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Not enough seen: leave the parameter sets as they are.
    Unknown,
    /// Output order is decode order: the parameter sets may say so.
    AsDecoded,
    /// There are B-frames: the parameter sets must be those that the camera sent. Final.
    Reordered,
}

/// Watches access units for signs of B-frames: composition times that differ, and B slices.
///
/// Says [`Order::AsDecoded`] once enough units went by without one, and goes on watching: a B-frame turns the answer to
/// [`Order::Reordered`] for good, and the caller restores the original parameter sets.
#[derive(Debug, Clone)]
pub struct ReorderCheck {
    /// Units still to watch before the stream is believed.
    remaining: u32,
    reordered: bool,
}

impl Default for ReorderCheck {
    /// Believes after 30 units, one second of most cameras.
    fn default() -> Self {
        Self::new(30)
    }
}

impl ReorderCheck {
    /// Believes after that many units. With 0 it believes at once and only stays wary: for cameras known to send no
    /// B-frames, and where [`never_reorders`](crate::avc::Sps::never_reorders) holds.
    pub fn new(units: u32) -> Self {
        Self {
            remaining: units,
            reordered: false,
        }
    }

    /// Takes one access unit.
    ///
    /// * `composition_time` - of its tag. A stream without B-frames has 0 in each.
    /// * `has_b_frames` - what [`VideoConfig::has_b_frames`](crate::VideoConfig::has_b_frames) says of it.
    pub fn observe(&mut self, composition_time: i32, has_b_frames: bool) -> Order {
        self.remaining = self.remaining.saturating_sub(1);
        self.reordered |= composition_time != 0 || has_b_frames;
        self.order()
    }

    /// What is known so far.
    pub fn order(&self) -> Order {
        match (self.reordered, self.remaining) {
            (true, _) => Order::Reordered,
            (false, 0) => Order::AsDecoded,
            (false, _) => Order::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_believes_after_enough_and_stays_wary() {
        let mut check = ReorderCheck::new(3);
        assert_eq!(check.order(), Order::Unknown);
        assert_eq!(
            [0; 3].map(|time| check.observe(time, false)),
            [Order::Unknown, Order::Unknown, Order::AsDecoded]
        );
        assert_eq!(check.observe(0, true), Order::Reordered);
        assert_eq!(check.observe(0, false), Order::Reordered);
        assert_eq!(ReorderCheck::new(0).order(), Order::AsDecoded);
        assert_eq!(ReorderCheck::new(0).observe(40, false), Order::Reordered);
    }
}
