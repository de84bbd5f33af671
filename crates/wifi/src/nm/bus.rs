//! NetworkManager's objects over D-Bus: calls, properties, and errors as ours.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::message::{Message, Type};
use zbus::proxy::{CacheProperties, MethodFlags, Proxy};
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type as Signed};
use zbus::{Connection, MatchRule, MessageStream};

use super::BACKEND;
use crate::Error;

pub(super) const NAME: &str = "org.freedesktop.NetworkManager";
pub(super) const ROOT: &str = "/org/freedesktop/NetworkManager";
pub(super) const SETTINGS_ROOT: &str = "/org/freedesktop/NetworkManager/Settings";
pub(super) const ACTIVE: &str = "org.freedesktop.NetworkManager.Connection.Active";
pub(super) const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
pub(super) const WIRELESS: &str = "org.freedesktop.NetworkManager.Device.Wireless";
pub(super) const ACCESS_POINT: &str = "org.freedesktop.NetworkManager.AccessPoint";
pub(super) const IP4_CONFIG: &str = "org.freedesktop.NetworkManager.IP4Config";
pub(super) const DHCP4_CONFIG: &str = "org.freedesktop.NetworkManager.DHCP4Config";
pub(super) const SETTINGS: &str = "org.freedesktop.NetworkManager.Settings";
pub(super) const PROFILE: &str = "org.freedesktop.NetworkManager.Settings.Connection";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// An object's path.
pub(super) type Path = OwnedObjectPath;
/// An object's properties.
pub(super) type Properties = HashMap<String, OwnedValue>;

/// One connection to the bus. What NetworkManager binds to it ends when the last copy is dropped.
#[derive(Debug, Clone)]
pub(super) struct Bus {
    connection: Connection,
}

impl Bus {
    /// Connects to the system's bus, or to the one at an address.
    pub(super) async fn open(address: Option<&str>) -> Result<Self, Error> {
        let builder = match address {
            Some(address) => zbus::connection::Builder::address(address),
            None => zbus::connection::Builder::system(),
        };
        let connected = match builder {
            Ok(builder) => builder.build().await,
            Err(error) => Err(error),
        };
        let connection = connected.map_err(|error| Error::NoRadio {
            looked_for: format!("the system's D-Bus: {error}"),
        })?;
        Ok(Self { connection })
    }

    /// Calls a method. The system may ask the user whether it is allowed.
    pub(super) async fn call<B, R>(
        &self,
        doing: &'static str,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<R, Error>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Signed,
    {
        let called = async {
            let proxy: Proxy<'_> = zbus::proxy::Builder::new(&self.connection)
                .destination(NAME)?
                .path(path)?
                .interface(interface)?
                .cache_properties(CacheProperties::No)
                .build()
                .await?;
            let flags = MethodFlags::AllowInteractiveAuth.into();
            proxy.call_with_flags(method, flags, body).await
        };
        match called.await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(Error::backend(BACKEND, doing, "it gives no reply")),
            Err(error) => Err(failure(doing, &error)),
        }
    }

    /// Reads one property.
    pub(super) async fn get<T>(&self, path: &str, interface: &str, name: &str) -> Result<T, Error>
    where
        T: TryFrom<OwnedValue>,
        T::Error: std::fmt::Display,
    {
        const DOING: &str = "tell a property";
        let value: OwnedValue = self
            .call(DOING, path, PROPERTIES, "Get", &(interface, name))
            .await?;
        T::try_from(value)
            .map_err(|error| Error::backend(BACKEND, DOING, format!("{interface}.{name}: {error}")))
    }

    /// Reads all properties of an interface.
    pub(super) async fn all(&self, path: &str, interface: &str) -> Result<Properties, Error> {
        self.call(
            "tell its properties",
            path,
            PROPERTIES,
            "GetAll",
            &(interface,),
        )
        .await
    }

    /// The signals of one object from now on.
    pub(super) async fn signals(
        &self,
        path: &str,
        interface: &str,
    ) -> Result<MessageStream, Error> {
        let listening = async {
            let rule = MatchRule::builder()
                .msg_type(Type::Signal)
                .sender(NAME)?
                .path(path)?
                .interface(interface)?
                .build();
            MessageStream::for_match_rule(rule, &self.connection, None).await
        };
        listening
            .await
            .map_err(|error: zbus::Error| failure("tell its signals", &error))
    }
}

/// Whether a message is this signal.
pub(super) fn is_signal(message: &Message, name: &str) -> bool {
    message
        .header()
        .member()
        .is_some_and(|member| member.as_str() == name)
}

fn failure(doing: &'static str, error: &zbus::Error) -> Error {
    let (name, text) = match error {
        zbus::Error::MethodError(name, text, _) => {
            (name.as_str(), text.clone().unwrap_or_default())
        }
        other => return Error::backend(BACKEND, doing, other),
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    match last {
        "PermissionDenied" | "AccessDenied" | "InteractiveAuthorizationRequired" => Error::NotAllowed {
            doing,
            allow: "work in a session at the machine itself, or let an administrator add a polkit rule for \
                    org.freedesktop.NetworkManager.*"
                .to_owned(),
        },
        "ServiceUnknown" | "NameHasNoOwner" => Error::NoRadio {
            looked_for: "NetworkManager on the system's D-Bus".to_owned(),
        },
        "UnknownMethod" => Error::Unsupported {
            what: "be driven by a NetworkManager older than 1.16",
        },
        // NetworkManager's texts name settings, never their values.
        _ => Error::backend(BACKEND, doing, format!("{last}: {text}")),
    }
}
