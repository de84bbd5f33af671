//! What was typed, read into types before anything is done.

use crate::api::{Failure, FailureCode, PairingRequest, PairingWay, Secret, WayKind, WifiLogin};
use provision::Redactor;
use std::net::{Ipv4Addr, SocketAddrV4};
use wifi::Target;
use wire::ParseError;
use wire::id::CameraId;
use wire::label::Label;
use wire::soft_ap::{self, Join};
use wire::token::Token;
use wire::wifi::{Passphrase, Ssid};

/// What a pairing is to do.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) way: Way,
    pub(crate) camera: Option<CameraId>,
    pub(crate) name: Option<String>,
    pub(crate) room: String,
}

/// How the camera is told.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// On its hotspot.
    Hotspot {
        /// That hotspot.
        hotspot: Target,
        /// What it is told.
        home: Home,
    },
    /// By a code for its lens.
    Code(Home),
    /// Where it is.
    OnNetwork {
        /// `None`: where [`Wanted::camera`] is seen.
        address: Option<SocketAddrV4>,
    },
}

/// The network that a camera shall join.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    ssid: Ssid,
    passphrase: Option<Passphrase>,
}

impl Home {
    /// The message that hands everything to the camera.
    pub(crate) fn join(&self, token: Token, hub: wire::hub::HubAddress) -> Join {
        let mut join = Join::new(self.ssid.clone(), self.passphrase.clone(), token);
        join.hub = Some(hub);
        join
    }
}

impl Way {
    fn read(way: &PairingWay, camera: Option<&CameraId>) -> Result<Self, Failure> {
        let home = |network: &WifiLogin| -> Result<Home, Failure> {
            let (ssid, passphrase) = login(network, "network")?;
            Ok(Home { ssid, passphrase })
        };
        Ok(match way {
            PairingWay::Hotspot { hotspot, network } => {
                let (ssid, passphrase) = login(hotspot, "hotspot")?;
                let mut target = Target::new(ssid, passphrase);
                target.hidden = hotspot.hidden;
                Self::Hotspot {
                    hotspot: target,
                    home: home(network)?,
                }
            }
            PairingWay::Code { network } => Self::Code(home(network)?),
            PairingWay::OnNetwork { address } => {
                let address = address.as_deref().map(str::trim);
                let address = address.filter(|text| !text.is_empty());
                if address.is_none() && camera.is_none() {
                    return Err(not_an_address("camera"));
                }
                let address = address.map(|text| {
                    let with_port = text.parse::<SocketAddrV4>().ok();
                    let ip = || text.parse::<Ipv4Addr>().ok();
                    with_port
                        .or_else(|| Some(SocketAddrV4::new(ip()?, soft_ap::PORT)))
                        .ok_or_else(|| not_an_address("address"))
                });
                Self::OnNetwork {
                    address: address.transpose()?,
                }
            }
        })
    }
}

fn not_an_address(part: &str) -> Failure {
    Failure::new(FailureCode::WifiInputInvalid)
        .with("part", part)
        .with("expected", "an IPv4 address, or a camera of this network")
}

impl Wanted {
    /// Reads a request.
    ///
    /// # Errors
    /// [`FailureCode::WifiInputInvalid`] with the part, never with a password.
    pub(crate) fn read(request: &PairingRequest) -> Result<Self, Failure> {
        let camera = request.camera.as_deref().map(str::parse).transpose();
        let camera = camera.map_err(|error: ParseError| invalid("camera", &error))?;
        let filled = |text: &Option<String>| {
            let text = text.as_deref().map(str::trim).unwrap_or_default();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Ok(Self {
            way: Way::read(&request.way, camera.as_ref())?,
            camera,
            name: filled(&request.name),
            room: filled(&request.room).unwrap_or_default(),
        })
    }

    /// Which way, for people.
    pub(crate) fn kind(&self) -> WayKind {
        match self.way {
            Way::Hotspot { .. } => WayKind::Hotspot,
            Way::Code(_) => WayKind::Code,
            Way::OnNetwork { .. } => WayKind::OnNetwork,
        }
    }

    /// Name of the camera's hotspot, if it is told there.
    pub(crate) fn hotspot(&self) -> Option<String> {
        match &self.way {
            Way::Hotspot { hotspot, .. } => Some(hotspot.ssid.to_string()),
            Way::Code(_) | Way::OnNetwork { .. } => None,
        }
    }

    /// The network that the camera shall join; `None`: it stays where it is.
    pub(crate) fn network(&self) -> Option<&Ssid> {
        match &self.way {
            Way::Hotspot { home, .. } | Way::Code(home) => Some(&home.ssid),
            Way::OnNetwork { .. } => None,
        }
    }

    /// What must not stand in a log.
    pub(crate) fn secrets(&self) -> Redactor {
        let mut secrets = Redactor::new();
        let (hotspot, home) = match &self.way {
            Way::Hotspot { hotspot, home } => (hotspot.passphrase.as_ref(), Some(home)),
            Way::Code(home) => (None, Some(home)),
            Way::OnNetwork { .. } => (None, None),
        };
        let home = home.and_then(|home| home.passphrase.as_ref());
        for passphrase in [hotspot, home].into_iter().flatten() {
            secrets.hide(passphrase.as_str());
        }
        secrets
    }
}

fn login(login: &WifiLogin, part: &str) -> Result<(Ssid, Option<Passphrase>), Failure> {
    let ssid = login.ssid.parse();
    let ssid = ssid.map_err(|error| invalid(&format!("{part} name"), &error))?;
    let passphrase = login.passphrase.as_ref().map(Secret::expose);
    let passphrase = passphrase.filter(|text| !text.is_empty()).map(str::parse);
    let passphrase = passphrase.transpose();
    Ok((
        ssid,
        passphrase.map_err(|error| invalid(&format!("{part} password"), &error))?,
    ))
}

fn invalid(part: &str, error: &ParseError) -> Failure {
    Failure::new(FailureCode::WifiInputInvalid)
        .with("part", part)
        .with("expected", error.expected().unwrap_or("1 to 32 bytes"))
        .detail(error)
}

/// Reads what is printed on a camera.
///
/// # Errors
/// [`FailureCode::LabelMalformed`] with the part.
pub(crate) fn label(text: &Secret) -> Result<Label, Failure> {
    text.expose().parse().map_err(|error: ParseError| {
        Failure::new(FailureCode::LabelMalformed)
            .with("part", error.field())
            .with("expected", crate::fail::expected(&error))
            .detail(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(ssid: &str, passphrase: Option<&str>) -> WifiLogin {
        WifiLogin {
            ssid: ssid.into(),
            passphrase: passphrase.map(Secret::new),
            hidden: false,
        }
    }

    fn request(hotspot: WifiLogin, network: WifiLogin) -> PairingRequest {
        over(PairingWay::Hotspot { hotspot, network })
    }

    fn over(way: PairingWay) -> PairingRequest {
        PairingRequest {
            way,
            camera: None,
            name: Some("  ".into()),
            room: None,
        }
    }

    #[test]
    fn a_wrong_part_is_named_and_no_password_shown() {
        let good = || login("Home", Some("abcd1234"));
        for (hotspot, network, part) in [
            (login("", None), good(), "hotspot name"),
            (login("a", Some("short77")), good(), "hotspot password"),
            (good(), login(&"n".repeat(33), None), "network name"),
            (good(), login("Home", Some("short77")), "network password"),
        ] {
            let failure = Wanted::read(&request(hotspot, network)).unwrap_err();
            assert_eq!(
                (failure.code, failure.params["part"].as_str()),
                (FailureCode::WifiInputInvalid, part)
            );
            assert!(!format!("{failure:?}").contains("short77"), "{failure:?}");
        }
    }

    #[test]
    fn an_empty_password_is_an_open_network_and_an_empty_name_none() {
        let open = request(login("Camera", Some("")), login("Home", None));
        let wanted = Wanted::read(&open).unwrap();
        let Way::Hotspot { hotspot, home } = &wanted.way else {
            panic!("{wanted:?}")
        };
        assert!(hotspot.passphrase.is_none() && home.passphrase.is_none());
        assert_eq!(wanted.name, None);
    }

    #[test]
    fn a_camera_on_the_network_is_named_by_its_address_or_its_key() {
        let at = |address: Option<&str>, camera: Option<String>| {
            let mut request = over(PairingWay::OnNetwork {
                address: address.map(str::to_owned),
            });
            request.camera = camera;
            match Wanted::read(&request).map(|wanted| wanted.way) {
                Ok(Way::OnNetwork { address }) => Ok(address.map(|address| address.to_string())),
                Ok(other) => panic!("{other:?}"),
                Err(failure) => Err(failure.code),
            }
        };
        let found = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(at(Some("192.168.1.30"), None), found("192.168.1.30:8266"));
        assert_eq!(at(Some(" 10.0.0.2:99 "), None), found("10.0.0.2:99"));
        assert_eq!(at(None, Some("ab".repeat(32))), Ok(None));
        for wrong in [None, Some("porch"), Some("fe80::1"), Some("")] {
            assert_eq!(
                at(wrong, None),
                Err(FailureCode::WifiInputInvalid),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_label_that_is_none_is_told_without_its_text() {
        let failure = label(&Secret::new("k3v9x2m7qa")).unwrap_err();
        assert_eq!(failure.code, FailureCode::LabelMalformed);
        assert!(!format!("{failure:?}").contains("k3v9x2m7qa"));
    }
}
