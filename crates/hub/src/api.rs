//! The owners' API on the wire: the documents' `tokenapi`, one JSON object each way. Both ends share these types.
//!
//! Fields of our own (`ViewerKey`, `CameraId`, `Confirmed`, …) stand beside the documents' and may be missing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Refusal;

/// Where it is served.
pub(crate) const PATH: &str = "/api/exploreropen/tokenapi";
/// The one family of an owner.
pub(crate) const FAMILY: &str = "default";

/// A request; which fields count depends on `action`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Request {
    pub(crate) action: String,
    pub(crate) request_id: String,
    /// A secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) product_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) family_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Value>,
    /// Ours, with AppCreateDeviceBindToken: the public key that the camera is to admit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) viewer_key: Option<String>,
    /// Ours: what the camera calls that viewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) viewer_name: Option<String>,
}

/// The whole answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    pub(crate) response: Response,
}

/// Its inside: data or an error.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Response {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Failure>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) request_id: String,
}

/// The documents' error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Answer {
    /// Success; the documents put `RequestId` into the data.
    pub(crate) fn good(mut data: Value, request_id: &str) -> Self {
        if let Value::Object(fields) = &mut data {
            fields.insert("RequestId".into(), request_id.into());
        }
        let response = Response {
            data: Some(data),
            ..Response::default()
        };
        Self { response }
    }

    /// Refused.
    pub(crate) fn refused(refusal: Refusal, request_id: &str) -> Self {
        let response = Response {
            error: Some(Failure {
                code: refusal.code().to_owned(),
                message: refusal.text().to_owned(),
            }),
            request_id: request_id.to_owned(),
            ..Response::default()
        };
        Self { response }
    }
}

/// Data of AppCreateDeviceBindToken.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NewToken {
    pub(crate) token: String,
    /// Ours: seconds it lives.
    pub(crate) expires_in: u64,
}

/// Data of AppGetDeviceBindTokenState.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct State {
    /// 1 made, 2 reported.
    pub(crate) state: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) product_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_name: Option<String>,
    /// Ours: `refused` or `bound`, where the documents' two states say too little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<String>,
}

/// Data of AppTokenBindDeviceFamily: the documents have nothing here, all of it is ours.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BoundData {
    pub(crate) product_id: String,
    pub(crate) device_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) camera_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) xp2p_info: Option<String>,
    pub(crate) confirmed: bool,
}

/// Data of AppGetFamilyDeviceList.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeviceList {
    pub(crate) total: usize,
    pub(crate) device_list: Vec<Listed>,
}

/// One camera of the list.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    pub(crate) device_id: String,
    pub(crate) product_id: String,
    pub(crate) device_name: String,
    pub(crate) family_id: String,
    /// 1 online, 0 not.
    pub(crate) online: u8,
    #[serde(default)]
    pub(crate) seen_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) camera_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) xp2p_info: Option<String>,
    #[serde(default)]
    pub(crate) confirmed: bool,
}
