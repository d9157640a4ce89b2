//! An object that grows while it is made, and appears whole at its end or never.

use bytes::Bytes;
use object_store::{MultipartUpload, ObjectStoreExt, PutMode, PutPayload};

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
    parts: Option<Box<dyn MultipartUpload>>,
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
        if self.parts.is_none() {
            self.parts = Some(self.lake.store.put_multipart(&self.lake.path(&self.key)).await.map_err(fail)?);
        }
        match &mut self.parts {
            Some(parts) => parts.put_part(part.into_iter().collect::<PutPayload>()).await.map_err(fail),
            None => Ok(()),
        }
    }

    /// Makes the object visible. It replaces what is there only if nobody else has changed that since the guard's run
    /// looked, and only while the guard still holds the tenant.
    pub async fn finish(mut self, guard: &Guard) -> Result<()> {
        if self.parts.is_some() {
            if self.held > 0 {
                self.send(usize::MAX).await?;
            }
            guard.check().await?;
            if let Some(mut parts) = self.parts.take() {
                parts.complete().await.map_err(|e| self.lake.error("cannot write to the lake", &self.key, e))?;
            }
            return Ok(());
        }
        guard.check().await?;
        let payload = std::mem::take(&mut self.pending).into_iter().collect::<PutPayload>();
        let mode = match self.lake.disk {
            Some(_) => PutMode::Overwrite,
            None => match self.lake.version(&self.key).await? {
                Some(version) => PutMode::Update(version),
                None => PutMode::Create,
            },
        };
        self.lake.put_if(&self.key, payload, mode).await.map(drop)
    }

    /// Forgets the object. What was there stays.
    pub async fn abort(mut self) {
        if let Some(mut parts) = self.parts.take() {
            // The object was never visible; parts that cannot be removed now expire by the store's own rules.
            let _ = parts.abort().await;
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
}
