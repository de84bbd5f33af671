//! The direction of dependencies between crates: a new arrow is added here by hand, in the same commit.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tests::places;

/// Which crates of the workspace a crate may import. Crates that are still to come are listed already.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("flv", &[]),
    ("media", &["flv"]),
    ("p2p", &["wire"]),
    ("provision", &["wire"]),
    ("wifi", &["wire"]),
    // Hub and camera make and check the same signatures: one place for both.
    ("hub", &["wire", "p2p", "provision"]),
    (
        "app",
        &["wire", "flv", "media", "p2p", "provision", "wifi", "hub"],
    ),
    ("porthole-desktop", &["app"]),
    (
        "firmware",
        &["wire", "flv", "media", "p2p", "provision", "wifi"],
    ),
    (
        "tests",
        &[
            "wire",
            "flv",
            "media",
            "p2p",
            "provision",
            "wifi",
            "hub",
            "app",
            "firmware",
        ],
    ),
    ("xtask", &[]),
];

/// Libraries that a crate may not take from outside, with the reason.
const KEPT_OUT: &[(&str, &[&str], &str)] = &[
    ("wire", &["tokio", "hyper", "iroh"], "messages do no I/O"),
    (
        "flv",
        &["tokio", "hyper", "iroh", "ffmpeg-next"],
        "the container format does no I/O and no decoding",
    ),
    ("app", &["tauri"], "the core does not know the window"),
    ("firmware", &["tauri"], "a camera has no window"),
];

/// Crates whose library every other piece may see without their third-party types.
const TOP_LEVEL: &[&str] = &["crates", "firmware", "icons", "src-tauri", "tests", "ui"];

fn packages() -> Vec<Value> {
    let output =
        std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--offline",
            ])
            .current_dir(places::repository())
            .output()
            .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .clone()
}

/// Names of what a package depends on outside its tests.
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    // Tests may look further; the table is about what is shipped.
    let shipped = all.filter(|dependency| dependency["kind"] != "dev");
    shipped
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn crates_import_only_what_the_table_allows() {
    let table: BTreeMap<_, BTreeSet<_>> = MAY_IMPORT
        .iter()
        .map(|(name, allowed)| (*name, allowed.iter().copied().collect()))
        .collect();
    let packages = packages();
    let ours: BTreeSet<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    for package in &packages {
        let name = package["name"].as_str().expect("a package has a name");
        let allowed = table
            .get(name)
            .unwrap_or_else(|| panic!("crate `{name}` is not in the table: add it"));
        for dependency in dependencies(package) {
            let is_ours = ours.contains(dependency.as_str());
            assert!(
                !is_ours || allowed.contains(dependency.as_str()),
                "`{name}` imports `{dependency}`: that arrow is not in the table of {}",
                file!()
            );
        }
    }
}

#[test]
fn libraries_that_would_break_a_layer_are_kept_out() {
    let packages = packages();
    for (name, forbidden, reason) in KEPT_OUT {
        let package = packages.iter().find(|package| package["name"] == *name);
        let dependencies =
            dependencies(package.unwrap_or_else(|| panic!("crate `{name}` is gone")));
        for library in *forbidden {
            assert!(
                !dependencies.contains(*library),
                "`{name}` imports `{library}`, but {reason}"
            );
        }
    }
}

#[test]
fn the_top_folder_holds_the_house_and_nothing_else() {
    let listed = std::process::Command::new("git")
        .args(["ls-tree", "-d", "--name-only", "HEAD"])
        .current_dir(places::repository())
        .output()
        .expect("git runs");
    for folder in String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|name| !name.starts_with('.'))
    {
        assert!(
            TOP_LEVEL.contains(&folder),
            "folder `{folder}` has no place in the house"
        );
    }
}

#[test]
fn one_file_of_the_ui_imports_tauri() {
    let importers: Vec<_> = places::files(&places::repository().join("ui/src"), &["ts", "svelte"])
        .into_iter()
        .filter(|path| {
            places::text(path).contains("from \"@tauri-apps/")
                || places::text(path).contains("from '@tauri-apps/")
        })
        .collect();
    let only = places::repository().join("ui/src/core/tauri.ts");
    assert!(
        importers.iter().all(|path| *path == only),
        "@tauri-apps is imported by {importers:?}"
    );
}
