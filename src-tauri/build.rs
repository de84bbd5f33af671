//! Checks the configuration, makes the permissions of the commands, and embeds the UI.

use std::path::Path;

fn main() {
    let page = Path::new("../ui/dist/index.html");
    if !page.exists() {
        // The UI is built by npm, after a fresh clone perhaps later than this: a page that says so, so that
        // every crate compiles and lints without Node.js.
        if let Some(folder) = page.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = std::fs::write(
            page,
            "<!doctype html><title>Porthole</title><p>Run <code>npm run build</code> in <code>ui/</code>.",
        );
    }
    println!("cargo:rerun-if-changed=../ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(&["call", "copy_file", "open_file"]);
    if let Err(error) =
        tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))
    {
        println!("cargo::error={error:#}");
    }
}
