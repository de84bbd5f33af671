//! What was typed, read into types before anything is done.

use crate::api::{Failure, FailureCode, PairingRequest, Secret, WifiLogin};
use provision::Redactor;
use wifi::Target;
use wire::ParseError;
use wire::id::CameraId;
use wire::label::Label;
use wire::soft_ap::Join;
use wire::token::Token;
use wire::wifi::{Passphrase, Ssid};

/// What a pairing is to do.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) hotspot: Target,
    pub(crate) network: Ssid,
    passphrase: Option<Passphrase>,
    pub(crate) camera: Option<CameraId>,
    pub(crate) name: Option<String>,
    pub(crate) room: String,
}

impl Wanted {
    /// Reads a request.
    ///
    /// # Errors
    /// [`FailureCode::WifiInputInvalid`] with the part, never with a password.
    pub(crate) fn read(request: &PairingRequest) -> Result<Self, Failure> {
        let (ssid, passphrase) = login(&request.hotspot, "hotspot")?;
        let mut hotspot = Target::new(ssid, passphrase);
        hotspot.hidden = request.hotspot.hidden;
        let (network, passphrase) = login(&request.network, "network")?;
        let camera = request.camera.as_deref().map(str::parse).transpose();
        let camera = camera.map_err(|error: ParseError| invalid("camera", &error))?;
        let filled = |text: &Option<String>| {
            let text = text.as_deref().map(str::trim).unwrap_or_default();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Ok(Self {
            hotspot,
            network,
            passphrase,
            camera,
            name: filled(&request.name),
            room: filled(&request.room).unwrap_or_default(),
        })
    }

    /// What must not stand in a log.
    pub(crate) fn secrets(&self) -> Redactor {
        let mut secrets = Redactor::new();
        let passphrases = [&self.hotspot.passphrase, &self.passphrase];
        for passphrase in passphrases.into_iter().flatten() {
            secrets.hide(passphrase.as_str());
        }
        secrets
    }

    /// The message that hands everything to the camera.
    pub(crate) fn join(&self, token: Token, hub: wire::hub::HubAddress) -> Join {
        let mut join = Join::new(self.network.clone(), self.passphrase.clone(), token);
        join.hub = Some(hub);
        join
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
        PairingRequest {
            hotspot,
            network,
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
        assert!(wanted.hotspot.passphrase.is_none() && wanted.passphrase.is_none());
        assert_eq!(wanted.name, None);
    }

    #[test]
    fn a_label_that_is_none_is_told_without_its_text() {
        let failure = label(&Secret::new("k3v9x2m7qa")).unwrap_err();
        assert_eq!(failure.code, FailureCode::LabelMalformed);
        assert!(!format!("{failure:?}").contains("k3v9x2m7qa"));
    }
}
