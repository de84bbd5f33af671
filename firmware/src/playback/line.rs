//! The clock of a stream: from the wall clock of a recording to FLV time, which starts at 0 and never jumps.

/// See the module's text. All times in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Wall clock of a picture, and its stream time.
    anchor: Option<(i64, i64)>,
    /// Stream time that passes in a time of the wall clock.
    scale: (i64, i64),
    /// The picture that was sent last: wall clock and stream time.
    last: Option<(i64, i64)>,
    /// Stream time of the sound that was sent last.
    last_sound: i64,
    /// Usual distance of two pictures.
    usual: i64,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            anchor: None,
            scale: (1, 1),
            last: None,
            last_sound: -1,
            usual: 40,
        }
    }
}

impl Line {
    /// Wall clock of the picture that was sent last.
    pub(super) fn wall_ms(&self) -> Option<i64> {
        self.last.map(|(wall, _)| wall)
    }

    /// Stream time of the keyframe that [`Line::key`] was told of.
    pub(super) fn next_ms(&self) -> i64 {
        self.anchor.map_or(0, |(_, at)| at)
    }

    /// A keyframe comes: after its real distance, or after the usual one if it is a jump.
    pub(super) fn key(&mut self, wall: i64, jump: bool, scale: (i64, i64), usual: i64) {
        let at = match self.last {
            None => 0,
            Some((_, last)) if jump => (last + self.usual).max(self.last_sound + 1),
            Some((before, last)) => {
                let apart = (wall - before).abs().saturating_mul(self.scale.0) / self.scale.1;
                last + apart.max(1)
            }
        };
        (self.scale, self.usual) = (scale, usual.saturating_mul(scale.0) / scale.1.max(1));
        self.usual = self.usual.max(1);
        self.anchor = Some((wall, at));
    }

    /// From the picture sent last on, time passes differently.
    pub(super) fn scale(&mut self, scale: (i64, i64)) {
        if let Some(last) = self.last {
            self.anchor = Some(last);
        }
        self.scale = scale;
    }

    /// Stream time of a picture, not before the one sent last.
    pub(super) fn picture(&mut self, wall: i64) -> i64 {
        let least = self.last.map_or(0, |(_, last)| last);
        let at = self.of(wall).max(least);
        self.last = Some((wall, at));
        at
    }

    /// Stream time of sound; `None` if it lies before what was sent.
    pub(super) fn sound(&mut self, wall: i64) -> Option<i64> {
        let at = self.of(wall);
        if at <= self.last_sound {
            return None;
        }
        self.last_sound = at;
        Some(at)
    }

    fn of(&self, wall: i64) -> i64 {
        let Some((from, at)) = self.anchor else {
            return 0;
        };
        at + (wall - from).saturating_mul(self.scale.0) / self.scale.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_by_one_picture_over_a_jump_and_by_the_distance_otherwise() {
        let mut line = Line::default();
        line.key(1_000_000, true, (1, 1), 33);
        assert_eq!((line.next_ms(), line.picture(1_000_000)), (0, 0));
        assert_eq!(line.picture(1_000_033), 33);
        line.key(1_000_066, false, (1, 1), 33);
        assert_eq!(line.picture(1_000_066), 66);
        line.key(9_000_000, true, (1, 1), 33);
        assert_eq!(line.picture(9_000_000), 99);
        // Backward by keyframes.
        line.key(8_998_000, false, (1, 1), 33);
        assert_eq!(line.picture(8_998_000), 2099);
        assert_eq!(line.wall_ms(), Some(8_998_000));
    }

    #[test]
    fn slow_motion_stretches_the_distances() {
        let mut line = Line::default();
        line.key(0, true, (1, 1), 40);
        line.picture(0);
        line.scale((2, 1));
        assert_eq!(line.picture(40), 80);
        line.key(80, false, (2, 1), 40);
        assert_eq!(line.picture(80), 160);
        line.key(900_000, true, (2, 1), 40);
        assert_eq!(line.picture(900_000), 240);
    }

    #[test]
    fn sound_from_before_a_jump_is_left_out_and_never_goes_backward() {
        let mut line = Line::default();
        line.key(1000, true, (1, 1), 40);
        line.picture(1000);
        assert_eq!(line.sound(990), None);
        assert_eq!(line.sound(1000), Some(0));
        assert_eq!(line.sound(1100), Some(100));
        line.key(5000, true, (1, 1), 40);
        assert_eq!(line.picture(5000), 101);
        assert_eq!(line.sound(4990), None);
        assert_eq!(line.sound(5010), Some(111));
    }
}
