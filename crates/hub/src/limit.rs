//! How often somebody may do something in a minute. Kept in memory: a restart forgives.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time over which is counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Keys that are remembered; for one more, those whose minute is over are forgotten, then any.
const MAX_KEYS: usize = 10_000;

/// Counts by key.
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    per_minute: u32,
    counts: Mutex<HashMap<K, (Instant, u32)>>,
}

impl<K: Eq + Hash + Clone> Limiter<K> {
    /// At most `per_minute` for each key.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            counts: Mutex::default(),
        }
    }

    /// Counts one more for `key`: `false` if that is too many.
    pub(crate) fn count(&self, key: &K, now: Instant) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_KEYS && !counts.contains_key(key) {
            make_room(&mut counts, now);
        }
        let (since, count) = counts.entry(key.clone()).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_minute
    }

    /// Whether `key` has had its share, without counting.
    pub(crate) fn is_spent(&self, key: &K, now: Instant) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(key).is_some_and(|(since, count)| {
            *count >= self.per_minute && now.saturating_duration_since(*since) < WINDOW
        })
    }
}

fn make_room<K: Eq + Hash + Clone>(counts: &mut HashMap<K, (Instant, u32)>, now: Instant) {
    counts.retain(|_, (since, _)| now.saturating_duration_since(*since) < WINDOW);
    if counts.len() < MAX_KEYS {
        return;
    }
    if let Some(any) = counts.keys().next().cloned() {
        counts.remove(&any);
    }
}

/// Who is behind an address: of IPv6 the network that one household gets.
pub(crate) fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_share_every_minute() {
        let limiter = Limiter::new(2);
        let start = Instant::now();
        assert!(limiter.count(&"a", start));
        assert!(!limiter.is_spent(&"a", start));
        assert!(limiter.count(&"a", start));
        assert!(limiter.is_spent(&"a", start));
        assert!(!limiter.count(&"a", start + WINDOW / 2));
        assert!(limiter.count(&"b", start));
        assert!(!limiter.is_spent(&"a", start + WINDOW));
        assert!(limiter.count(&"a", start + WINDOW));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let limiter = Limiter::new(1);
        let start = Instant::now();
        for key in 0..MAX_KEYS + 500 {
            limiter.count(&key, start);
        }
        assert!(limiter.counts.lock().unwrap().len() <= MAX_KEYS);
        limiter.count(&usize::MAX, start + WINDOW);
        assert_eq!(limiter.counts.lock().unwrap().len(), 1);
    }

    #[test]
    fn addresses_of_one_household_count_together() {
        let of = |text: &str| household(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
