//! One writer for each tenant.
//!
//! On local disk an OS lock, which the system drops with the process. On object stores a lease: a small object with an
//! epoch that its holder renews. Clocks of machines are not trusted: a lease counts as left behind only after it was
//! watched, unchanged, for longer than its time to live. Whoever takes it over raises the epoch, and a holder that wakes
//! late finds its lease gone before it publishes.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::{PutMode, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Lake, Layout};
use crate::error::{Error, Kind, Result};

/// A lease that has not been renewed for so long is dead. Long enough for a slow store, short enough for a retry.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);
/// How often a holder renews, and how long a newcomer watches between two looks.
const RENEW: Duration = Duration::from_secs(10);

/// Proof that this process is the tenant's only writer.
#[derive(Clone)]
pub struct Guard(Arc<Held>);

enum Held {
    Disk { _file: File },
    Lease(Box<Renewed>),
}

struct Renewed {
    lake: Lake,
    key: String,
    lost: AtomicBool,
    state: Mutex<State>,
}

struct State {
    lease: Lease,
    version: UpdateVersion,
    renewed: Instant,
}

#[derive(Serialize, Deserialize, Clone, PartialEq)]
struct Lease {
    /// Raised with each take-over.
    epoch: u64,
    /// Who holds it: a random word of the run, no host and no user.
    holder: String,
    /// Raised with each renewal, so that a watcher sees life.
    beat: u64,
    /// Whether the holder has let go.
    released: bool,
}

impl Lake {
    /// Takes the tenant for this process. Fails with [`Kind::Locked`] where another run has it; on an object store that
    /// may take as long as a lease lives, since a lease left by a killed run must be watched before it is taken over.
    pub async fn lock(&self, tenant: &str) -> Result<Guard> {
        let key = Layout::new(tenant).lock();
        match &self.disk {
            Some(folder) => lock_disk(folder.join(&key), tenant),
            None => self.lease(key, tenant).await,
        }
    }

    async fn lease(&self, key: String, tenant: &str) -> Result<Guard> {
        let holder = format!("{:016x}", fastrand::u64(..));
        let watched = Instant::now();
        let mut last: Option<Lease> = None;
        loop {
            let (mode, lease) = match self.read(&key).await? {
                None => (PutMode::Create, Lease { epoch: 1, holder: holder.clone(), beat: 0, released: false }),
                Some(found) => {
                    let seen: Lease = serde_json::from_slice(&found.bytes).map_err(|e| {
                        Error::new(Kind::Lake, "the tenant's lease cannot be read").with("object", &key).because(e)
                    })?;
                    let alive = last.as_ref().is_some_and(|l| *l != seen);
                    if !seen.released && alive {
                        return Err(held(tenant));
                    }
                    if !seen.released && watched.elapsed() < TIME_TO_LIVE {
                        last = Some(seen);
                        tokio::time::sleep(RENEW + Duration::from_secs(1)).await;
                        continue;
                    }
                    let next = Lease { epoch: seen.epoch + 1, holder: holder.clone(), beat: 0, released: false };
                    (PutMode::Update(found.version), next)
                }
            };
            let body = serde_json::to_vec(&lease).unwrap_or_default();
            match self.put_if(&key, body.into(), mode).await {
                Ok(version) => {
                    let state = Mutex::new(State { lease, version, renewed: Instant::now() });
                    let lease = Renewed { lake: self.clone(), key, lost: AtomicBool::new(false), state };
                    let held = Arc::new(Held::Lease(Box::new(lease)));
                    tokio::spawn(keep(Arc::downgrade(&held)));
                    return Ok(Guard(held));
                }
                Err(e) if e.kind() == Kind::Locked => return Err(held(tenant)),
                Err(e) => return Err(e),
            }
        }
    }
}

/// Renews a lease until its guard is gone or it was lost.
async fn keep(held: std::sync::Weak<Held>) {
    loop {
        tokio::time::sleep(RENEW).await;
        let Some(held) = held.upgrade() else { return };
        if Guard(held).renew().await.is_err() {
            return;
        }
    }
}

impl Guard {
    /// Fails where the tenant is no longer ours: asked before each publish.
    pub async fn check(&self) -> Result<()> {
        let Held::Lease(lease) = &*self.0 else { return Ok(()) };
        let Renewed { state, lost, key, .. } = &**lease;
        let fresh = state.lock().await.renewed.elapsed() < TIME_TO_LIVE / 2;
        if lost.load(Ordering::Acquire) {
            return Err(taken(key));
        }
        if fresh { Ok(()) } else { self.renew().await }
    }

    async fn renew(&self) -> Result<()> {
        let Held::Lease(lease) = &*self.0 else { return Ok(()) };
        let Renewed { lake, key, lost, state } = &**lease;
        let mut state = state.lock().await;
        let next = Lease { beat: state.lease.beat + 1, ..state.lease.clone() };
        let body = serde_json::to_vec(&next).unwrap_or_default();
        match lake.put_if(key, body.into(), PutMode::Update(state.version.clone())).await {
            Ok(version) => {
                *state = State { lease: next, version, renewed: Instant::now() };
                Ok(())
            }
            Err(e) if e.kind() == Kind::Locked => {
                lost.store(true, Ordering::Release);
                Err(taken(key))
            }
            // The store does not answer: the lease lives on until its time is over, and `check` asks again.
            Err(e) if state.renewed.elapsed() < TIME_TO_LIVE => {
                tracing::warn!(error = %e, "cannot renew the lease yet");
                Ok(())
            }
            Err(e) => {
                lost.store(true, Ordering::Release);
                Err(e)
            }
        }
    }

    /// Lets go, so that the next run need not wait.
    pub async fn release(self) -> Result<()> {
        let Held::Lease(lease) = &*self.0 else { return Ok(()) };
        let Renewed { lake, key, lost, state } = &**lease;
        if lost.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let state = state.lock().await;
        let next = Lease { released: true, ..state.lease.clone() };
        let body = serde_json::to_vec(&next).unwrap_or_default();
        lake.put_if(key, body.into(), PutMode::Update(state.version.clone())).await.map(drop)
    }
}

fn lock_disk(path: PathBuf, tenant: &str) -> Result<Guard> {
    let failed = |e: std::io::Error| {
        Error::new(Kind::Lake, "cannot lock the tenant")
            .with("file", path.display())
            .because(e)
            .hint("make the lake's folder and all below it writable for whoever runs usagelake")
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Guard(Arc::new(Held::Disk { _file: file }))),
        Err(TryLockError::WouldBlock) => Err(held(tenant)),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

fn held(tenant: &str) -> Error {
    Error::new(Kind::Locked, "another run is writing this tenant")
        .with("tenant", tenant)
        .hint("wait for it to end, then run again")
}

fn taken(key: &str) -> Error {
    Error::new(Kind::Locked, "another run has taken this tenant over")
        .with("lease", key)
        .hint("nothing was published after that; run again when the other run has ended")
}
