//! A network of ours in wpa_supplicant that is not successful yet.

use std::time::{Duration, Instant};

use super::control::{self, Control};
use super::{MARK, Radio};
use crate::{Error, Passphrase, Ssid};

/// The network; dropped before [`Trial::keep`], it is removed, and what was disabled for it is enabled again.
pub(super) struct Trial<'a> {
    radio: &'a Radio,
    control: &'a Control,
    network: Added,
}

enum Added {
    Nothing,
    /// Asked for, number not known yet.
    Asked,
    Network(u32),
}

impl<'a> Trial<'a> {
    /// Adds a network with this name.
    pub(super) async fn add(
        radio: &'a Radio,
        control: &'a Control,
        ssid: &Ssid,
    ) -> Result<Self, Error> {
        let mut trial = Self {
            radio,
            control,
            network: Added::Asked,
        };
        let reply = control.request("ADD_NETWORK").await?;
        trial.network = Added::Nothing;
        let number = reply.parse().map_err(|_| {
            Error::backend(
                super::BACKEND,
                "add a network",
                format!("it says {reply:?}"),
            )
        })?;
        trial.network = Added::Network(number);
        trial.set("id_str", MARK).await?;
        trial
            .set("ssid", &super::reply::hex(ssid.as_bytes()))
            .await?;
        Ok(trial)
    }

    /// wpa_supplicant's number of the network.
    pub(super) fn network(&self) -> u32 {
        match self.network {
            Added::Network(number) => number,
            Added::Nothing | Added::Asked => u32::MAX,
        }
    }

    /// Sets one of the network's settings.
    pub(super) async fn set(&self, name: &str, value: &str) -> Result<(), Error> {
        let network = self.network();
        self.control
            .order(&format!("SET_NETWORK {network} {name} {value}"))
            .await
    }

    /// Sets the passphrase: text in quotes, of which wpa_supplicant takes the last one for the end; 64 hexadecimal
    /// digits are the key itself.
    pub(super) async fn set_passphrase(&self, passphrase: &Passphrase) -> Result<(), Error> {
        let text = passphrase.as_str();
        match text.len() {
            64 => self.set("psk", text).await,
            _ => self.set("psk", &format!("\"{text}\"")).await,
        }
    }

    /// The network stays.
    pub(super) fn keep(mut self) -> u32 {
        let network = self.network();
        self.network = Added::Nothing;
        network
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        let network = match self.network {
            Added::Nothing => return,
            Added::Network(number) => Some(number),
            Added::Asked => self.late_number(),
        };
        let order = network.map(|number| format!("REMOVE_NETWORK {number}"));
        control::tell(&self.radio.server, order);
        self.radio.give_back();
    }
}

impl Trial<'_> {
    /// The number of a network whose asker has gone meanwhile: wpa_supplicant answers at once, or hangs.
    fn late_number(&self) -> Option<u32> {
        let deadline = Instant::now() + Duration::from_millis(500);
        while Instant::now() < deadline {
            if let Some(reply) = self.control.reply_now() {
                return reply.trim().parse().ok();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}
