//! What a driver begins with: who the camera is, what is secret, and what went wrong the last time.

use std::sync::Arc;

use wire::device::Device;
use wire::label::Label;
use wire::soft_ap::Fault;
use wire::xp2p_info::Xp2pInfo;

use super::FAULTS;
use crate::hub_client::Who;
use crate::setup::saved::Saved;
use crate::setup::{Options, PRODUCT_ID, Parts};

pub(super) fn who(options: &Options, parts: &Parts) -> Who {
    let device = options.device.clone().unwrap_or_else(|| {
        let id = parts.camera.to_string();
        let name = format!("cam_{}", &id[..12]);
        match Device::new(PRODUCT_ID, &name) {
            Ok(device) => device,
            Err(error) => unreachable!("hex digits are a device's name: {error}"),
        }
    });
    let endpoint = parts.endpoint.clone();
    Who {
        camera: parts.camera,
        device,
        product_secret: options.product_secret.clone(),
        info: Arc::new(move || {
            let address = endpoint.address();
            if address.addrs.is_empty() && address.relays.is_empty() {
                return String::new();
            }
            let info = Xp2pInfo {
                address: address.to_bytes(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            info.to_string()
        }),
    }
}

/// Keeps everything secret out of the log that whoever is on the hotspot may read.
pub(super) fn hide(log: &provision::Log, label: &Label, saved: &Saved, options: &Options) {
    let passphrases = [
        label.passphrase.as_ref(),
        saved
            .network
            .as_ref()
            .and_then(|network| network.passphrase.as_ref()),
    ];
    for passphrase in passphrases.into_iter().flatten() {
        log.hide(passphrase.as_str());
    }
    if let Some(account) = &saved.account {
        log.hide(account.secret.as_str());
    }
    if let Some(secret) = &options.product_secret {
        log.hide(secret.as_str());
    }
}

/// Errors of the last run, for viewers to be told.
pub(super) fn faults(parts: &Parts) -> Vec<Fault> {
    match parts.dir.read::<Vec<(u16, i32)>>(FAULTS) {
        Ok(faults) => faults
            .unwrap_or_default()
            .into_iter()
            .map(|(id, sub)| Fault { id, sub })
            .collect(),
        Err(error) => {
            tracing::warn!(%error, "old errors are not told");
            Vec::new()
        }
    }
}
