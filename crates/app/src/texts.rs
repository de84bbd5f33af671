//! The texts of failures, in English and Chinese: `crates/app/texts/failures.json`, and of what they name:
//! `crates/app/texts/words.json`.

use crate::api::{Failure, FailureCode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A language the texts exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese.
    Zh,
}

impl Lang {
    /// The language of a POSIX locale name such as `zh_CN.UTF-8`; English when in doubt.
    pub fn of_locale(locale: &str) -> Self {
        if locale.to_ascii_lowercase().starts_with("zh") {
            Self::Zh
        } else {
            Self::En
        }
    }
}

/// The button that is offered beside a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing to press.
    None,
    /// Try the same again.
    Retry,
    /// Add a camera (by another link).
    Add,
    /// Ask for a fresh link.
    Share,
    /// Open the settings.
    Settings,
    /// Choose another quality.
    Quality,
    /// Choose the home network or its password again.
    Network,
    /// Choose the camera's hotspot or its password again.
    Hotspot,
}

/// The three sentences of a failure, placeholders filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What happened, a few words.
    pub title: String,
    /// Why.
    pub cause: String,
    /// What to do.
    pub next: String,
}

#[derive(Deserialize)]
struct Entry {
    action: Action,
    en: Sentences,
    zh: Sentences,
}

#[derive(Deserialize)]
struct Sentences {
    title: String,
    cause: String,
    next: String,
}

static TABLE: LazyLock<BTreeMap<FailureCode, Entry>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../texts/failures.json")).expect("the table is tested")
});

#[derive(Deserialize)]
struct Word {
    en: String,
    zh: String,
}

/// By the placeholder, then by its value: what the crates below call a part of a link is no word for a person.
static WORDS: LazyLock<BTreeMap<String, BTreeMap<String, Word>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../texts/words.json")).expect("the table is tested")
});

/// The texts of `failure` in `lang`. A placeholder without a value becomes `?`.
pub fn text(failure: &Failure, lang: Lang) -> Text {
    let Some(entry) = TABLE.get(&failure.code) else {
        return Text {
            title: format!("{:?}", failure.code),
            cause: failure.detail.clone(),
            next: String::new(),
        };
    };
    let sentences = match lang {
        Lang::En => &entry.en,
        Lang::Zh => &entry.zh,
    };
    let fill = |sentence: &str| fill(sentence, &failure.params, lang);
    Text {
        title: fill(&sentences.title),
        cause: fill(&sentences.cause),
        next: fill(&sentences.next),
    }
}

/// The button that belongs to a failure.
pub fn action(code: FailureCode) -> Action {
    TABLE.get(&code).map_or(Action::None, |entry| entry.action)
}

fn fill(sentence: &str, params: &BTreeMap<String, String>, lang: Lang) -> String {
    let mut out = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        out.push_str(
            params
                .get(name)
                .map_or("?", |value| word(name, value, lang)),
        );
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What stands for the value of a placeholder in `lang`; the value itself where the table has nothing.
fn word<'a>(placeholder: &str, value: &'a str, lang: Lang) -> &'a str {
    let found = WORDS.get(placeholder).and_then(|values| values.get(value));
    match (found, lang) {
        (Some(word), Lang::En) => &word.en,
        (Some(word), Lang::Zh) => &word.zh,
        (None, _) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fail::ALL_CODES;

    fn placeholders(sentences: &Sentences) -> Vec<String> {
        let all = format!("{} {} {}", sentences.title, sentences.cause, sentences.next);
        let mut names: Vec<_> = all
            .split('{')
            .skip(1)
            .filter_map(|part| part.split_once('}'))
            .map(|(name, _)| name.to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    #[test]
    fn every_code_has_all_texts_in_both_languages_with_the_same_placeholders() {
        assert_eq!(TABLE.len(), ALL_CODES.len());
        for code in ALL_CODES {
            let entry = &TABLE[code];
            for sentences in [&entry.en, &entry.zh] {
                assert!(
                    !sentences.title.is_empty()
                        && !sentences.cause.is_empty()
                        && !sentences.next.is_empty(),
                    "{code:?}"
                );
            }
            assert_eq!(placeholders(&entry.en), placeholders(&entry.zh), "{code:?}");
        }
    }

    #[test]
    fn placeholders_are_filled_and_missing_ones_seen() {
        let failure = Failure::new(FailureCode::CameraFull)
            .with("camera", "Front {door}")
            .with("viewers", 8);
        let text = text(&failure, Lang::En);
        assert_eq!(text.title, "Front {door} has too many viewers");
        assert_eq!(text.cause, "It already serves 8 of at most ? viewers.");
        assert_eq!(fill("a { b", &BTreeMap::new(), Lang::En), "a { b");
    }

    #[test]
    fn the_button_is_held_for_a_reset_only() {
        for (code, entry) in &*TABLE {
            for sentences in [&entry.en, &entry.zh] {
                let Sentences { title, cause, next } = sentences;
                for sentence in [title, cause, next].map(|text| text.to_lowercase()) {
                    let holds = ["hold", "按住", "长按"]
                        .iter()
                        .any(|word| sentence.contains(word));
                    let resets = ["reset", "重置"].iter().any(|word| sentence.contains(word));
                    let button = ["button", "按键"]
                        .iter()
                        .any(|word| sentence.contains(word));
                    assert!(!(button && holds) || resets, "{code:?}: {sentence}");
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_link_or_a_label_is_said_in_the_language() {
        const ID: &str = "abababababababababababababababababababababababababababababababab";
        let links = [
            String::new(),
            "hello".into(),
            "https://example.org".into(),
            "porthole:".into(),
            "porthole:nonsense".into(),
            format!("porthole:{ID}?secret=12"),
            format!("porthole:{ID}?name=%ff"),
            format!("porthole:{ID}?name=a&name=b"),
            format!("porthole:{ID}?name={}", "n".repeat(500)),
            format!("porthole:{ID}?addr=192.168.1.20"),
            format!("porthole:{ID}?relay=ftp"),
            "porthole:".repeat(1000),
        ];
        let labels = [
            "",
            "k3v9x2m7qa",
            "WIFI:P:k3v9x2m7qa;;",
            "WIFI:S:;;",
            "WIFI:S:a;P:k3;;",
            "WIFI:S:a;camera:12;;",
        ];
        let links = links.iter().map(|link| {
            let failure = crate::cameras::read_link(link).unwrap_err();
            (link.as_str(), failure)
        });
        let labels = labels.iter().map(|label| {
            let failure =
                crate::pairing::wanted::label(&crate::api::Secret::new(*label)).unwrap_err();
            (*label, failure)
        });
        for (given, failure) in links.chain(labels) {
            for placeholder in ["part", "expected"] {
                let value = &failure.params[placeholder];
                assert!(
                    WORDS[placeholder].contains_key(value),
                    "{given:?}: {placeholder} {value:?}"
                );
            }
            let got = failure.params.get("got");
            assert!(
                got.is_none_or(|got| !got.is_empty() && !got.contains("***")),
                "{failure:?}"
            );
        }
        let failure = crate::cameras::read_link("hello").unwrap_err();
        assert_eq!(
            text(&failure, Lang::En).cause,
            "The beginning cannot be read: expected “porthole:”, got something else."
        );
        assert_eq!(
            text(&failure, Lang::Zh).cause,
            "无法识别其中的开头：应为“porthole:”，实际是其他内容。"
        );
    }

    #[test]
    fn the_language_follows_the_locale() {
        assert_eq!(Lang::of_locale("zh_CN.UTF-8"), Lang::Zh);
        assert_eq!(Lang::of_locale("C"), Lang::En);
    }
}
