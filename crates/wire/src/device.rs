//! A camera's name at the hub: its product and its name within the product.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;

/// Length of a product's id, in characters.
pub const PRODUCT_ID_CHARS: usize = 10;
/// Longest name of a device, in characters.
pub const MAX_DEVICE_NAME_CHARS: usize = 48;

const MESSAGE: &str = "device";

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $field:literal, $expected:literal, $rule:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let rule: fn(&str) -> bool = $rule;
                if !rule(text) {
                    return Err(ParseError::invalid(MESSAGE, $field, text, $expected));
                }
                Ok(Self(text.to_owned()))
            }
        }
    };
}

name! {
    /// A product's id: 10 letters and digits.
    ProductId, "productId", "10 letters and digits",
    |text| text.len() == PRODUCT_ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

name! {
    /// A device's name within its product: 1 to 48 of letters, digits and `_ : -`.
    DeviceName, "deviceName", "1 to 48 letters, digits, _ : or -",
    |text| (1..=MAX_DEVICE_NAME_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
}

/// Which camera, in the hub's words. Written as `productId/deviceName`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Device {
    /// Its product.
    pub product_id: ProductId,
    /// Its name within the product.
    pub device_name: DeviceName,
}

impl Device {
    /// A device from the texts of both names.
    ///
    /// # Errors
    /// Which of them is wrong.
    pub fn new(product_id: &str, device_name: &str) -> Result<Self, ParseError> {
        Ok(Self {
            product_id: product_id.parse()?,
            device_name: device_name.parse()?,
        })
    }

    /// The MQTT client id: both names without anything between them.
    pub fn client_id(&self) -> String {
        format!("{}{}", self.product_id, self.device_name)
    }

    /// Reads an MQTT client id.
    ///
    /// # Errors
    /// Which of both names is wrong.
    pub fn from_client_id(text: &str) -> Result<Self, ParseError> {
        match text.split_at_checked(PRODUCT_ID_CHARS) {
            Some((product_id, device_name)) => Self::new(product_id, device_name),
            None => Err(ParseError::invalid(
                MESSAGE,
                "clientId",
                text,
                "productId and deviceName without anything between them",
            )),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.product_id, self.device_name)
    }
}

impl FromStr for Device {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.split_once('/') {
            Some((product_id, device_name)) => Self::new(product_id, device_name),
            None => Err(ParseError::invalid(
                MESSAGE,
                "deviceId",
                text,
                "productId/deviceName",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_alphabets_so_that_no_topic_can_be_forged() {
        for good in ["dev_01", "a:b-c", "x", &"n".repeat(48)] {
            assert!(Device::new("ABCDE12345", good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a+", "#", "a b", "名", &"n".repeat(49)] {
            let error = Device::new("ABCDE12345", bad).unwrap_err();
            assert_eq!(error.field(), "deviceName", "{bad}");
        }
        for bad in ["", "ABCDE1234", "ABCDE123456", "ABCDE1234+", "ABCDE1234/"] {
            let error = Device::new(bad, "dev_01").unwrap_err();
            assert_eq!(error.field(), "productId", "{bad}");
        }
    }

    #[test]
    fn client_id_and_path_read_back() {
        let device = Device::new("ABCDE12345", "cam_01").unwrap();
        assert_eq!(device.client_id(), "ABCDE12345cam_01");
        assert_eq!(
            Device::from_client_id(&device.client_id()),
            Ok(device.clone())
        );
        assert_eq!(device.to_string(), "ABCDE12345/cam_01");
        assert_eq!(device.to_string().parse(), Ok(device));
        for bad in ["", "ABC", "ABCDE12345", "ABCDE1234客x"] {
            assert!(Device::from_client_id(bad).is_err(), "{bad}");
        }
    }
}
