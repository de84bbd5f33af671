//! Writes the TypeScript of the contract to `ui/src/bindings/`, and fails when that changed anything.

use std::path::Path;
use ts_rs::{Config, TS};

const HEADER: &str = "// Generated from crates/app/src/api.rs by `cargo test -p app export_bindings`. Do not edit.\n";

#[test]
fn export_bindings() {
    let scratch = std::env::temp_dir().join(format!("porthole-bindings-{}", std::process::id()));
    let config = Config::new().with_out_dir(&scratch);
    super::Call::export_all(&config).expect("export calls");
    super::Reply::export_all(&config).expect("export replies");
    super::Event::export_all(&config).expect("export events");
    super::frame::Config::export_all(&config).expect("export the frame configuration");
    let types = std::fs::read_to_string(scratch.join("api.ts")).expect("read the export");
    std::fs::remove_dir_all(&scratch).expect("remove the scratch folder");
    // ts-rs puts its own notice and imports first; ours says how to repeat it.
    let types = types
        .split_once("\n\n")
        .map_or(types.as_str(), |(_, rest)| rest);

    let bindings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/bindings");
    std::fs::create_dir_all(&bindings).expect("make the folder");
    let stale: Vec<_> = [
        ("api.ts", format!("{HEADER}\n{types}")),
        (
            "failures.json",
            include_str!("../../texts/failures.json").to_owned(),
        ),
        (
            "words.json",
            include_str!("../../texts/words.json").to_owned(),
        ),
    ]
    .into_iter()
    .filter_map(|(name, text)| {
        let path = bindings.join(name);
        (std::fs::read_to_string(&path).ok().as_deref() != Some(&text)).then(|| {
            std::fs::write(&path, text).expect("write the binding");
            name
        })
    })
    .collect();
    assert!(
        stale.is_empty(),
        "{stale:?} in ui/src/bindings were stale; they are written anew: commit them"
    );
}
