//! Passcodes: hashed with argon2id away from the async threads, a few at a
//! time; and how often they may be tried.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use protocol::limits::PASSCODE_TRIES_PER_MINUTE;
use tokio::{
    sync::{OwnedMutexGuard, Semaphore},
    task,
};

/// Requests that may wait for a hash. One takes about 20 ms and 19 MiB
/// (argon2's own defaults, those of OWASP), so the last waits for some seconds.
const WAITING: usize = 128;

/// Hashes at the same time: more would take cores from the media threads.
const AT_ONCE: usize = 2;

/// Hashes and compares passcodes, [`AT_ONCE`] at a time.
#[derive(Clone, Debug)]
pub struct Hashing {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Why there is no hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HashError {
    #[error("too many passcodes are being checked at this moment")]
    Busy,
    #[error("the passcode hash failed")]
    Failed,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(WAITING)),
        }
    }
}

impl Hashing {
    /// Argon2id in PHC form, with a salt from the system.
    ///
    /// # Errors
    ///
    /// When too many wait already.
    pub async fn hash(&self, passcode: String) -> Result<String, HashError> {
        self.run(move || {
            Argon2::default()
                .hash_password(passcode.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|_| HashError::Failed)
        })
        .await
    }

    /// Whether the passcode is the one behind the hash.
    ///
    /// # Errors
    ///
    /// When too many wait already, or the hash cannot be read.
    pub async fn verify(&self, passcode: String, hash: String) -> Result<bool, HashError> {
        self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(|_| HashError::Failed)?;
            Ok(Argon2::default()
                .verify_password(passcode.as_bytes(), &hash)
                .is_ok())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let _place = self.places.try_acquire().map_err(|_| HashError::Busy)?;
        let turn = self
            .turns
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| HashError::Failed)?;
        // The turn ends with the work, not with a client that hangs up meanwhile.
        let done = task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| HashError::Failed)?
    }
}

/// Span in which [`PASSCODE_TRIES_PER_MINUTE`] wrong passcodes are allowed.
const WINDOW: Duration = Duration::from_mins(1);

/// Addresses and meetings that are remembered; beyond, nobody new may try
/// until the minute of another is over.
const KEYS: usize = 100_000;

/// Counts wrong passcodes by address and meeting.
#[derive(Debug, Default)]
pub struct Tries {
    keys: Mutex<BTreeMap<Key, Tried>>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    address: IpAddr,
    meeting: String,
}

#[derive(Debug, Default)]
struct Tried {
    wrong: Vec<Instant>,
    /// Held while a passcode is compared, so that many tries at the same time
    /// are not many more tries.
    gate: Arc<tokio::sync::Mutex<()>>,
}

/// Permission to compare one passcode.
#[derive(Debug)]
pub struct Turn {
    key: Key,
    _gate: OwnedMutexGuard<()>,
}

/// No more tries for so long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooMany {
    pub wait: Duration,
}

impl Tries {
    /// Waits for other tries of the same address at the same meeting, then
    /// says whether another is allowed. `now` is asked once it is its turn.
    ///
    /// # Errors
    ///
    /// [`TooMany`] after [`PASSCODE_TRIES_PER_MINUTE`] wrong ones in a minute.
    pub async fn turn(
        &self,
        address: IpAddr,
        meeting: &str,
        now: impl Fn() -> Instant + Send,
    ) -> Result<Turn, TooMany> {
        let key = Key {
            address: network(address),
            meeting: meeting.to_owned(),
        };
        let gate = self.gate(&key, now())?;
        let gate = gate.lock_owned().await;
        self.wait(&key, now())
            .map_or(Ok(()), |wait| Err(TooMany { wait }))?;
        Ok(Turn { key, _gate: gate })
    }

    /// The passcode was wrong.
    pub fn wrong(&self, turn: Turn, now: Instant) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.entry(turn.key).or_default().wrong.push(now);
    }

    fn gate(&self, key: &Key, now: Instant) -> Result<Arc<tokio::sync::Mutex<()>>, TooMany> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tried) = keys.get(key) {
            return Ok(tried.gate.clone());
        }
        if keys.len() >= KEYS {
            keys.retain(|_, tried| {
                tried
                    .wrong
                    .iter()
                    .any(|at| now.saturating_duration_since(*at) < WINDOW)
                    || Arc::strong_count(&tried.gate) > 1
            });
        }
        if keys.len() >= KEYS {
            return Err(TooMany { wait: WINDOW });
        }
        Ok(keys.entry(key.clone()).or_default().gate.clone())
    }

    fn wait(&self, key: &Key, now: Instant) -> Option<Duration> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = &mut keys.get_mut(key)?.wrong;
        wrong.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        let limit = usize::try_from(PASSCODE_TRIES_PER_MINUTE).unwrap_or(usize::MAX);
        if wrong.len() < limit {
            return None;
        }
        let oldest = wrong.first()?;
        Some(WINDOW.saturating_sub(now.saturating_duration_since(*oldest)))
    }
}

/// One household or firm has a whole /64 of IPv6 (RFC 6177), so that is what counts.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn five_wrong_ones_a_minute() {
        let tries = Tries::default();
        let start = clock::now();
        let at = |seconds| move || start + Duration::from_secs(seconds);
        for second in 0..5 {
            let turn = tries.turn(HERE, "m", at(second)).await.unwrap();
            tries.wrong(turn, start + Duration::from_secs(second));
        }
        let refused = tries.turn(HERE, "m", at(10)).await.unwrap_err();
        assert_eq!(refused.wait, Duration::from_secs(50));
        assert!(tries.turn(HERE, "other", at(10)).await.is_ok());
        let next_door = "127.0.0.2".parse().unwrap();
        assert!(tries.turn(next_door, "m", at(10)).await.is_ok());
        let turn = tries.turn(HERE, "m", at(60)).await.unwrap();
        tries.wrong(turn, start + Duration::from_mins(1));
        assert!(tries.turn(HERE, "m", at(60)).await.is_err());
    }

    #[tokio::test]
    async fn right_ones_do_not_count() {
        let tries = Tries::default();
        for _ in 0..50 {
            tries.turn(HERE, "m", clock::now).await.unwrap();
        }
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_as_one() {
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let two: IpAddr = "2001:db8::2:1".parse().unwrap();
        assert_eq!(network(one), network(two));
        assert_eq!(network("::ffff:127.0.0.1".parse().unwrap()), HERE);
    }

    #[tokio::test]
    async fn hashes_are_salted_and_fit() {
        let hashing = Hashing::default();
        let hash = hashing.hash("open sesame".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert_ne!(hash, hashing.hash("open sesame".to_owned()).await.unwrap());
        assert!(
            hashing
                .verify("open sesame".to_owned(), hash.clone())
                .await
                .unwrap()
        );
        assert!(!hashing.verify("sesame".to_owned(), hash).await.unwrap());
    }
}
