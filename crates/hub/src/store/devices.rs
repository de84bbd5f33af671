//! Products and devices: who may come in, whose it is, and where it is.

use wire::device::Device;

use super::{Store, failed};
use crate::Result;

/// A camera as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceRow {
    pub(crate) device: Device,
    pub(crate) camera: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) online: bool,
    pub(crate) seen: i64,
    pub(crate) xp2p_info: Option<String>,
    /// Whether no viewer key waits to be handed over.
    pub(crate) confirmed: bool,
}

type Row = (
    String,
    String,
    Option<String>,
    Option<String>,
    i64,
    i64,
    Option<String>,
    i64,
);

/// What every list of devices reads; `{}` is its condition.
macro_rules! select_devices {
    ($condition:literal) => {
        concat!(
            "SELECT product_id, device_name, camera, owner, online, seen, xp2p_info,
                 (SELECT COUNT(*) FROM bindings b WHERE b.product_id = devices.product_id
                     AND b.device_name = devices.device_name AND b.state = 1)
             FROM devices ",
            $condition
        )
    };
}

impl Store {
    /// Makes a product or changes its secret. `None` keeps the secret there is.
    pub(crate) async fn put_product(
        &self,
        product_id: &str,
        secret: Option<&str>,
        now: i64,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO products (product_id, secret, created) VALUES ($1, $2, $3)
             ON CONFLICT (product_id) DO UPDATE SET secret = COALESCE(excluded.secret, products.secret)",
        )
        .bind(product_id)
        .bind(secret)
        .bind(now)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(failed("write a product"))
    }

    /// The product's secret; the outer `None` means no such product.
    pub(crate) async fn product_secret(&self, product_id: &str) -> Result<Option<Option<String>>> {
        sqlx::query_scalar("SELECT secret FROM products WHERE product_id = $1")
            .bind(product_id)
            .fetch_optional(&self.read)
            .await
            .map_err(failed("read a product"))
    }

    /// Makes a device or gives it another secret. `camera` is the public key it registers with: `false` when another
    /// key has this name already. A device without a key may take one later, never change it.
    pub(crate) async fn put_device(
        &self,
        device: &Device,
        camera: Option<&str>,
        secret: &str,
        now: i64,
    ) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO devices (product_id, device_name, camera, secret, created) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (product_id, device_name) DO UPDATE
             SET secret = excluded.secret, camera = COALESCE(devices.camera, excluded.camera)
             WHERE devices.camera IS NULL OR devices.camera = excluded.camera",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(camera)
        .bind(secret)
        .bind(now)
        .execute(&self.write)
        .await
        .map_err(failed("write a device"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes the nonce of a registration until `expires`: `false` if it was noted before.
    pub(crate) async fn fresh_nonce(
        &self,
        device: &Device,
        nonce: &str,
        expires: i64,
    ) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO nonces (product_id, device_name, nonce, expires) VALUES ($1, $2, $3, $4)
             ON CONFLICT (product_id, device_name, nonce) DO NOTHING",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(nonce)
        .bind(expires)
        .execute(&self.write)
        .await
        .map_err(failed("note a nonce"))?;
        Ok(done.rows_affected() == 1)
    }

    /// The secret a device signs its login with; `None` if it is not known or has never registered.
    pub(crate) async fn device_secret(&self, device: &Device) -> Result<Option<String>> {
        let secret: Option<Option<String>> = sqlx::query_scalar(
            "SELECT secret FROM devices WHERE product_id = $1 AND device_name = $2",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .fetch_optional(&self.read)
        .await
        .map_err(failed("read a device"))?;
        Ok(secret.flatten())
    }

    /// A device.
    pub(crate) async fn device(&self, device: &Device) -> Result<Option<DeviceRow>> {
        let row: Option<Row> = sqlx::query_as(select_devices!(
            "WHERE product_id = $1 AND device_name = $2"
        ))
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .fetch_optional(&self.read)
        .await
        .map_err(failed("read a device"))?;
        Ok(row.and_then(row_to_device))
    }

    /// An owner's devices, by product and name.
    pub(crate) async fn devices_of(&self, owner: &str) -> Result<Vec<DeviceRow>> {
        let rows: Vec<Row> = sqlx::query_as(select_devices!(
            "WHERE owner = $1 ORDER BY product_id, device_name"
        ))
        .bind(owner)
        .fetch_all(&self.read)
        .await
        .map_err(failed("list the devices"))?;
        Ok(rows.into_iter().filter_map(row_to_device).collect())
    }

    /// All devices, by product and name.
    pub(crate) async fn devices(&self) -> Result<Vec<DeviceRow>> {
        let rows: Vec<Row> = sqlx::query_as(select_devices!("ORDER BY product_id, device_name"))
            .fetch_all(&self.read)
            .await
            .map_err(failed("list the devices"))?;
        Ok(rows.into_iter().filter_map(row_to_device).collect())
    }

    /// Number of devices, of bound ones, and of ones online.
    pub(crate) async fn count_devices(&self) -> Result<(i64, i64, i64)> {
        sqlx::query_as(
            "SELECT COUNT(*), COUNT(owner), (SELECT COUNT(*) FROM devices WHERE online = 1) FROM devices",
        )
        .fetch_one(&self.read)
        .await
        .map_err(failed("count the devices"))
    }

    /// A device came or went.
    pub(crate) async fn set_online(&self, device: &Device, online: bool, now: i64) -> Result<()> {
        sqlx::query(
            "UPDATE devices SET online = $1, seen = $2 WHERE product_id = $3 AND device_name = $4",
        )
        .bind(i64::from(online))
        .bind(now)
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(failed("note who is online"))
    }

    /// Nobody is online: at the start of a hub whose broker is its own.
    pub(crate) async fn all_offline(&self) -> Result<()> {
        sqlx::query("UPDATE devices SET online = 0 WHERE online = 1")
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(failed("note who is online"))
    }

    /// Notes how to reach a device: `true` if it is news.
    pub(crate) async fn set_xp2p_info(&self, device: &Device, xp2p_info: &str) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE devices SET xp2p_info = $1 WHERE product_id = $2 AND device_name = $3
             AND (xp2p_info IS NULL OR xp2p_info <> $1)",
        )
        .bind(xp2p_info)
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .execute(&self.write)
        .await
        .map_err(failed("note an xp2pInfo"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether the relay serves this public key: of a camera that has an owner, or of a viewer that one was handed.
    pub(crate) async fn is_bound_key(&self, key: &str) -> Result<bool> {
        let found: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM devices WHERE camera = $1 AND owner IS NOT NULL)
                  + (SELECT COUNT(*) FROM bindings WHERE viewer = $1 AND state IN (1, 2))",
        )
        .bind(key)
        .fetch_one(&self.read)
        .await
        .map_err(failed("look up a key"))?;
        Ok(found > 0)
    }

    /// The public keys of a camera and of the viewers it was ever handed and has not forgotten.
    pub(crate) async fn keys_of(&self, device: &Device) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT camera FROM devices WHERE product_id = $1 AND device_name = $2 AND camera IS NOT NULL
             UNION SELECT viewer FROM bindings WHERE product_id = $1 AND device_name = $2",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(failed("list a camera's keys"))
    }
}

fn row_to_device(
    (product_id, device_name, camera, owner, online, seen, xp2p_info, waiting): Row,
) -> Option<DeviceRow> {
    Some(DeviceRow {
        device: Device::new(&product_id, &device_name).ok()?,
        camera,
        owner,
        online: online == 1,
        seen,
        xp2p_info,
        confirmed: waiting == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    fn device(name: &str) -> Device {
        Device::new("ABCDE12345", name).unwrap()
    }

    #[tokio::test]
    async fn a_name_belongs_to_the_first_key() {
        let (_dir, store) = store().await;
        let cam = device("cam_01");
        assert!(store.put_device(&cam, Some("aa"), "one", 1).await.unwrap());
        assert!(store.put_device(&cam, Some("aa"), "two", 2).await.unwrap());
        assert!(!store.put_device(&cam, Some("bb"), "bad", 3).await.unwrap());
        assert!(!store.put_device(&cam, None, "bad", 3).await.unwrap());
        assert_eq!(
            store.device_secret(&cam).await.unwrap().as_deref(),
            Some("two")
        );
        let plain = device("plain");
        assert!(store.put_device(&plain, None, "x", 1).await.unwrap());
        assert!(store.put_device(&plain, Some("cc"), "y", 2).await.unwrap());
        assert!(!store.put_device(&plain, Some("dd"), "z", 3).await.unwrap());
        assert_eq!(store.count_devices().await.unwrap(), (2, 0, 0));
        assert_eq!(store.devices().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_nonce_counts_once() {
        let (_dir, store) = store().await;
        let cam = device("cam_01");
        assert!(store.fresh_nonce(&cam, "7", 100).await.unwrap());
        assert!(!store.fresh_nonce(&cam, "7", 100).await.unwrap());
        assert!(
            store
                .fresh_nonce(&device("cam_02"), "7", 100)
                .await
                .unwrap()
        );
        store.tidy(101).await.unwrap();
        assert!(store.fresh_nonce(&cam, "7", 200).await.unwrap());
    }

    #[tokio::test]
    async fn presence_and_xp2p_info_are_kept() {
        let (_dir, store) = store().await;
        let cam = device("cam_01");
        store.put_device(&cam, None, "x", 1).await.unwrap();
        store.set_online(&cam, true, 5).await.unwrap();
        assert!(store.set_xp2p_info(&cam, "XP2Pa%1").await.unwrap());
        assert!(!store.set_xp2p_info(&cam, "XP2Pa%1").await.unwrap());
        assert!(store.set_xp2p_info(&cam, "XP2Pb%1").await.unwrap());
        let row = store.device(&cam).await.unwrap().unwrap();
        assert!(row.online);
        assert_eq!((row.seen, row.xp2p_info.as_deref()), (5, Some("XP2Pb%1")));
        store.all_offline().await.unwrap();
        assert!(!store.device(&cam).await.unwrap().unwrap().online);
        assert_eq!(store.device(&device("none")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_product_keeps_its_secret_until_it_gets_another() {
        let (_dir, store) = store().await;
        assert_eq!(store.product_secret("ABCDE12345").await.unwrap(), None);
        store.put_product("ABCDE12345", None, 1).await.unwrap();
        assert_eq!(
            store.product_secret("ABCDE12345").await.unwrap(),
            Some(None)
        );
        store.put_product("ABCDE12345", Some("s"), 1).await.unwrap();
        store.put_product("ABCDE12345", None, 1).await.unwrap();
        let kept = store.product_secret("ABCDE12345").await.unwrap();
        assert_eq!(kept, Some(Some("s".into())));
    }
}
