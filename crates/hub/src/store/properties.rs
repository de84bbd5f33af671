//! The last reported values of each camera's thing model.

use wire::device::Device;

use super::{Store, failed};
use crate::Result;

/// Properties that one camera may have: what it reports beyond them is refused, not kept.
pub(crate) const MAX_PROPERTIES: i64 = 128;

impl Store {
    /// Keeps reported values, `(name, JSON)`. `false` if the camera has too many; nothing is kept then.
    pub(crate) async fn put_properties(
        &self,
        device: &Device,
        values: &[(String, String)],
        now: i64,
    ) -> Result<bool> {
        let doing = || failed("keep properties");
        let mut all = self.write.begin().await.map_err(doing())?;
        for (name, value) in values {
            sqlx::query(
                "INSERT INTO properties (product_id, device_name, name, value, updated) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (product_id, device_name, name)
                 DO UPDATE SET value = excluded.value, updated = excluded.updated",
            )
            .bind(device.product_id.as_str())
            .bind(device.device_name.as_str())
            .bind(name)
            .bind(value)
            .bind(now)
            .execute(&mut *all)
            .await
            .map_err(doing())?;
        }
        let kept: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM properties WHERE product_id = $1 AND device_name = $2",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .fetch_one(&mut *all)
        .await
        .map_err(doing())?;
        if kept > MAX_PROPERTIES {
            return Ok(false);
        }
        all.commit().await.map_err(doing())?;
        Ok(true)
    }

    /// A camera's last values: name, JSON, unix milliseconds of the report.
    pub(crate) async fn properties(&self, device: &Device) -> Result<Vec<(String, String, i64)>> {
        sqlx::query_as(
            "SELECT name, value, updated FROM properties WHERE product_id = $1 AND device_name = $2 ORDER BY name",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .fetch_all(&self.read)
        .await
        .map_err(failed("read properties"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    #[tokio::test]
    async fn the_last_value_counts_and_their_number_is_bounded() {
        let (_dir, store) = store().await;
        let cam = Device::new("ABCDE12345", "cam_01").unwrap();
        let one = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert!(store.put_properties(&cam, &one("a", "1"), 1).await.unwrap());
        assert!(store.put_properties(&cam, &one("a", "2"), 2).await.unwrap());
        assert_eq!(
            store.properties(&cam).await.unwrap(),
            [("a".into(), "2".into(), 2)]
        );
        let many: Vec<_> = (0..MAX_PROPERTIES)
            .map(|i| (format!("p{i}"), "0".to_owned()))
            .collect();
        assert!(!store.put_properties(&cam, &many, 3).await.unwrap());
        assert_eq!(store.properties(&cam).await.unwrap().len(), 1);
    }
}
