//! Measures the card and prints one table: `bench-card [PART…]`.

use std::process::ExitCode;
use tests::bench;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    // The other end of the comparison with a bare stream is this program too.
    if wanted == ["bare"] {
        return bench::serve_bare();
    }
    // And the viewer that is far away.
    if wanted == ["far"] {
        return bench::seek_from_afar();
    }
    bench::main(bench::CARD, &wanted)
}
