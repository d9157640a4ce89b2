//! Whole objects: read, put, put on condition, list, delete.
//!
//! A store may do what it was asked for and its answer be lost. So a write that ended in an error is looked at: what is there
//! says whether it was done. On a condition it may be tried again, since it cannot be done twice.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};

use super::{Guard, Lake};
use crate::error::{Error, Kind, Result};

/// How often a write is tried, beside what the store's client tries by itself.
const TRIES: u32 = 3;
/// The pause before the second try; it grows with each.
const PAUSE: Duration = Duration::from_millis(200);

/// An object as it was read, with the version to name when it is replaced.
pub struct Found {
    /// Its content.
    pub bytes: Bytes,
    pub(super) version: UpdateVersion,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// A text that is another one when the object has been replaced.
    pub tag: String,
}

impl Lake {
    /// Reads a whole object; none where there is none.
    pub async fn read(&self, key: &str) -> Result<Option<Found>> {
        let got = match self.store.get(&self.path(key)).await {
            Ok(got) => got,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(self.error("cannot read from the lake", key, e)),
        };
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = got.bytes().await.map_err(|e| self.error("cannot read from the lake", key, e))?;
        Ok(Some(Found { bytes, version }))
    }

    /// Some bytes of an object; none where there is none.
    pub async fn range(&self, key: &str, range: std::ops::Range<u64>) -> Result<Option<Bytes>> {
        match self.store.get_range(&self.path(key), range).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.error("cannot read from the lake", key, e)),
        }
    }

    /// Whether there is an object.
    pub async fn has(&self, key: &str) -> Result<bool> {
        Ok(self.meta(key).await?.is_some())
    }

    /// The version of an object, to name when it is replaced; none where there is none.
    pub(super) async fn version(&self, key: &str) -> Result<Option<UpdateVersion>> {
        let meta = self.meta(key).await?;
        Ok(meta.map(|meta| UpdateVersion { e_tag: meta.e_tag, version: meta.version }))
    }

    /// What the store says of an object; none where there is none.
    pub(super) async fn meta(&self, key: &str) -> Result<Option<ObjectMeta>> {
        match self.store.head(&self.path(key)).await {
            Ok(meta) => Ok(Some(meta)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.error("cannot read from the lake", key, e)),
        }
    }

    /// Puts an object, whatever was there.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let put = self.store.put(&self.path(key), bytes.into()).await;
        put.map(drop).map_err(|e| self.error("cannot write to the lake", key, e))
    }

    /// Puts an object where there is none. Fails where there is one that says something else.
    pub async fn create(&self, key: &str, bytes: Bytes) -> Result<UpdateVersion> {
        self.put_if(key, bytes.into(), PutMode::Create).await
    }

    /// Puts an object on a condition; where the store has no conditional update (local disk) the caller holds its lock. An
    /// object that has these very bytes afterwards is as it should be, whoever put it: either the store has done this put and
    /// the answer was lost, or somebody else has come to the same.
    pub(super) async fn put_if(&self, key: &str, payload: PutPayload, mode: PutMode) -> Result<UpdateVersion> {
        let mode = match mode {
            PutMode::Update(_) if self.disk.is_some() => PutMode::Overwrite,
            mode => mode,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let options = PutOptions { mode: mode.clone(), ..Default::default() };
            let e = match self.store.put_opts(&self.path(key), payload.clone(), options).await {
                Ok(put) => return Ok(put.into()),
                Err(e) => e,
            };
            let refused =
                matches!(e, object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. });
            if !refused && !self.unknown(&e) {
                return Err(self.error("cannot write to the lake", key, e));
            }
            let found = self.read(key).await?;
            let untouched = match (&mode, &found) {
                (_, Some(found)) if same(&found.bytes, &payload) => return Ok(found.version.clone()),
                (PutMode::Create, None) => true,
                (PutMode::Update(version), Some(found)) => found.version == *version,
                _ => false,
            };
            if !untouched {
                return Err(Error::new(Kind::Locked, "somebody else has changed an object of this tenant meanwhile")
                    .with("lake", &self.address)
                    .with("object", key)
                    .because(e)
                    .hint("let one run at a time write a tenant"));
            }
            if tries == TRIES {
                return Err(self.error("cannot write to the lake", key, e));
            }
            tokio::time::sleep(PAUSE * tries).await;
        }
    }

    /// Whether the store may have done what this error is the answer to. A disk that fails has not.
    pub(super) fn unknown(&self, e: &object_store::Error) -> bool {
        self.disk.is_none() && matches!(e, object_store::Error::Generic { .. })
    }

    /// Deletes an object, while the guard holds the tenant; nothing happens where there is none.
    pub async fn delete(&self, key: &str, guard: &Guard) -> Result<()> {
        guard.check().await?;
        guard.during(self.remove(key)).await?
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.store.delete(&self.path(key)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => return Ok(()),
                // What is deleted twice is gone once.
                Err(e) if tries < TRIES && self.unknown(&e) => tokio::time::sleep(PAUSE * tries).await,
                Err(e) => return Err(self.error("cannot delete from the lake", key, e)),
            }
        }
    }

    /// All objects under a prefix, by name: their keys and sizes.
    pub async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>> {
        Ok(self.listing(prefix).await?.into_iter().map(|o| (o.key, o.size)).collect())
    }

    /// All objects under a prefix, by name, with a tag that changes when one is replaced.
    pub async fn listing(&self, prefix: &str) -> Result<Vec<Listed>> {
        let cut = self.path("").as_ref().len();
        let listed: Vec<_> = self
            .store
            .list(Some(&self.path(prefix)))
            .try_collect()
            .await
            .map_err(|e| self.error("cannot list the lake", prefix, e))?;
        let mut found: Vec<Listed> = listed
            .into_iter()
            .map(|meta| Listed {
                key: meta.location.as_ref()[cut..].trim_start_matches('/').to_string(),
                size: meta.size,
                tag: meta.e_tag.unwrap_or_else(|| format!("{}-{}", meta.last_modified.timestamp_micros(), meta.size)),
            })
            .collect();
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }
}

/// Whether an object has the bytes of a payload.
fn same(bytes: &Bytes, payload: &PutPayload) -> bool {
    let mut rest = &bytes[..];
    bytes.len() == payload.content_length()
        && payload.iter().all(|piece| {
            let (head, tail) = rest.split_at(piece.len());
            rest = tail;
            head == piece
        })
}
