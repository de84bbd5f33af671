//! What the hub's keeper does to its database, also while the hub runs: owners, products, devices, lists.

use provision::credentials::{DeviceSecret, ProductSecret};
use wire::device::{Device, ProductId};
use wire::hub::HubAddress;

use crate::broker::external;
use crate::client::{AccessToken, Invitation};
use crate::config::Mqtt;
use crate::desk::DeviceState;
use crate::http::tokenapi::access_hash;
use crate::hub::HOME;
use crate::hub::core::local_address;
use crate::registration::fresh_secret;
use crate::store::{State, Store, now_ms};
use crate::tls::Identity;
use crate::{Config, Error, Refusal, Result};

/// Longest name of an owner, bytes.
const MAX_OWNER: usize = 64;

/// A hub's database and identity without the hub.
#[derive(Debug)]
pub struct Keeper {
    config: Config,
    identity: Identity,
    store: Store,
}

/// An owner in the keeper's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Whether an access token speaks for it; the hub's own owner needs none.
    pub has_access: bool,
    /// Number of its cameras.
    pub cameras: i64,
}

/// A pairing token in the keeper's list; never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveToken {
    /// Whose attempt it is.
    pub owner: String,
    /// `made`, `reported`, `refused`, `bound`.
    pub state: &'static str,
    /// The camera that reported it.
    pub device: Option<Device>,
    /// Seconds until it expires.
    pub expires_in: i64,
}

impl Keeper {
    /// Opens, or makes, what `config` names.
    ///
    /// # Errors
    /// As [`Hub::start`](crate::Hub::start).
    pub async fn open(config: &Config) -> Result<Self> {
        let identity = Identity::load_or_create(&config.dir)?;
        let store = Store::open(&config.database, &config.dir).await?;
        store.put_owner(HOME, None, now_ms()).await?;
        Ok(Self {
            config: config.clone(),
            identity,
            store,
        })
    }

    /// Where cameras and apps reach the hub, by its configuration; a hub that takes any port has to have run once.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn address(&self) -> Result<HubAddress> {
        let mqtt = match &self.config.mqtt {
            Mqtt::Embedded(address) => address.port(),
            Mqtt::External(url) => {
                let url: Result<external::Url, _> = url.parse();
                url.map_or(wire::hub::MQTT_PORT, |url| url.port())
            }
        };
        let port = async |configured: u16, name| {
            if configured != 0 {
                return Ok(configured);
            }
            let text = self.store.setting(name).await?;
            Ok::<_, Error>(text.and_then(|text| text.parse().ok()).unwrap_or(0))
        };
        Ok(HubAddress {
            host: match &self.config.host {
                Some(host) => host.clone(),
                None => local_address().to_string(),
            },
            mqtt_port: port(mqtt, crate::hub::MQTT_PORT).await?,
            http_port: port(self.config.http.port(), crate::hub::HTTP_PORT).await?,
            pin: *self.identity.pin(),
        })
    }

    /// Makes an owner, or gives the one of this name a new access token; the old one ends with it.
    ///
    /// # Errors
    /// [`Error::Config`] for a name that is empty or too long, [`Error::Store`].
    pub async fn add_owner(&self, name: &str) -> Result<Invitation> {
        let is_name = (1..=MAX_OWNER).contains(&name.len()) && !name.chars().any(char::is_control);
        if !is_name {
            return Err(Error::Config {
                field: "owner's name".into(),
                got: format!("{} bytes", name.len()),
                expected: "1 to 64 bytes without control characters",
            });
        }
        let access = AccessToken::random()?;
        let hash = access_hash(access.as_str());
        self.store.put_owner(name, Some(&hash), now_ms()).await?;
        Ok(Invitation {
            hub: self.address().await?,
            access,
        })
    }

    /// Ends an owner's access token; its cameras stay its own. `false` if there is no such owner.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn lock_owner(&self, name: &str) -> Result<bool> {
        self.store.lock_owner(name).await
    }

    /// Every owner, by name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn owners(&self) -> Result<Vec<Owner>> {
        let owners = self.store.owners().await?.into_iter();
        let owners = owners.map(|(name, has_access, cameras)| Owner {
            name,
            has_access,
            cameras,
        });
        Ok(owners.collect())
    }

    /// Makes a product, or gives the one there is this secret, with which its cameras register.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn add_product(
        &self,
        product_id: &ProductId,
        secret: Option<&ProductSecret>,
    ) -> Result<()> {
        let secret = secret.map(ProductSecret::as_str);
        self.store
            .put_product(product_id.as_str(), secret, now_ms())
            .await
    }

    /// Makes a camera that needs no registration and returns its secret; `secret` is made if it is not given.
    ///
    /// # Errors
    /// [`Refusal::BoundToAnother`] if a camera registered this name with its own key; [`Error::Store`].
    pub async fn add_device(
        &self,
        device: &Device,
        secret: Option<DeviceSecret>,
    ) -> Result<DeviceSecret> {
        let secret = match secret {
            Some(secret) => secret,
            None => fresh_secret()?,
        };
        let now = now_ms();
        self.store
            .put_product(device.product_id.as_str(), None, now)
            .await?;
        if self
            .store
            .put_device(device, None, secret.as_str(), now)
            .await?
        {
            Ok(secret)
        } else {
            Err(Refusal::BoundToAnother.into())
        }
    }

    /// Every camera with its owner, by product and name.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn devices(&self) -> Result<Vec<(DeviceState, Option<String>)>> {
        let rows = self.store.devices().await?.into_iter();
        Ok(rows
            .map(|row| (row.owner.clone(), row))
            .map(|(owner, row)| (row.into(), owner))
            .collect())
    }

    /// Every live pairing token, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn tokens(&self) -> Result<Vec<LiveToken>> {
        let now = now_ms();
        let rows = self.store.live_tokens(now).await?.into_iter();
        let tokens = rows.map(|row| {
            let (state, device) = match row.state {
                State::Made => ("made", None),
                State::Reported(device) => ("reported", Some(device)),
                State::Refused(device) => ("refused", Some(device)),
                State::Bound(device) => ("bound", Some(device)),
            };
            LiveToken {
                owner: row.owner,
                state,
                device,
                expires_in: (row.expires - now) / 1000,
            }
        });
        Ok(tokens.collect())
    }

    /// Closes the database.
    pub async fn close(self) {
        self.store.close().await;
    }
}
