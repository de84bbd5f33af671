//! `porthole-hub`.

fn main() {}
