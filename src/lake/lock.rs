//! One writer for each tenant.
//!
//! On local disk an OS lock, which the system drops with the process. On object stores a lease: a small object with an
//! epoch that its holder renews. Clocks of machines are not trusted: a lease counts as left behind only after it was
//! watched, unchanged, for longer than its time to live. Whoever takes it over raises the epoch, and a holder that wakes
//! late finds its lease gone before it publishes: it asks the store, since its own clock may have stood still.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::{PutMode, PutPayload, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::{Lake, Layout};
use crate::error::{Error, Kind, Result};

/// A lease that has not been renewed for so long is dead. Long enough for a slow store, short enough for a retry.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);
/// How often a holder renews, and how long a newcomer watches between two looks.
const RENEW: Duration = Duration::from_secs(10);
/// A lease that was renewed so recently need not be renewed before a write, only be read.
const FRESH: Duration = Duration::from_secs(30);
/// So long after the last renewal a write waits for the next. What is left until the lease dies is for a store that still
/// does what it was sent before.
const LAST_WRITE: Duration = Duration::from_secs(45);

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
    /// The lease as it was taken.
    taken: Lease,
    lost: AtomicBool,
    /// When the latest put of the lease that the store has done was begun: it lives at least as long from then on.
    renewed: watch::Sender<Instant>,
    state: Mutex<State>,
}

struct State {
    lease: Lease,
    version: UpdateVersion,
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

impl Lease {
    /// Whether this is a word of the same holder about the same holding, whichever of them it is.
    fn is_of(&self, other: &Lease) -> bool {
        (self.epoch, &self.holder) == (other.epoch, &other.holder)
    }
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
                    // A lake that was copied from a disk has the file of its lock there, and nothing stands in it.
                    let seen = match found.bytes.is_empty() {
                        true => Lease { epoch: 0, holder: String::new(), beat: 0, released: true },
                        false => parse(&found.bytes, &key)?,
                    };
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
            let begun = Instant::now();
            match self.put_if(&key, body(&lease), mode).await {
                Ok(version) => {
                    let state = Mutex::new(State { lease: lease.clone(), version });
                    let (lost, renewed) = (AtomicBool::new(false), watch::Sender::new(begun));
                    let lease = Renewed { lake: self.clone(), key, taken: lease, lost, renewed, state };
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

/// Renews a lease until its guard is gone or it was lost. A store that does not answer is asked again.
async fn keep(held: std::sync::Weak<Held>) {
    loop {
        tokio::time::sleep(RENEW).await;
        let Some(held) = held.upgrade() else { return };
        match Guard(held).renew().await {
            Ok(()) => {}
            Err(e) if e.kind() == Kind::Locked => return,
            Err(e) => tracing::warn!(error = %e, "cannot renew the lease yet"),
        }
    }
}

impl Guard {
    /// Fails where the tenant is no longer ours: asked before each publish.
    pub async fn check(&self) -> Result<()> {
        let Held::Lease(lease) = &*self.0 else { return Ok(()) };
        if lease.lost.load(Ordering::Acquire) {
            return Err(taken(&lease.key));
        }
        if lease.renewed.borrow().elapsed() >= FRESH {
            return self.renew().await;
        }
        // A machine that was suspended may not know that time has passed; a request that it slept through has timed out.
        let there = match lease.lake.read(&lease.key).await {
            Err(_) => lease.lake.read(&lease.key).await?,
            Ok(there) => there,
        };
        match there.map(|found| parse(&found.bytes, &lease.key)).transpose()? {
            Some(there) if there.is_of(&lease.taken) => Ok(()),
            _ => Err(lease.lose()),
        }
    }

    /// Renews the lease. Fails with [`Kind::Locked`] where it is no longer ours.
    pub(super) async fn renew(&self) -> Result<()> {
        let Held::Lease(lease) = &*self.0 else { return Ok(()) };
        match lease.write(|lease| Lease { beat: lease.beat + 1, ..lease.clone() }).await {
            Err(e) if e.kind() == Kind::Locked => Err(lease.lose()),
            result => result,
        }
    }

    /// Lets a write go on as long as the lease is known to live. The clock is asked before the write is: a process that was
    /// stopped between its last look at the lease and the write looks again.
    pub(super) async fn during<T>(&self, write: impl Future<Output = T>) -> Result<T> {
        let Held::Lease(lease) = &*self.0 else { return Ok(write.await) };
        let mut write = std::pin::pin!(write);
        loop {
            let until = *lease.renewed.borrow() + LAST_WRITE;
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => self.renew().await?,
                done = &mut write => return Ok(done),
            }
        }
    }

    /// Lets go, so that the next run need not wait. Where that cannot be done the next run waits: what was published is
    /// published all the same.
    pub async fn release(self) {
        let Held::Lease(lease) = &*self.0 else { return };
        if lease.lost.swap(true, Ordering::AcqRel) {
            return;
        }
        match lease.write(|lease| Lease { released: true, ..lease.clone() }).await {
            Ok(()) => {}
            Err(e) if e.kind() == Kind::Locked => tracing::info!("the lease has gone to another run"),
            Err(e) => tracing::warn!(error = %e, "cannot let go of the lease; the next run waits for a minute"),
        }
    }
}

impl Renewed {
    fn lose(&self) -> Error {
        self.lost.store(true, Ordering::Release);
        taken(&self.key)
    }

    /// Puts what becomes of the lease. One that has our holder and our epoch is ours, whichever word of ours it is: a task
    /// that was dropped while it renewed never heard that the store has done it.
    async fn write(&self, next: impl Fn(&Lease) -> Lease) -> Result<()> {
        let mut state = self.state.lock().await;
        loop {
            let (begun, lease) = (Instant::now(), next(&state.lease));
            let mode = PutMode::Update(state.version.clone());
            let e = match self.lake.put_if(&self.key, body(&lease), mode).await {
                Ok(version) => {
                    *state = State { lease, version };
                    self.renewed.send_replace(begun);
                    return Ok(());
                }
                Err(e) => e,
            };
            if e.kind() != Kind::Locked {
                return Err(e);
            }
            let Some(found) = self.lake.read(&self.key).await? else { return Err(e) };
            let there = parse(&found.bytes, &self.key)?;
            if !there.is_of(&self.taken) || found.version == state.version {
                return Err(e);
            }
            *state = State { lease: there, version: found.version };
        }
    }
}

fn body(lease: &Lease) -> PutPayload {
    serde_json::to_vec(lease).unwrap_or_default().into()
}

fn parse(bytes: &[u8], key: &str) -> Result<Lease> {
    serde_json::from_slice(bytes)
        .map_err(|e| Error::new(Kind::Lake, "the tenant's lease cannot be read").with("object", key).because(e))
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
