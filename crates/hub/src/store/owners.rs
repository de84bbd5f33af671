//! Owners: a name, and the hash of the access token that speaks for it.

use super::{Store, failed};
use crate::Result;

impl Store {
    /// Makes an owner, or gives the one of this name another access token; `None` keeps the one there is.
    pub(crate) async fn put_owner(&self, name: &str, hash: Option<&str>, now: i64) -> Result<()> {
        sqlx::query(
            "INSERT INTO owners (name, access_hash, created) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET access_hash = COALESCE(excluded.access_hash, owners.access_hash)",
        )
        .bind(name)
        .bind(hash)
        .bind(now)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(failed("write an owner"))
    }

    /// Takes the access token from an owner: its cameras stay, its apps are locked out. Whether there was one.
    pub(crate) async fn lock_owner(&self, name: &str) -> Result<bool> {
        let done = sqlx::query("UPDATE owners SET access_hash = NULL WHERE name = $1")
            .bind(name)
            .execute(&self.write)
            .await
            .map_err(failed("lock an owner"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The owner whose access token has this hash.
    pub(crate) async fn owner_of(&self, hash: &str) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT name FROM owners WHERE access_hash = $1")
            .bind(hash)
            .fetch_optional(&self.read)
            .await
            .map_err(failed("look up an owner"))
    }

    /// Every owner: name, whether it has an access token, number of its cameras.
    pub(crate) async fn owners(&self) -> Result<Vec<(String, bool, i64)>> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT o.name, CASE WHEN o.access_hash IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END,
                    (SELECT COUNT(*) FROM devices d WHERE d.owner = o.name)
             FROM owners o ORDER BY o.name",
        )
        .fetch_all(&self.read)
        .await
        .map_err(failed("list the owners"))?;
        let owners = rows.into_iter();
        Ok(owners
            .map(|(name, access, cameras)| (name, access == 1, cameras))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::store::tests::store;

    #[tokio::test]
    async fn an_owner_is_found_by_the_hash_until_it_is_locked() {
        let (_dir, store) = store().await;
        store.put_owner("home", None, 1).await.unwrap();
        store.put_owner("ann", Some("aa"), 1).await.unwrap();
        assert_eq!(store.owner_of("aa").await.unwrap().as_deref(), Some("ann"));
        store.put_owner("ann", None, 2).await.unwrap();
        assert_eq!(store.owner_of("aa").await.unwrap().as_deref(), Some("ann"));
        store.put_owner("ann", Some("bb"), 2).await.unwrap();
        assert_eq!(store.owner_of("aa").await.unwrap(), None);
        assert!(store.lock_owner("ann").await.unwrap());
        assert!(!store.lock_owner("nobody").await.unwrap());
        assert_eq!(store.owner_of("bb").await.unwrap(), None);
        let owners = store.owners().await.unwrap();
        assert_eq!(
            owners,
            [("ann".into(), false, 0), ("home".into(), false, 0)]
        );
    }
}
