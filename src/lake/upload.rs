//! An object that grows while it is made, and appears whole at its end or never.

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutMode, PutPayload};
use sha2::{Digest, Sha256};

use super::{Guard, Lake};
use crate::error::Result;

/// What is kept in memory before an object is sent in parts; also the size of a part. Stores want at least 5 MiB.
const PART: usize = 8 << 20;

/// An object under way. Small ones are one conditional put; larger ones go up in parts and are completed at the end.
pub struct Upload {
    lake: Lake,
    key: String,
    pending: Vec<Bytes>,
    held: usize,
    size: u64,
    parts: Option<Parts>,
}

struct Parts {
    upload: Box<dyn MultipartUpload>,
    /// Of the bytes that were sent: how a completion is recognised of which the answer was lost. A disk loses none.
    sha: Option<Sha256>,
}

impl Lake {
    /// Begins an object. Nothing is seen of it before [`Upload::finish`].
    pub fn upload(&self, key: impl Into<String>) -> Upload {
        Upload { lake: self.clone(), key: key.into(), pending: Vec::new(), held: 0, size: 0, parts: None }
    }
}

impl Upload {
    /// The object's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.size += bytes.len() as u64;
        self.held += bytes.len();
        self.pending.push(bytes);
        while self.held >= PART {
            self.send(PART).await?;
        }
        Ok(())
    }

    async fn send(&mut self, want: usize) -> Result<()> {
        let mut part = Vec::new();
        let mut left = want.min(self.held);
        while left > 0 && !self.pending.is_empty() {
            let mut first = self.pending.remove(0);
            if first.len() > left {
                let rest = first.split_off(left);
                self.pending.insert(0, rest);
            }
            left -= first.len();
            self.held -= first.len();
            part.push(first);
        }
        let fail = |e| self.lake.error("cannot write to the lake", &self.key, e);
        let parts = match &mut self.parts {
            Some(parts) => parts,
            none => {
                let upload = self.lake.store.put_multipart(&self.lake.path(&self.key)).await.map_err(fail)?;
                none.insert(Parts { upload, sha: self.lake.disk.is_none().then(Sha256::new) })
            }
        };
        if let Some(sha) = &mut parts.sha {
            part.iter().for_each(|piece| sha.update(piece));
        }
        parts.upload.put_part(part.into_iter().collect::<PutPayload>()).await.map_err(fail)
    }

    /// Makes the object visible. It replaces what is there only if nobody else has changed that since the guard's run
    /// looked, and only while the guard still holds the tenant.
    pub async fn finish(mut self, guard: &Guard) -> Result<()> {
        if self.parts.is_some() && self.held > 0 {
            self.send(usize::MAX).await?;
        }
        if let Some(parts) = self.parts.take() {
            return self.complete(parts, guard).await;
        }
        let payload = std::mem::take(&mut self.pending).into_iter().collect::<PutPayload>();
        // The object is looked at before the lease. Whoever takes the tenant over between that and the put, however long it
        // takes, and changes the object, has made it another one than the put replaces.
        let mode = match self.lake.disk {
            Some(_) => PutMode::Overwrite,
            None => match self.lake.version(&self.key).await? {
                Some(version) => PutMode::Update(version),
                None => PutMode::Create,
            },
        };
        guard.check().await?;
        guard.during(self.lake.put_if(&self.key, payload, mode)).await?.map(drop)
    }

    async fn complete(&self, mut parts: Parts, guard: &Guard) -> Result<()> {
        guard.check().await?;
        let Err(e) = guard.during(parts.upload.complete()).await? else { return Ok(()) };
        let done = match parts.sha {
            // A completion that is tried again finds no parts any more, whatever the store calls that.
            Some(sha) => self.lake.is(&self.key, self.size, sha).await?,
            None => false,
        };
        if done { Ok(()) } else { Err(self.lake.error("cannot write to the lake", &self.key, e)) }
    }

    /// Forgets the object. What was there stays.
    pub async fn abort(mut self) {
        if let Some(mut parts) = self.parts.take() {
            // The object was never visible; parts that cannot be removed now expire by the store's own rules.
            let _ = parts.upload.abort().await;
        }
    }
}

impl Lake {
    /// Replaces an object with bytes, on the same conditions as [`Upload::finish`].
    pub async fn replace(&self, key: &str, bytes: Bytes, guard: &Guard) -> Result<()> {
        let mut upload = self.upload(key);
        upload.write(bytes).await?;
        upload.finish(guard).await
    }

    /// Whether an object has this size and these bytes.
    async fn is(&self, key: &str, size: u64, sha: Sha256) -> Result<bool> {
        if self.meta(key).await?.is_none_or(|meta| meta.size != size) {
            return Ok(false);
        }
        let (mut at, mut seen) = (0, Sha256::new());
        while at < size {
            let Some(piece) = self.range(key, at..size.min(at + PART as u64)).await? else { return Ok(false) };
            if piece.is_empty() {
                return Ok(false);
            }
            seen.update(&piece);
            at += piece.len() as u64;
        }
        Ok(seen.finalize() == sha.finalize())
    }
}
