//! Whole objects: read, put, put on condition, list, delete.

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};

use super::Lake;
use crate::error::{Error, Kind, Result};

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
        Ok(self.version(key).await?.is_some())
    }

    /// The version of an object, to name when it is replaced; none where there is none.
    pub(super) async fn version(&self, key: &str) -> Result<Option<UpdateVersion>> {
        match self.store.head(&self.path(key)).await {
            Ok(meta) => Ok(Some(UpdateVersion { e_tag: meta.e_tag, version: meta.version })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.error("cannot read from the lake", key, e)),
        }
    }

    /// Puts an object, whatever was there.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let put = self.store.put(&self.path(key), bytes.into()).await;
        put.map(drop).map_err(|e| self.error("cannot write to the lake", key, e))
    }

    /// Puts an object where there is none. Fails where there is one.
    pub async fn create(&self, key: &str, bytes: Bytes) -> Result<UpdateVersion> {
        self.put_if(key, bytes.into(), PutMode::Create).await
    }

    /// Puts an object on a condition; where the store has no conditional update (local disk) the caller holds its lock.
    pub(super) async fn put_if(&self, key: &str, payload: PutPayload, mode: PutMode) -> Result<UpdateVersion> {
        let mode = match mode {
            PutMode::Update(_) if self.disk.is_some() => PutMode::Overwrite,
            mode => mode,
        };
        match self.store.put_opts(&self.path(key), payload, PutOptions { mode, ..Default::default() }).await {
            Ok(put) => Ok(put.into()),
            Err(e @ (object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. })) => {
                Err(Error::new(Kind::Locked, "somebody else has changed an object of this tenant meanwhile")
                    .with("lake", &self.address)
                    .with("object", key)
                    .because(e)
                    .hint("let one run at a time write a tenant"))
            }
            Err(e) => Err(self.error("cannot write to the lake", key, e)),
        }
    }

    /// Deletes an object; nothing happens where there is none.
    pub async fn delete(&self, key: &str) -> Result<()> {
        match self.store.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(self.error("cannot delete from the lake", key, e)),
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
