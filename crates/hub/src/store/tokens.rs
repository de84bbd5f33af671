//! Pairing tokens: made for an owner's viewer, reported by one camera, used once.

use wire::device::Device;
use wire::token::Token;

use super::{Store, failed};
use crate::Result;

/// Values of the column `state`.
const MADE: i64 = 1;
const REPORTED: i64 = 2;
const REFUSED: i64 = 3;
const BOUND: i64 = 4;

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRow {
    pub(crate) owner: String,
    pub(crate) viewer: String,
    pub(crate) viewer_name: String,
    pub(crate) state: State,
    pub(crate) expires: i64,
}

/// How far a token is, with the camera that reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Made,
    Reported(Device),
    Refused(Device),
    Bound(Device),
}

/// What a camera's report of a token came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// Accepted now, state 2.
    Accepted,
    /// The same camera had reported it before: answered alike, told to nobody.
    Again,
    /// No such token.
    Unknown,
    /// Too late.
    Expired,
    /// Another camera reported it first.
    Taken,
    /// The camera belongs to another owner.
    NotYours,
}

type Row = (
    String,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
    i64,
);

impl Store {
    /// Keeps a new token.
    pub(crate) async fn add_token(
        &self,
        token: &Token,
        owner: &str,
        viewer: (&str, &str),
        now: i64,
        expires: i64,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO tokens (token, owner, viewer, viewer_name, state, created, expires)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(token.as_str())
        .bind(owner)
        .bind(viewer.0)
        .bind(viewer.1)
        .bind(MADE)
        .bind(now)
        .bind(expires)
        .execute(&self.write)
        .await
        .map(drop)
        .map_err(failed("write a token"))
    }

    /// Tokens that this owner has made since `since`.
    pub(crate) async fn tokens_made(&self, owner: &str, since: i64) -> Result<i64> {
        sqlx::query_scalar("SELECT COUNT(*) FROM tokens WHERE owner = $1 AND created > $2")
            .bind(owner)
            .bind(since)
            .fetch_one(&self.read)
            .await
            .map_err(failed("count tokens"))
    }

    /// What is known of this token.
    pub(crate) async fn token(&self, token: &Token) -> Result<Option<TokenRow>> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT owner, viewer, viewer_name, state, product_id, device_name, expires FROM tokens WHERE token = $1",
        )
        .bind(token.as_str())
        .fetch_optional(&self.read)
        .await
        .map_err(failed("read a token"))?;
        Ok(row.map(row_to_token))
    }

    /// Every live token, owner and what became of it; never the token itself.
    pub(crate) async fn live_tokens(&self, now: i64) -> Result<Vec<TokenRow>> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT owner, viewer, viewer_name, state, product_id, device_name, expires FROM tokens
             WHERE expires > $1 ORDER BY created",
        )
        .bind(now)
        .fetch_all(&self.read)
        .await
        .map_err(failed("list the tokens"))?;
        Ok(rows.into_iter().map(row_to_token).collect())
    }

    /// The tokens that may sign a registration now, with their owners: made, or reported by this very camera; newest
    /// first, at most `limit`.
    pub(crate) async fn signing_tokens(
        &self,
        device: &Device,
        now: i64,
        limit: i64,
    ) -> Result<Vec<(String, String)>> {
        sqlx::query_as(
            "SELECT token, owner FROM tokens WHERE expires > $1
             AND (state = $2 OR (state IN ($3, $4) AND product_id = $5 AND device_name = $6))
             ORDER BY created DESC LIMIT $7",
        )
        .bind(now)
        .bind(MADE)
        .bind(REPORTED)
        .bind(BOUND)
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(limit)
        .fetch_all(&self.read)
        .await
        .map_err(failed("list the tokens"))
    }

    /// A camera registers with a token, which then registers no other: `false` if it already did.
    pub(crate) async fn claim_token(&self, token: &str, device: &Device) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE tokens SET product_id = $1, device_name = $2
             WHERE token = $3 AND (product_id IS NULL OR (product_id = $1 AND device_name = $2))",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(token)
        .execute(&self.write)
        .await
        .map_err(failed("note who registers with a token"))?;
        Ok(done.rows_affected() == 1)
    }

    /// A camera reports a token. One statement decides, so that two cameras with the same token cannot both win.
    pub(crate) async fn report_token(
        &self,
        token: &Token,
        device: &Device,
        now: i64,
    ) -> Result<Report> {
        let won = sqlx::query(
            "UPDATE tokens SET product_id = $1, device_name = $2,
                 state = CASE WHEN EXISTS (SELECT 1 FROM devices d WHERE d.product_id = $1 AND d.device_name = $2
                     AND d.owner IS NOT NULL AND d.owner <> tokens.owner) THEN CAST($3 AS BIGINT) ELSE CAST($4 AS BIGINT) END
             WHERE token = $5 AND state = $6 AND expires > $7",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(REFUSED)
        .bind(REPORTED)
        .bind(token.as_str())
        .bind(MADE)
        .bind(now)
        .execute(&self.write)
        .await
        .map_err(failed("note a reported token"))?
        .rows_affected()
            == 1;
        let Some(row) = self.token(token).await? else {
            return Ok(Report::Unknown);
        };
        Ok(match row.state {
            State::Refused(who) if who == *device => Report::NotYours,
            State::Reported(who) | State::Bound(who) if who == *device => {
                if won {
                    Report::Accepted
                } else {
                    Report::Again
                }
            }
            State::Made => Report::Expired,
            State::Reported(_) | State::Refused(_) | State::Bound(_) => Report::Taken,
        })
    }

    /// A reported token is used up by binding its camera to its owner, in one step with the binding's own rows:
    /// `true` if this call did it.
    pub(crate) async fn bind_by_token(
        &self,
        token: &Token,
        row: &TokenRow,
        device: &Device,
        now: i64,
    ) -> Result<bool> {
        let doing = || failed("bind a camera");
        let mut all = self.write.begin().await.map_err(doing())?;
        let used = sqlx::query("UPDATE tokens SET state = $1 WHERE token = $2 AND state = $3")
            .bind(BOUND)
            .bind(token.as_str())
            .bind(REPORTED)
            .execute(&mut *all)
            .await
            .map_err(doing())?
            .rows_affected();
        // Between report and bind the camera may have become another owner's.
        let owned = sqlx::query(
            "UPDATE devices SET owner = $1 WHERE product_id = $2 AND device_name = $3 AND (owner IS NULL OR owner = $1)",
        )
        .bind(&row.owner)
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .execute(&mut *all)
        .await
        .map_err(doing())?
        .rows_affected();
        if used != 1 || owned != 1 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO bindings (product_id, device_name, viewer, name, state, changed) VALUES ($1, $2, $3, $4, 1, $5)
             ON CONFLICT (product_id, device_name, viewer)
             DO UPDATE SET state = 1, name = excluded.name, changed = excluded.changed",
        )
        .bind(device.product_id.as_str())
        .bind(device.device_name.as_str())
        .bind(&row.viewer)
        .bind(&row.viewer_name)
        .bind(now)
        .execute(&mut *all)
        .await
        .map_err(doing())?;
        all.commit().await.map_err(doing())?;
        Ok(true)
    }
}

fn row_to_token(
    (owner, viewer, viewer_name, state, product_id, device_name, expires): Row,
) -> TokenRow {
    let device = product_id
        .zip(device_name)
        .and_then(|(product_id, device_name)| Device::new(&product_id, &device_name).ok());
    let state = match (state, device) {
        (REPORTED, Some(device)) => State::Reported(device),
        (REFUSED, Some(device)) => State::Refused(device),
        (BOUND, Some(device)) => State::Bound(device),
        _ => State::Made,
    };
    TokenRow {
        owner,
        viewer,
        viewer_name,
        state,
        expires,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    fn device(name: &str) -> Device {
        Device::new("ABCDE12345", name).unwrap()
    }

    async fn made(store: &Store, byte: u8) -> Token {
        let token = Token::from_bytes([byte; 16]);
        store.put_owner("home", None, 0).await.unwrap();
        store
            .add_token(&token, "home", ("ab", "Ann"), 100, 200)
            .await
            .unwrap();
        token
    }

    #[tokio::test]
    async fn the_first_camera_wins_and_is_answered_alike_again() {
        let (_dir, store) = store().await;
        let token = made(&store, 1).await;
        let report = |name, now| {
            let (store, token, device) = (store.clone(), token.clone(), device(name));
            async move { store.report_token(&token, &device, now).await.unwrap() }
        };
        assert_eq!(report("cam_01", 150).await, Report::Accepted);
        assert_eq!(report("cam_01", 160).await, Report::Again);
        assert_eq!(report("cam_02", 170).await, Report::Taken);
        let state = store.token(&token).await.unwrap().unwrap().state;
        assert_eq!(state, State::Reported(device("cam_01")));
        let other = Token::from_bytes([9; 16]);
        assert_eq!(
            store
                .report_token(&other, &device("cam_01"), 150)
                .await
                .unwrap(),
            Report::Unknown
        );
    }

    #[tokio::test]
    async fn a_late_report_changes_nothing() {
        let (_dir, store) = store().await;
        let token = made(&store, 1).await;
        let late = store
            .report_token(&token, &device("cam_01"), 200)
            .await
            .unwrap();
        assert_eq!(late, Report::Expired);
        assert_eq!(
            store.token(&token).await.unwrap().unwrap().state,
            State::Made
        );
        assert!(store.live_tokens(200).await.unwrap().is_empty());
        assert_eq!(store.live_tokens(199).await.unwrap().len(), 1);
        store.tidy(200 + 3_600_001).await.unwrap();
        assert_eq!(store.token(&token).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_token_binds_once_and_only_a_known_camera() {
        let (_dir, store) = store().await;
        let token = made(&store, 1).await;
        let cam = device("cam_01");
        store.report_token(&token, &cam, 150).await.unwrap();
        let row = store.token(&token).await.unwrap().unwrap();
        assert!(!store.bind_by_token(&token, &row, &cam, 160).await.unwrap());
        store.put_device(&cam, None, "c2VjcmV0", 150).await.unwrap();
        assert!(store.bind_by_token(&token, &row, &cam, 160).await.unwrap());
        assert!(!store.bind_by_token(&token, &row, &cam, 161).await.unwrap());
        assert_eq!(
            store.token(&token).await.unwrap().unwrap().state,
            State::Bound(cam)
        );
    }

    #[tokio::test]
    async fn another_owners_camera_is_refused() {
        let (_dir, store) = store().await;
        let first = made(&store, 1).await;
        let cam = device("cam_01");
        store.put_device(&cam, None, "c2VjcmV0", 100).await.unwrap();
        store.report_token(&first, &cam, 150).await.unwrap();
        let row = store.token(&first).await.unwrap().unwrap();
        assert!(store.bind_by_token(&first, &row, &cam, 160).await.unwrap());
        store.put_owner("ann", None, 0).await.unwrap();
        let second = Token::from_bytes([2; 16]);
        store
            .add_token(&second, "ann", ("cd", ""), 100, 200)
            .await
            .unwrap();
        assert_eq!(
            store.report_token(&second, &cam, 150).await.unwrap(),
            Report::NotYours
        );
        assert_eq!(
            store.token(&second).await.unwrap().unwrap().state,
            State::Refused(cam)
        );
    }

    #[tokio::test]
    async fn of_two_cameras_at_once_one_wins() {
        let (_dir, store) = store().await;
        for round in 0..20 {
            let token = made(&store, round).await;
            let (one, two) = (device("cam_01"), device("cam_02"));
            let (a, b) = tokio::join!(
                store.report_token(&token, &one, 150),
                store.report_token(&token, &two, 150)
            );
            let mut both = [a.unwrap(), b.unwrap()];
            both.sort_by_key(|report| *report == Report::Taken);
            assert_eq!(both, [Report::Accepted, Report::Taken]);
        }
    }
}
