//! Playing what a camera has recorded: from its stream to the frames of one picture on the screen, at the pace asked for.
//!
//! ```text
//!  camera ──FLV, onPosition──> pull ──units──> view (a task a picture on the screen)
//!         no faster than it    (a task a        ├─ Seek: decodes up to the moment asked for, draws that picture
//!         is read              stream)          ├─ Line: what waits, with the played time it is due at
//!                              bounded channel  ├─ Clock: played time, at the speed that is set
//!                                               └─ live's Screen, Sound, Stats, Gop
//! ```
//!
//! A seek is a new request on the warm session. Fast and backward play is asked for as keyframes. A paused playback reads
//! nothing; a lost one is asked for again from the picture on the screen.

mod clock;
mod line;
pub mod pull;
mod seek;
mod speed;
mod view;
mod written;

pub use speed::{Pictures, Speed};
pub use view::{Opening, open};
pub use written::Written;
