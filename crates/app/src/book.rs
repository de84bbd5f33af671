//! What is saved: cameras, settings, the gateway's key and port, last pictures.

use crate::api::{CameraKey, Failure, FailureCode, Settings};
use crate::store::{Store, make_private, not_written, write_private};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use wire::address::Address;
use wire::id::PeerId;

/// Addresses remembered for one camera, the one that worked last first.
const MAX_ADDRESSES: usize = 8;

/// A camera as saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// Its key in this app.
    pub key: CameraKey,
    /// Its public key, 64 hex digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its room, may be empty.
    #[serde(default)]
    pub room: String,
    /// Relays that reach it, URLs.
    #[serde(default)]
    pub relays: Vec<String>,
    /// Addresses that reached it, the newest first.
    #[serde(default)]
    pub addresses: Vec<SocketAddr>,
    /// When it was last connected, unix ms; 0 = never.
    #[serde(default)]
    pub last_seen: u64,
    /// When its thumbnail was taken, unix ms; 0 = there is none.
    #[serde(default)]
    pub thumbnail: u64,
    /// Its name at the hub that paired it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<HubName>,
}

/// A camera's name at a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HubName {
    /// Its product's id.
    pub product_id: String,
    /// Its name within the product.
    pub device_name: String,
}

impl HubName {
    /// The same as the hub takes it; absent if it was damaged.
    pub fn device(&self) -> Option<hub::Device> {
        hub::Device::new(&self.product_id, &self.device_name).ok()
    }
}

impl From<&hub::Device> for HubName {
    fn from(device: &hub::Device) -> Self {
        Self {
            product_id: device.product_id.to_string(),
            device_name: device.device_name.to_string(),
        }
    }
}

impl Saved {
    /// How to reach it; absent if the id was damaged.
    pub fn address(&self) -> Option<Address> {
        let id: PeerId = self.id.parse().ok()?;
        Some(Address {
            id,
            relays: self.relays.clone(),
            addrs: self.addresses.clone(),
        })
    }
}

/// Everything saved, behind one lock, written through to the store.
pub struct Book {
    store: Box<dyn Store>,
    thumbnails: PathBuf,
    pages: Mutex<Pages>,
    notice: Option<Failure>,
    /// What could not be read at the start and is kept elsewhere: it leaves the list with the next change.
    aside: Vec<Value>,
}

struct Pages {
    cameras: Vec<Saved>,
    settings: Settings,
}

impl Book {
    /// Reads what is saved. Entries that cannot be read are moved to the store's key `unreadable` and reported by
    /// [`Book::notice`].
    pub fn open(store: Box<dyn Store>, data_dir: &Path) -> Self {
        let mut unreadable = Vec::new();
        let cameras = match store.get("cameras") {
            Some(saved) => {
                let (cameras, strange) = read_list(&saved);
                unreadable.extend(strange);
                cameras
            }
            None => Vec::new(),
        };
        let settings = store
            .get("settings")
            .and_then(|value| keep(value, &mut unreadable))
            .unwrap_or_default();
        let mut notice = store.damage();
        if !unreadable.is_empty() {
            notice.get_or_insert_with(|| {
                Failure::new(FailureCode::DataUnreadable)
                    .with("path", data_dir.join(crate::store::FILE).display())
                    .with("kept", "unreadable")
                    .detail(format!("{} entries have the wrong shape", unreadable.len()))
            });
            if let Err(failure) = store.set("unreadable", Value::Array(unreadable.clone())) {
                tracing::warn!(
                    detail = failure.detail,
                    "unreadable entries could not be kept"
                );
            }
        }
        let pages = Mutex::new(Pages { cameras, settings });
        Self {
            store,
            thumbnails: data_dir.join("thumbnails"),
            pages,
            notice,
            aside: unreadable,
        }
    }

    /// What was wrong with the saved data.
    pub fn notice(&self) -> Option<Failure> {
        self.notice.clone()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All cameras, in the order they were added.
    pub fn cameras(&self) -> Vec<Saved> {
        self.pages().cameras.clone()
    }

    /// The camera of that key.
    pub fn camera(&self, key: &str) -> Option<Saved> {
        self.pages()
            .cameras
            .iter()
            .find(|camera| camera.key == key)
            .cloned()
    }

    /// The camera of that public key.
    pub fn by_id(&self, id: &PeerId) -> Option<Saved> {
        let id = id.to_string();
        self.pages()
            .cameras
            .iter()
            .find(|camera| camera.id == id)
            .cloned()
    }

    /// The camera a person means: by key, by name (in any case), or by the start of its public key (6 digits or more).
    pub fn meant(&self, text: &str) -> Option<Saved> {
        let pages = self.pages();
        let find = |wanted: &dyn Fn(&Saved) -> bool| {
            let mut found = pages.cameras.iter().filter(|camera| wanted(camera));
            match (found.next(), found.next()) {
                (Some(one), None) => Some(one.clone()),
                _ => None,
            }
        };
        let lower = text.to_lowercase();
        find(&|camera| camera.key == text)
            .or_else(|| find(&|camera| camera.name.to_lowercase() == lower))
            .or_else(|| {
                (text.len() >= 6)
                    .then(|| find(&|camera| camera.id.starts_with(&lower)))
                    .flatten()
            })
    }

    /// Saves a new camera under a key made from its name.
    ///
    /// # Errors
    /// [`FailureCode::CameraAlreadyAdded`], [`FailureCode::FileNotWritten`].
    pub fn add(&self, address: &Address, name: &str, room: &str) -> Result<Saved, Failure> {
        let id = address.id.to_string();
        self.rewrite(|cameras| {
            if let Some(there) = cameras.iter().find(|camera| camera.id == id) {
                return Err(
                    Failure::new(FailureCode::CameraAlreadyAdded).with("camera", &there.name)
                );
            }
            let saved = Saved {
                key: free_key(name, cameras),
                id: id.clone(),
                name: name.to_owned(),
                room: room.to_owned(),
                relays: address.relays.clone(),
                addresses: address.addrs.clone(),
                last_seen: now_ms(),
                thumbnail: 0,
                device: None,
            };
            cameras.push(saved.clone());
            Ok((saved, true))
        })
    }

    /// Changes a camera; `change` returns whether anything is to be written.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`], [`FailureCode::FileNotWritten`].
    pub fn change(
        &self,
        key: &str,
        change: impl FnOnce(&mut Saved) -> bool,
    ) -> Result<Saved, Failure> {
        self.rewrite(|cameras| {
            let saved = cameras
                .iter_mut()
                .find(|camera| camera.key == key)
                .ok_or_else(|| unknown(key))?;
            let mut fresh = saved.clone();
            let changed = change(&mut fresh);
            if changed {
                *saved = fresh.clone();
            }
            Ok((fresh, changed))
        })
    }

    /// Remembers addresses at which the camera was seen, the newest first, and relays beside those known.
    pub fn learn(&self, key: &str, addresses: &[SocketAddr], relays: &[String]) {
        let learnt = self.change(key, |saved| {
            let mut merged = addresses.to_vec();
            merged.extend(
                saved
                    .addresses
                    .iter()
                    .filter(|known| !addresses.contains(known)),
            );
            merged.truncate(MAX_ADDRESSES);
            let moved = merged != saved.addresses;
            saved.addresses = merged;
            wire::relay::merge(&mut saved.relays, relays, MAX_ADDRESSES) || moved
        });
        if let Err(failure) = learnt {
            tracing::warn!(camera = key, detail = failure.detail, "addresses not saved");
        }
    }

    /// Forgets a camera and its thumbnail.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`], [`FailureCode::FileNotWritten`].
    pub fn remove(&self, key: &str) -> Result<Saved, Failure> {
        let saved = self.rewrite(|cameras| {
            let place = cameras
                .iter()
                .position(|camera| camera.key == key)
                .ok_or_else(|| unknown(key))?;
            Ok((cameras.remove(place), true))
        })?;
        let _ = std::fs::remove_file(self.thumbnail_path(key));
        Ok(saved)
    }

    /// Changes the list of cameras as it is saved now: another program may have added or removed some. `change` gives
    /// whether anything is to be written. Entries that another version has added and
    /// this one cannot read stay.
    fn rewrite<T>(
        &self,
        change: impl FnOnce(&mut Vec<Saved>) -> Result<(T, bool), Failure>,
    ) -> Result<T, Failure> {
        let mut pages = self.pages();
        let (mut change, mut outcome) = (Some(change), None);
        let mut cameras = pages.cameras.clone();
        let written = self.store.update("cameras", &mut |saved| {
            let strange = match saved {
                Some(saved) => {
                    let (fresh, mut strange) = read_list(saved);
                    strange.retain(|entry| !self.aside.contains(entry));
                    // What is saved holds, also if the change below is refused.
                    pages.cameras.clone_from(&fresh);
                    cameras = fresh;
                    strange
                }
                None => Vec::new(),
            };
            let Some(change) = change.take() else {
                return Ok(None);
            };
            let (result, changed) = change(&mut cameras)?;
            outcome = Some(result);
            Ok(changed.then(|| {
                let entries = cameras
                    .iter()
                    .filter_map(|camera| serde_json::to_value(camera).ok());
                entries.chain(strange).collect()
            }))
        });
        written?;
        pages.cameras = cameras;
        outcome.ok_or_else(|| crate::fail::internal("the store made no change"))
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.pages().settings.clone()
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`].
    pub fn set_settings(&self, settings: &Settings) -> Result<(), Failure> {
        let mut pages = self.pages();
        self.store.set(
            "settings",
            serde_json::to_value(settings).unwrap_or_default(),
        )?;
        pages.settings = settings.clone();
        Ok(())
    }

    /// A value of this app's own, such as the gateway's key and port.
    pub fn value<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_value(self.store.get(key)?).ok()
    }

    /// Saves a value of this app's own.
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`].
    pub fn set_value<T: Serialize>(&self, key: &str, value: &T) -> Result<(), Failure> {
        self.store
            .set(key, serde_json::to_value(value).unwrap_or_default())
    }

    /// The saved value of this app's own, if it `holds`; else `fresh`, which is saved.
    ///
    /// # Errors
    /// [`FailureCode::FileNotWritten`].
    pub fn value_or<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        fresh: T,
        holds: impl Fn(&T) -> bool,
    ) -> Result<T, Failure> {
        let mut kept = None;
        self.store.update(key, &mut |saved| {
            let saved = saved.and_then(|saved| serde_json::from_value(saved.clone()).ok());
            kept = saved.filter(&holds);
            Ok(match kept {
                Some(_) => None,
                None => Some(serde_json::to_value(&fresh).unwrap_or_default()),
            })
        })?;
        Ok(kept.unwrap_or(fresh))
    }

    /// Where a camera's last picture is kept.
    pub fn thumbnail_path(&self, key: &str) -> PathBuf {
        self.thumbnails.join(format!("{key}.jpg"))
    }

    /// Saves a camera's last picture.
    ///
    /// # Errors
    /// [`FailureCode::CameraUnknown`] if it was removed meanwhile, [`FailureCode::FileNotWritten`].
    pub fn save_thumbnail(&self, key: &str, jpeg: &[u8]) -> Result<(), Failure> {
        if self.camera(key).is_none() {
            return Err(unknown(key));
        }
        let path = self.thumbnail_path(key);
        make_private(&self.thumbnails)?;
        write_private(&path, jpeg).map_err(|error| not_written(&path, &error))?;
        self.change(key, |saved| {
            saved.thumbnail = now_ms();
            true
        })?;
        Ok(())
    }

    /// A camera's last picture and when it was taken, unix ms.
    pub fn thumbnail(&self, key: &str) -> Option<(Vec<u8>, u64)> {
        let saved = self.camera(key)?;
        let jpeg = std::fs::read(self.thumbnail_path(key)).ok()?;
        Some((jpeg, saved.thumbnail))
    }
}

/// Unix time, ms.
pub fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| passed.as_millis() as u64)
}

fn unknown(key: &str) -> Failure {
    Failure::new(FailureCode::CameraUnknown).with("camera", key)
}

/// The cameras of a saved list, and its entries of another shape.
fn read_list(saved: &Value) -> (Vec<Saved>, Vec<Value>) {
    let mut strange = Vec::new();
    let cameras = match saved {
        Value::Array(entries) => entries
            .iter()
            .filter_map(|entry| keep(entry.clone(), &mut strange))
            .collect(),
        other => {
            strange.push(other.clone());
            Vec::new()
        }
    };
    (cameras, strange)
}

fn keep<T: DeserializeOwned>(entry: Value, unreadable: &mut Vec<Value>) -> Option<T> {
    match serde_json::from_value(entry.clone()) {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::warn!(%error, "a saved entry cannot be read");
            unreadable.push(entry);
            None
        }
    }
}

/// A key of lower-case letters, digits and dashes that no camera has.
fn free_key(name: &str, cameras: &[Saved]) -> CameraKey {
    let words: Vec<_> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let mut base = words.join("-");
    base.truncate(32);
    let base = match base.trim_end_matches('-') {
        "" => "camera",
        base => base,
    };
    let taken = |key: &str| cameras.iter().any(|camera| camera.key == key);
    if !taken(base) {
        return base.to_owned();
    }
    (2u32..)
        .map(|n| format!("{base}-{n}"))
        .find(|key| !taken(key))
        .unwrap_or_else(|| base.to_owned())
}

#[cfg(test)]
mod tests;
