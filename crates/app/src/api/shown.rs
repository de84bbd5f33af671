//! `Debug` of what may carry a secret: a pairing link, the gateway's key, a camera's own words, a Wi-Fi password.

use super::{Call, GatewayUrl, Reply};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Fields whose values are not shown, however deep they are.
const SECRET: [&str; 10] = [
    "link",
    "qrSvg",
    "text",
    "url",
    "urls",
    "passphrase",
    "invitation",
    "label",
    "luma",
    "texts",
];

fn show(message: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = serde_json::to_value(message).unwrap_or_default();
    hide(&mut shown);
    write!(f, "{shown}")
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRET.contains(&name.as_str()) {
                    *value = "***".into();
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(hide),
        _ => {}
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self, f)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self, f)
    }
}

impl fmt::Debug for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{
        HubChoice, LensCode, PairingRequest, PairingWay, Secret, Settings, WifiLogin,
    };

    #[test]
    fn secrets_are_not_shown() {
        let secret = || "porthole:ab?secret=gaytemzugu3doobzmfrggzdfmy".to_owned();
        let login = || WifiLogin {
            ssid: "Home".into(),
            passphrase: Some(Secret::new(secret())),
            hidden: false,
        };
        let request = PairingRequest {
            way: PairingWay::Hotspot {
                hotspot: login(),
                network: login(),
            },
            camera: None,
            name: None,
            room: None,
        };
        let settings = Settings {
            hub: HubChoice::External {
                invitation: Secret::new(secret()),
            },
            ..Settings::default()
        };
        let url = GatewayUrl {
            camera: "front".into(),
            url: secret(),
        };
        let shown = [
            format!("{url:?}"),
            format!("{:?}", Call::CheckLink { link: secret() }),
            format!(
                "{:?}",
                Call::AddCamera {
                    link: secret(),
                    name: None,
                    room: None
                }
            ),
            format!(
                "{:?}",
                Reply::Share {
                    link: secret(),
                    qr_svg: secret(),
                    expires_in: 1
                }
            ),
            format!(
                "{:?}",
                Reply::Gateway {
                    on: true,
                    urls: vec![url]
                }
            ),
            format!("{:?}", Reply::Text { text: secret() }),
            format!(
                "{:?}",
                Reply::PairingCode {
                    code: LensCode {
                        text: Secret::new(secret()),
                        qr_svg: Secret::new(secret()),
                    },
                    short: None,
                }
            ),
            format!("{request:?}"),
            format!("{settings:?}"),
            format!("{:?}", Call::StartPairing { request }),
            format!("{:?}", Call::SetSettings { settings }),
            format!(
                "{:?}",
                Call::ReadLabel {
                    label: Secret::new(secret())
                }
            ),
            format!(
                "{:?}",
                Call::ReadCodes {
                    width: 640,
                    luma: Secret::new(secret())
                }
            ),
            format!(
                "{:?}",
                Reply::Codes {
                    texts: vec![Secret::new(secret())]
                }
            ),
        ];
        for shown in shown {
            assert!(
                shown.contains("***") && !shown.contains("secret="),
                "{shown}"
            );
        }
    }
}
