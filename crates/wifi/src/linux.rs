//! What both Linux backends need of the operating system.

pub(crate) mod child;
pub(crate) mod dhcp;
pub(crate) mod host;
pub(crate) mod interface;
pub(crate) mod scratch;
