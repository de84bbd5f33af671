//! `Debug` of what may carry a secret: a pairing link, the gateway's key, a camera's own words.

use super::{Call, GatewayUrl, Reply};
use serde::Serialize;
use std::fmt;

/// Fields whose values are not shown.
const SECRET: [&str; 5] = ["link", "qrSvg", "text", "url", "urls"];

fn show(message: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = serde_json::to_value(message).unwrap_or_default();
    for name in SECRET {
        if let Some(value) = shown.get_mut(name) {
            *value = "***".into();
        }
    }
    write!(f, "{shown}")
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

    #[test]
    fn secrets_are_not_shown() {
        let secret = || "porthole:ab?secret=gaytemzugu3doobzmfrggzdfmy".to_owned();
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
        ];
        for shown in shown {
            assert!(
                shown.contains("***") && !shown.contains("secret="),
                "{shown}"
            );
        }
    }
}
