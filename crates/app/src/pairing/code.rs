//! The code that the camera reads with its own lens. No hotspot is joined; how far the camera is is known only once the
//! hub has heard of it.

use super::flow::{Flow, Handed};
use super::wait::News;
use super::wanted::Home;
use crate::api::{Failure, LensCode, Secret};
use crate::cameras::qr_svg;
use wire::hub::HubAddress;
use wire::qr;
use wire::soft_ap::Join;
use wire::token::Token;

/// The two forms of one code.
#[derive(Clone)]
pub(crate) struct Shown {
    /// JSON: the only one that names a hub.
    pub(crate) code: LensCode,
    /// The documents' text form, unless the network's name is no text.
    pub(crate) short: Option<LensCode>,
}

impl Shown {
    fn new(join: &Join) -> Result<Self, Failure> {
        let drawn = |text: String| -> Result<LensCode, Failure> {
            Ok(LensCode {
                qr_svg: Secret::new(qr_svg(&text)?),
                text: Secret::new(text),
            })
        };
        let short = qr::to_text(join).ok().map(drawn);
        Ok(Self {
            code: drawn(qr::to_json(join))?,
            short: short.transpose()?,
        })
    }
}

impl Flow {
    /// Puts the code on the screen.
    pub(super) fn show_code(
        &self,
        home: &Home,
        token: &Token,
        hub: &HubAddress,
    ) -> Result<Handed, Failure> {
        let join = home.join(token.clone(), hub.clone());
        self.progress.show(Shown::new(&join)?);
        Ok(Handed {
            camera: None,
            news: News::None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same_but_for_the_hub() {
        let mut join = Join::new(
            "客厅".parse().unwrap(),
            Some("abcd1234".parse().unwrap()),
            Token::from_bytes([1; 16]),
        );
        join.hub = Some(HubAddress {
            host: "192.168.1.20".into(),
            mqtt_port: 8883,
            http_port: 8443,
            pin: wire::hub::Pin([1; 32]),
        });
        let shown = Shown::new(&join).unwrap();
        assert_eq!(qr::parse(shown.code.text.expose()), Ok(join.clone()));
        assert!(shown.code.qr_svg.expose().contains("<svg"));
        join.hub = None;
        let short = shown.short.unwrap();
        assert_eq!(qr::parse(short.text.expose()), Ok(join.clone()));
        assert!(short.text.expose().len() < shown.code.text.expose().len() / 2);
        // A name that is no text: only JSON can say it.
        join.ssid = wire::wifi::Ssid::from_bytes([0xff, 0xfe]).unwrap();
        let shown = Shown::new(&join).unwrap();
        assert!(shown.short.is_none());
        assert_eq!(qr::parse(shown.code.text.expose()).unwrap().ssid, join.ssid);
    }
}
