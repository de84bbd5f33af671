//! Viewer keys on their way to cameras and back: what is still to be handed over survives a restart of either end.

use wire::device::Device;

use super::{Store, failed};
use crate::Result;

/// Values of the column `state`.
const TO_BIND: i64 = 1;
const CONFIRMED: i64 = 2;
const TO_UNBIND: i64 = 3;

/// What a camera still has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// `bind_device`: take this viewer key.
    Bind,
    /// `unbind_device`: forget it.
    Unbind,
}

/// One message that a camera has not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) device: Device,
    pub(crate) task: Task,
    /// The viewer's public key, hex.
    pub(crate) viewer: String,
    /// The viewer's name.
    pub(crate) name: String,
    /// When the task was given, unix milliseconds: tells an old confirmation from this one's.
    pub(crate) changed: i64,
}

impl Store {
    /// What cameras that are online have not confirmed yet; `device` narrows it to one.
    pub(crate) async fn deliveries(&self, device: Option<&Device>) -> Result<Vec<Delivery>> {
        let rows: Vec<(String, String, i64, String, String, i64)> = sqlx::query_as(
            "SELECT b.product_id, b.device_name, b.state, b.viewer, b.name, b.changed FROM bindings b
             JOIN devices d ON d.product_id = b.product_id AND d.device_name = b.device_name
             WHERE b.state IN ($1, $2) AND d.online = 1
                 AND ($3 = '' OR (b.product_id = $3 AND b.device_name = $4))
             ORDER BY b.changed",
        )
        .bind(TO_BIND)
        .bind(TO_UNBIND)
        .bind(device.map_or("", |device| device.product_id.as_str()))
        .bind(device.map_or("", |device| device.device_name.as_str()))
        .fetch_all(&self.read)
        .await
        .map_err(failed("list what cameras have to be told"))?;
        let deliveries = rows.into_iter().filter_map(
            |(product_id, device_name, state, viewer, name, changed)| {
                Some(Delivery {
                    device: Device::new(&product_id, &device_name).ok()?,
                    task: if state == TO_BIND {
                        Task::Bind
                    } else {
                        Task::Unbind
                    },
                    viewer,
                    name,
                    changed,
                })
            },
        );
        Ok(deliveries.collect())
    }

    /// The camera confirmed this delivery: `true` if it was still open.
    pub(crate) async fn confirm(&self, delivery: &Delivery, now: i64) -> Result<bool> {
        let statement = match delivery.task {
            Task::Bind => sqlx::query(
                "UPDATE bindings SET state = $1, changed = $2
                 WHERE product_id = $3 AND device_name = $4 AND viewer = $5 AND state = $6 AND changed = $7",
            )
            .bind(CONFIRMED)
            .bind(now),
            Task::Unbind => sqlx::query(
                "DELETE FROM bindings
                 WHERE product_id = $1 AND device_name = $2 AND viewer = $3 AND state = $4 AND changed = $5",
            ),
        };
        let done = statement
            .bind(delivery.device.product_id.as_str())
            .bind(delivery.device.device_name.as_str())
            .bind(&delivery.viewer)
            .bind(match delivery.task {
                Task::Bind => TO_BIND,
                Task::Unbind => TO_UNBIND,
            })
            .bind(delivery.changed)
            .execute(&self.write)
            .await
            .map_err(failed("note what a camera confirmed"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes a camera from its owner: every viewer key it has is to be revoked. `false` if it is not this owner's.
    pub(crate) async fn unbind(&self, device: &Device, owner: &str, now: i64) -> Result<bool> {
        let doing = || failed("unbind a camera");
        let mut all = self.write.begin().await.map_err(doing())?;
        let freed = sqlx::query(
            "UPDATE devices SET owner = NULL WHERE product_id = $1 AND device_name = $2 AND owner = $3",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(owner)
        .execute(&mut *all)
        .await
        .map_err(doing())?
        .rows_affected();
        if freed != 1 {
            return Ok(false);
        }
        sqlx::query("UPDATE bindings SET state = $1, changed = $2 WHERE product_id = $3 AND device_name = $4")
            .bind(TO_UNBIND)
            .bind(now)
            .bind(device.product_id.as_str())
            .bind(device.device_name.as_str())
            .execute(&mut *all)
            .await
            .map_err(doing())?;
        all.commit().await.map_err(doing())?;
        Ok(true)
    }

    /// Whether the camera has taken this viewer's key.
    pub(crate) async fn is_confirmed(&self, device: &Device, viewer: &str) -> Result<bool> {
        let state: Option<i64> = sqlx::query_scalar(
            "SELECT state FROM bindings WHERE product_id = $1 AND device_name = $2 AND viewer = $3",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(viewer)
        .fetch_optional(&self.read)
        .await
        .map_err(failed("read a binding"))?;
        Ok(state == Some(CONFIRMED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;
    use wire::token::Token;

    async fn bound(store: &Store) -> Device {
        let cam = Device::new("ABCDE12345", "cam_01").unwrap();
        store.put_owner("home", None, 0).await.unwrap();
        store.put_device(&cam, None, "x", 1).await.unwrap();
        for (byte, viewer) in [(1, "aa"), (2, "bb")] {
            let token = Token::from_bytes([byte; 16]);
            store
                .add_token(&token, "home", (viewer, "n"), 1, 100)
                .await
                .unwrap();
            store.report_token(&token, &cam, 2).await.unwrap();
            let row = store.token(&token).await.unwrap().unwrap();
            assert!(store.bind_by_token(&token, &row, &cam, 3).await.unwrap());
        }
        cam
    }

    #[tokio::test]
    async fn every_viewer_is_handed_over_once_the_camera_is_there() {
        let (_dir, store) = store().await;
        let cam = bound(&store).await;
        assert!(
            store.deliveries(None).await.unwrap().is_empty(),
            "the camera is away"
        );
        store.set_online(&cam, true, 4).await.unwrap();
        let all = store.deliveries(Some(&cam)).await.unwrap();
        assert_eq!(all.len(), 2);
        assert!(!store.is_confirmed(&cam, "aa").await.unwrap());
        assert!(store.confirm(&all[0], 5).await.unwrap());
        assert!(!store.confirm(&all[0], 6).await.unwrap());
        assert!(store.is_confirmed(&cam, "aa").await.unwrap());
        assert_eq!(store.deliveries(None).await.unwrap(), all[1..]);
        assert_eq!(store.keys_of(&cam).await.unwrap(), ["aa", "bb"]);
        assert!(store.is_bound_key("aa").await.unwrap());
        assert!(!store.is_bound_key("cc").await.unwrap());
    }

    #[tokio::test]
    async fn unbinding_revokes_every_viewer_and_only_the_owner_may() {
        let (_dir, store) = store().await;
        let cam = bound(&store).await;
        store.set_online(&cam, true, 4).await.unwrap();
        let old = store.deliveries(None).await.unwrap().remove(0);
        assert!(!store.unbind(&cam, "ann", 5).await.unwrap());
        assert!(store.unbind(&cam, "home", 5).await.unwrap());
        assert!(!store.unbind(&cam, "home", 6).await.unwrap());
        assert!(
            !store.confirm(&old, 6).await.unwrap(),
            "a late confirmation of the binding"
        );
        let all = store.deliveries(None).await.unwrap();
        assert!(all.iter().all(|one| one.task == Task::Unbind) && all.len() == 2);
        for one in &all {
            assert!(store.confirm(one, 7).await.unwrap());
        }
        assert!(store.deliveries(None).await.unwrap().is_empty());
        assert!(!store.is_bound_key("aa").await.unwrap());
    }
}
