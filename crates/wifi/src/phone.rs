//! The seam for phones: the app's plugin answers a [`Bridge`], and [`radio`] makes a [`Radio`] of it.
//!
//! Phones let an app do little: join one network for itself (Android `WifiNetworkSpecifier`, iOS
//! `NEHotspotConfiguration`), leave it, and on Android list what is in range. They return to the user's network alone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{AccessPoint, Before, Capabilities, Error, Joined, Network, Radio, RunningAp, Target};

/// What a phone's plugin can do. Every call is one call of the plugin; errors are [`Error`]s, `backend` is `the phone`.
#[async_trait]
pub trait Bridge: Send + Sync + 'static {
    /// Whether [`Bridge::scan`] works (Android).
    fn scans(&self) -> bool;
    /// The networks in range; the system may answer with an older list.
    async fn scan(&self) -> Result<Vec<Network>, Error>;
    /// Joins a network for this app. The system may ask the user, so this may take as long as the user does.
    async fn join(&self, target: &Target) -> Result<Joined, Error>;
    /// Gives up a join, also one under way. Must not wait.
    fn leave(&self);
    /// The network that the app's sockets use, as far as the system tells.
    async fn current(&self) -> Result<Option<Joined>, Error>;
}

/// A radio out of a plugin.
pub fn radio(bridge: impl Bridge) -> Arc<dyn Radio> {
    Arc::new(Phone {
        bridge,
        operation: tokio::sync::Mutex::default(),
    })
}

struct Phone<B> {
    bridge: B,
    operation: tokio::sync::Mutex<()>,
}

impl<B: Bridge> Phone<B> {
    fn begin(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        self.operation.try_lock().map_err(|_| Error::Busy {
            with: "another request",
        })
    }
}

/// Leaves the network unless the join came to its end.
struct Joining<'a, B: Bridge>(Option<&'a B>);

impl<B: Bridge> Drop for Joining<'_, B> {
    fn drop(&mut self) {
        if let Some(bridge) = self.0 {
            bridge.leave();
        }
    }
}

#[async_trait]
impl<B: Bridge> Radio for Phone<B> {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            access_point: false,
            ap_while_joined: false,
            scans: self.bridge.scans(),
        }
    }

    async fn scan(&self) -> Result<Vec<Network>, Error> {
        if !self.bridge.scans() {
            return Err(Error::Unsupported { what: "scan" });
        }
        let _alone = self.begin()?;
        Ok(Network::tidy(self.bridge.scan().await?))
    }

    async fn join(&self, target: &Target, limit: Duration) -> Result<Joined, Error> {
        let _alone = self.begin()?;
        let mut joining = Joining(Some(&self.bridge));
        let joined = tokio::time::timeout(limit, self.bridge.join(target))
            .await
            .map_err(|_| Error::Timeout {
                doing: "joining",
                limit,
            })??;
        joining.0 = None;
        Ok(joined)
    }

    async fn leave(&self) -> Result<(), Error> {
        self.bridge.leave();
        Ok(())
    }

    async fn current(&self) -> Result<Option<Joined>, Error> {
        self.bridge.current().await
    }

    async fn start_access_point(&self, _: &AccessPoint) -> Result<RunningAp, Error> {
        Err(Error::Unsupported {
            what: "be an access point",
        })
    }

    async fn stop_access_point(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn remember(&self) -> Result<Before, Error> {
        Ok(Before::new(()))
    }

    /// Leaves our network: the phone goes back to the user's by itself.
    async fn restore(&self, before: Before) -> Result<(), Error> {
        let () = before.into_notes()?;
        self.bridge.leave();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A plugin whose user never answers the system's question.
    struct Undecided(Arc<AtomicUsize>);

    #[async_trait]
    impl Bridge for Undecided {
        fn scans(&self) -> bool {
            false
        }
        async fn scan(&self) -> Result<Vec<Network>, Error> {
            Ok(Vec::new())
        }
        async fn join(&self, _: &Target) -> Result<Joined, Error> {
            std::future::pending().await
        }
        fn leave(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        async fn current(&self) -> Result<Option<Joined>, Error> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_join_that_ends_early_is_given_up() {
        let left = Arc::new(AtomicUsize::new(0));
        let radio = radio(Undecided(left.clone()));
        let target = Target::new("Porthole-1A2B".parse().unwrap(), None);
        let outcome = radio.join(&target, Duration::from_secs(60)).await;
        assert!(matches!(outcome, Err(Error::Timeout { .. })));
        assert_eq!(left.load(Ordering::SeqCst), 1);
        tokio::select! {
            _ = radio.join(&target, Duration::from_secs(60)) => unreachable!("nobody answers"),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        assert_eq!(left.load(Ordering::SeqCst), 2);
        assert!(matches!(radio.scan().await, Err(Error::Unsupported { .. })));
    }
}
