//! Who may log in over MQTT: devices that sign with their secret.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use provision::credentials::{self, DeviceSecret};
use wire::device::Device;
use wire::login::{Password, Username};

use crate::broker::{Decision, Login, Rules};
use crate::limit::{Limiter, household};
use crate::metrics::Metrics;
use crate::store::{Store, now_ms};

/// Checks logins against the registry.
pub(crate) struct Gate {
    store: Store,
    metrics: Arc<Metrics>,
    refused: Limiter<(IpAddr, String)>,
}

impl Gate {
    pub(crate) fn new(store: Store, metrics: Arc<Metrics>, wrong_per_minute: u32) -> Self {
        Self {
            store,
            metrics,
            refused: Limiter::new(wrong_per_minute),
        }
    }

    async fn check(&self, login: &Login) -> Decision {
        match credentials_of(login) {
            Some((username, password)) => self.check_password(username, password).await,
            None => Decision::WrongCredentials,
        }
    }

    async fn check_password(&self, username: Username, password: Password) -> Decision {
        let is_over = username.expiry < u64::try_from(now_ms() / 1000).unwrap_or(0);
        let secret = match self.store.device_secret(&username.device).await {
            Ok(secret) => secret.and_then(|text| text.parse::<DeviceSecret>().ok()),
            Err(error) => {
                tracing::error!(%error, "a login cannot be checked");
                return Decision::Unavailable;
            }
        };
        match secret {
            Some(secret) if !is_over && credentials::is_password(&secret, &username, &password) => {
                Decision::Admit(username.device)
            }
            _ => Decision::WrongCredentials,
        }
    }
}

/// User name and password, if they have the documents' form and the name is the client id's.
fn credentials_of(login: &Login) -> Option<(Username, Password)> {
    let username: Username = login.username.parse().ok()?;
    let password = std::str::from_utf8(&login.password).ok()?.parse().ok()?;
    let device = Device::from_client_id(&login.client_id).ok()?;
    (device == username.device).then_some((username, password))
}

#[async_trait]
impl Rules for Gate {
    async fn login(&self, login: &Login) -> Decision {
        let key = (household(login.peer), login.client_id.clone());
        let now = Instant::now();
        if self.refused.is_spent(&key, now) {
            self.metrics.logins_refused.add();
            return Decision::NotAuthorized;
        }
        let decision = self.check(login).await;
        match &decision {
            Decision::Admit(_) => self.metrics.logins.add(),
            Decision::Unavailable => {}
            Decision::WrongCredentials | Decision::NotAuthorized => {
                self.metrics.logins_refused.add();
                self.refused.count(&key, now);
            }
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;
    use wire::login::{Method, NEVER};

    fn login(secret: &DeviceSecret, device: &Device, expiry: u64, method: Method) -> Login {
        let username = Username {
            device: device.clone(),
            sdk_app_id: wire::login::SDK_APP_ID,
            conn_id: "a1B2c".into(),
            expiry,
        };
        let password = credentials::password(secret, &username, method);
        Login {
            client_id: device.client_id(),
            username: username.to_string(),
            password: password.to_text().into(),
            peer: [127, 0, 0, 1].into(),
        }
    }

    #[tokio::test]
    async fn a_device_gets_in_with_its_secret_and_nothing_else() {
        let (_dir, store) = store().await;
        let cam = Device::new("ABCDE12345", "cam_01").unwrap();
        let secret = DeviceSecret::from_bytes(&[7; 16]);
        store
            .put_device(&cam, None, secret.as_str(), 1)
            .await
            .unwrap();
        let gate = Gate::new(store, Arc::default(), 100);
        for method in [Method::HmacSha256, Method::HmacSha1] {
            let good = login(&secret, &cam, NEVER, method);
            assert_eq!(gate.login(&good).await, Decision::Admit(cam.clone()));
        }
        let method = Method::HmacSha256;
        let good = login(&secret, &cam, NEVER, method);
        let mut wrong = vec![
            login(&DeviceSecret::from_bytes(&[8; 16]), &cam, NEVER, method),
            login(&secret, &cam, 1_700_000_000, method),
            login(
                &secret,
                &Device::new("ABCDE12345", "cam_02").unwrap(),
                NEVER,
                method,
            ),
        ];
        for change in [
            |login: &mut Login| login.client_id = "ABCDE12345cam_02".into(),
            |login: &mut Login| login.client_id = String::new(),
            |login: &mut Login| login.username = String::new(),
            |login: &mut Login| login.username.push('0'),
            |login: &mut Login| login.password = bytes::Bytes::new(),
            |login: &mut Login| login.password = bytes::Bytes::from_static(b"\xff\xfe;hmacsha256"),
            |login: &mut Login| login.password = bytes::Bytes::from_static(b";hmacsha256"),
        ] {
            let mut bad = good.clone();
            change(&mut bad);
            wrong.push(bad);
        }
        for bad in wrong {
            assert_eq!(
                gate.login(&bad).await,
                Decision::WrongCredentials,
                "{bad:?}"
            );
        }
    }

    #[tokio::test]
    async fn guessing_is_stopped_for_that_device_at_that_address() {
        let (_dir, store) = store().await;
        let cam = Device::new("ABCDE12345", "cam_01").unwrap();
        let secret = DeviceSecret::from_bytes(&[7; 16]);
        store
            .put_device(&cam, None, secret.as_str(), 1)
            .await
            .unwrap();
        let gate = Gate::new(store, Arc::default(), 3);
        let good = login(&secret, &cam, NEVER, Method::HmacSha256);
        let mut bad = good.clone();
        bad.password = bytes::Bytes::from_static(b"00;hmacsha256");
        for _ in 0..3 {
            assert_eq!(gate.login(&bad).await, Decision::WrongCredentials);
        }
        assert_eq!(gate.login(&good).await, Decision::NotAuthorized);
        let elsewhere = Login {
            peer: [127, 0, 0, 2].into(),
            ..good
        };
        assert_eq!(gate.login(&elsewhere).await, Decision::Admit(cam));
    }
}
