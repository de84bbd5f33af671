//! Shared parts of the rings: where things are, both real programs, a virtual screen, figures.

pub mod bench;
pub mod desktop;
pub mod figures;
pub mod hub_load;
pub mod outcome;
pub mod places;
pub mod programs;
pub mod pulse;
pub mod recorded;
pub mod screen;
pub mod sound;
pub mod tls;
pub mod watching;
