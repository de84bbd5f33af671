//! What the app is started with.

use clap::Parser;
use std::path::PathBuf;

/// Watch your own cameras, peer to peer.
#[derive(Debug, Clone, Parser)]
#[command(name = "porthole-desktop", version)]
pub(crate) struct Arguments {
    /// Folder for saved cameras, settings and this viewer's identity.
    #[arg(long, env = "PORTHOLE_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Start on the page of this camera (its key in `porthole list`).
    #[arg(long, value_name = "CAMERA")]
    pub(crate) open: Option<String>,
    /// Print every event of the core as one line of JSON.
    #[arg(long)]
    pub(crate) events: bool,
    /// This machine's Wi-Fi: auto, nm[:IFACE], wpa:IFACE[:CTRL_DIR] or sim:DIR[:NAME]; by default that of the settings.
    #[arg(long, env = "PORTHOLE_RADIO", value_name = "CHOICE")]
    pub(crate) radio: Option<String>,
}

impl Arguments {
    /// The page to start on, as the UI writes its addresses (`ui/src/state/route.ts`).
    pub(crate) fn page(&self) -> String {
        match &self.open {
            Some(camera) => format!("index.html#/live/{}", percent_encode(camera)),
            None => "index.html".to_owned(),
        }
    }

    /// A name on the session bus: one running app a data folder.
    pub(crate) fn bus_name(&self) -> String {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        match &self.data {
            None => "io.porthole.viewer".to_owned(),
            Some(folder) => {
                let mut hasher = DefaultHasher::new();
                let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
                absolute.hash(&mut hasher);
                format!("io.porthole.viewer.d{:016x}", hasher.finish())
            }
        }
    }
}

/// Letters, digits and `-_.~` stay; everything else becomes `%XX`.
fn percent_encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_camera_is_an_address_of_the_ui() {
        let mut arguments = Arguments {
            data: None,
            open: None,
            events: false,
            radio: None,
        };
        assert_eq!(arguments.page(), "index.html");
        arguments.open = Some("front/门".to_owned());
        assert_eq!(arguments.page(), "index.html#/live/front%2F%E9%97%A8");
    }

    #[test]
    fn each_data_folder_has_one_running_app() {
        let name = |data: Option<&str>| {
            Arguments {
                data: data.map(PathBuf::from),
                open: None,
                events: false,
                radio: None,
            }
            .bus_name()
        };
        assert_eq!(name(Some("/tmp/a")), name(Some("/tmp/a")));
        assert_ne!(name(Some("/tmp/a")), name(Some("/tmp/b")));
        assert_ne!(name(None), name(Some("/tmp/a")));
    }
}
