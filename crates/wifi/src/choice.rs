//! Which radio: the text of a flag or a setting, and the radio that it opens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Error, Radio, sim};

/// Which radio to use. Written as in [`Choice::from_str`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice {
    /// `auto`: NetworkManager when it runs and drives a Wi-Fi interface, else wpa_supplicant.
    #[default]
    Auto,
    /// `nm` or `nm:IFACE`: NetworkManager over D-Bus.
    NetworkManager {
        /// Only this interface; otherwise the first one.
        interface: Option<String>,
    },
    /// `wpa:IFACE` or `wpa:IFACE:CTRL_DIR`: wpa_supplicant's control socket.
    WpaSupplicant {
        /// The interface, such as `wlan0`.
        interface: String,
        /// The folder of the control sockets; otherwise `/run/wpa_supplicant`.
        control: Option<PathBuf>,
    },
    /// `sim:DIR` or `sim:DIR:NAME`: a simulated radio in the world of a folder.
    Simulated {
        /// The folder; every process that uses it is in the same world.
        world: PathBuf,
        /// Which radio of that world this is.
        name: String,
    },
}

/// A text that names no radio.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{got}` names no radio: expected auto, nm[:IFACE], wpa:IFACE[:CTRL_DIR] or sim:DIR[:NAME]"
)]
pub struct ParseChoiceError {
    got: String,
}

impl FromStr for Choice {
    type Err = ParseChoiceError;

    /// Reads `auto`, `nm[:IFACE]`, `wpa:IFACE[:CTRL_DIR]` or `sim:DIR[:NAME]`. The name is what follows the last colon
    /// and has no slash; without one a simulated radio is called `radio`.
    fn from_str(text: &str) -> Result<Self, ParseChoiceError> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        let filled = |part: &str| (!part.is_empty()).then(|| part.to_owned());
        let read = match (kind, rest) {
            ("auto", None) => Some(Self::Auto),
            ("nm", None) => Some(Self::NetworkManager { interface: None }),
            ("nm", Some(interface)) => filled(interface).map(|interface| Self::NetworkManager {
                interface: Some(interface),
            }),
            ("wpa", Some(rest)) => {
                let (interface, control) = match rest.split_once(':') {
                    Some((interface, control)) => (interface, Some(PathBuf::from(control))),
                    None => (rest, None),
                };
                filled(interface).map(|interface| Self::WpaSupplicant { interface, control })
            }
            ("sim", Some(rest)) => {
                let named = rest.rsplit_once(':').filter(|(_, name)| sim::is_name(name));
                let (world, name) = named.unwrap_or((rest, sim::DEFAULT_NAME));
                filled(world).map(|world| Self::Simulated {
                    world: world.into(),
                    name: name.to_owned(),
                })
            }
            _ => None,
        };
        read.ok_or_else(|| ParseChoiceError {
            got: text.chars().take(80).collect(),
        })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::NetworkManager { interface: None } => f.write_str("nm"),
            Self::NetworkManager {
                interface: Some(interface),
            } => write!(f, "nm:{interface}"),
            Self::WpaSupplicant {
                interface,
                control: None,
            } => write!(f, "wpa:{interface}"),
            Self::WpaSupplicant {
                interface,
                control: Some(control),
            } => write!(f, "wpa:{interface}:{}", control.display()),
            Self::Simulated { world, name } => write!(f, "sim:{}:{name}", world.display()),
        }
    }
}

/// Opens the radio of choice. Changes nothing yet, but takes away what an earlier process of ours left behind.
///
/// # Errors
/// [`Error::NoRadio`], [`Error::NotAllowed`], or what the backend says.
pub async fn open(choice: &Choice) -> Result<Arc<dyn Radio>, Error> {
    match choice {
        Choice::Simulated { world, name } => Ok(Arc::new(sim::Radio::open(world, name)?)),
        #[cfg(target_os = "linux")]
        Choice::WpaSupplicant { interface, control } => {
            let radio = crate::wpa::Radio::open(interface, control.as_deref()).await?;
            Ok(Arc::new(radio))
        }
        #[cfg(target_os = "linux")]
        Choice::NetworkManager { interface } => {
            let radio = crate::nm::Radio::open(interface.as_deref()).await?;
            Ok(Arc::new(radio))
        }
        #[cfg(target_os = "linux")]
        Choice::Auto => open_any().await,
        #[cfg(not(target_os = "linux"))]
        _ => Err(Error::Unsupported {
            what: "be driven on this system: join by hand",
        }),
    }
}

/// NetworkManager's first radio, else the first interface that wpa_supplicant drives or may drive.
#[cfg(target_os = "linux")]
async fn open_any() -> Result<Arc<dyn Radio>, Error> {
    let by_manager = match crate::nm::Radio::open(None).await {
        Ok(radio) => return Ok(Arc::new(radio)),
        Err(error) => error,
    };
    let mut outcome = Err(by_manager);
    for interface in crate::linux::interface::wireless() {
        match crate::wpa::Radio::open(&interface, None).await {
            Ok(radio) => return Ok(Arc::new(radio)),
            Err(error) => {
                tracing::debug!(%interface, %error, "no radio for us");
                outcome = Err(error);
            }
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_what_it_writes() {
        let texts = [
            "auto",
            "nm",
            "nm:wlp2s0",
            "wpa:wlan0",
            "wpa:wlan0:/tmp/w:x",
            "sim:/tmp/world:phone",
            "sim:C:/world:camera-1",
        ];
        for text in texts {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
        }
        let unnamed = "sim:/tmp/world".parse::<Choice>().unwrap();
        assert_eq!(unnamed.to_string(), "sim:/tmp/world:radio");
    }

    #[test]
    fn a_text_that_names_no_radio_is_refused() {
        for text in [
            "",
            "auto:",
            "nm:",
            "wpa",
            "wpa:",
            "wpa::/run",
            "sim",
            "sim:",
            "wifi",
        ] {
            assert!(text.parse::<Choice>().is_err(), "{text}");
        }
    }
}
