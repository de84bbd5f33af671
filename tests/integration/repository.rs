//! The repository checks itself: links, unfinished code, texts in both languages.

use serde_json::Value;
use std::path::{Path, PathBuf};
use tests::places;

/// Files under version control with one of these extensions.
fn tracked(extensions: &[&str]) -> Vec<PathBuf> {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(places::repository())
        .output()
        .expect("git runs");
    String::from_utf8_lossy(&listed.stdout)
        .split('\0')
        .map(|name| places::repository().join(name))
        .filter(|path| path.is_file() && places::has_extension(path, extensions))
        .collect()
}

/// The targets of `[text](target)` that are paths, without their `#fragment`.
fn relative_links(markdown: &str) -> Vec<String> {
    let mut links = Vec::new();
    for part in markdown.split("](").skip(1) {
        let Some((target, _)) = part.split_once(')') else {
            continue;
        };
        let target = target.split(['#', ' ']).next().unwrap_or("");
        let is_path =
            !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
        if is_path {
            links.push(target.to_owned());
        }
    }
    links
}

#[test]
fn no_relative_link_in_a_readme_is_dead() {
    let mut dead = Vec::new();
    for file in tracked(&["md"]) {
        let folder = file.parent().unwrap_or(Path::new(""));
        for link in relative_links(&places::text(&file)) {
            if !folder.join(&link).exists() {
                dead.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn every_crate_and_folder_has_a_readme() {
    let repository = places::repository();
    let folders = [
        "",
        "crates/wire",
        "crates/flv",
        "crates/media",
        "crates/p2p",
        "crates/provision",
        "crates/wifi",
        "crates/hub",
        "crates/app",
        "firmware",
        "src-tauri",
        "ui",
        "icons",
        "tests",
    ];
    for folder in folders {
        assert!(
            repository.join(folder).join("README.md").is_file(),
            "no README.md in `{folder}`"
        );
    }
}

#[test]
fn nothing_unfinished_is_committed() {
    // Put together, so that this file does not find itself.
    let marks = [
        ["FIX", "ME"].concat(),
        ["X", "XX"].concat(),
        ["todo", "!("].concat(),
        ["#[ign", "ore"].concat(),
    ];
    let mut found = Vec::new();
    for file in tracked(&["rs", "ts", "svelte"]) {
        let text = places::text(&file);
        found.extend(
            marks
                .iter()
                .filter(|mark| text.contains(mark.as_str()))
                .map(|mark| (file.clone(), mark.clone())),
        );
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn no_source_file_is_longer_than_six_hundred_lines() {
    // What is generated is as long as its source makes it.
    let generated = places::repository().join("ui/src/bindings");
    let written = tracked(&["rs", "ts", "svelte"])
        .into_iter()
        .filter(|file| !file.starts_with(&generated));
    for file in written {
        let lines = places::text(&file).lines().count();
        assert!(
            lines <= 600,
            "{} has {lines} lines: what are they really two of?",
            file.display()
        );
    }
}

#[test]
fn every_failure_has_its_text_in_both_languages() {
    let path = places::repository().join("crates/app/texts/failures.json");
    let texts: Value = serde_json::from_str(&places::text(&path)).expect("failures.json is JSON");
    let codes = texts.as_object().expect("one entry a code");
    assert!(!codes.is_empty());
    for (code, entry) in codes {
        for language in ["en", "zh"] {
            let words = &entry[language];
            let is_empty = words.as_object().is_none_or(|parts| {
                parts.is_empty()
                    || parts
                        .values()
                        .any(|part| part.as_str().is_none_or(str::is_empty))
            });
            assert!(
                !is_empty,
                "`{code}` has no complete text in `{language}`: {words}"
            );
        }
    }
}
