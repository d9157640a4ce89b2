//! A draft of a lake: what is written to it stands in a folder of its own over the lake, which stays as it is. So what a command
//! would do can be done, and counted, and nothing is done.
//!
//! Nobody else writes a draft, so conditions of puts are met by what it has itself. It is gone when nobody has it any more.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use tempfile::TempDir;

use super::Lake;
use crate::error::{Error, Kind, Result};

impl Lake {
    /// A draft of this lake, in the system's folder for temporary files: it takes as much room there as is written to it.
    pub fn draft(&self) -> Result<Lake> {
        let failed = |e: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(Kind::File, "cannot make a folder for a draft of the lake")
                .with("folder", std::env::temp_dir().display())
                .because(std::io::Error::other(e))
                .hint("name a folder that this user may write to in TMPDIR")
        };
        let folder = tempfile::Builder::new().prefix("usagelake-").tempdir().map_err(|e| failed(e.into()))?;
        let over = LocalFileSystem::new_with_prefix(folder.path()).map_err(|e| failed(e.into()))?;
        let draft =
            Draft { under: Arc::clone(&self.store), over: Arc::new(over), gone: Gone::default(), _folder: folder };
        Ok(Lake { store: Arc::new(draft), root: self.root.clone(), address: self.address.clone(), disk: None })
    }
}

/// What was deleted: it hides what is under it.
type Gone = Arc<Mutex<BTreeSet<Path>>>;

/// A store over another one.
#[derive(Debug)]
struct Draft {
    under: Arc<dyn ObjectStore>,
    over: Arc<LocalFileSystem>,
    gone: Gone,
    _folder: TempDir,
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a draft of {}", self.under)
    }
}

#[async_trait]
impl ObjectStore for Draft {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        if matches!(options.mode, PutMode::Create) && self.head(at).await.is_ok() {
            return Err(StoreError::AlreadyExists { path: at.to_string(), source: "the draft has it".into() });
        }
        self.over.put_opts(at, payload, PutOptions { mode: PutMode::Overwrite, ..options }).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.over.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> StoreResult<GetResult> {
        match self.over.get_opts(at, options.clone()).await {
            Err(e @ StoreError::NotFound { .. }) if is_gone(&self.gone, at) => Err(e),
            Err(StoreError::NotFound { .. }) => self.under.get_opts(at, options).await,
            got => got,
        }
    }

    fn delete_stream(&self, all: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        let (over, gone) = (Arc::clone(&self.over), Arc::clone(&self.gone));
        let delete = move |at: Path| {
            let (over, gone) = (Arc::clone(&over), Arc::clone(&gone));
            async move {
                match over.delete(&at).await {
                    Ok(()) | Err(StoreError::NotFound { .. }) => {}
                    Err(e) => return Err(e),
                }
                gone.lock().unwrap_or_else(PoisonError::into_inner).insert(at.clone());
                Ok(at)
            }
        };
        all.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let (over, gone, below) = (self.over.list(prefix), Arc::clone(&self.gone), self.under.list(prefix));
        let both = async move {
            let over: Vec<ObjectMeta> = over.try_collect().await?;
            let written: BTreeSet<Path> = over.iter().map(|meta| meta.location.clone()).collect();
            let seen = move |meta: &ObjectMeta| {
                futures::future::ready(!written.contains(&meta.location) && !is_gone(&gone, &meta.location))
            };
            Ok::<_, StoreError>(stream::iter(over.into_iter().map(Ok)).chain(below.try_filter(seen)))
        };
        stream::once(both).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        let (mut objects, mut folders) = (Vec::new(), BTreeSet::new());
        let root = prefix.cloned().unwrap_or_default();
        for meta in self.list(prefix).try_collect::<Vec<_>>().await? {
            let mut parts: Vec<_> = meta.location.prefix_match(&root).into_iter().flatten().collect();
            match parts.len() {
                0 => {}
                1 => objects.push(meta.clone()),
                _ => _ = folders.insert(root.parts().chain(parts.drain(..1)).collect::<Path>()),
            }
        }
        Ok(ListResult { common_prefixes: folders.into_iter().collect(), objects })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> StoreResult<()> {
        Err(StoreError::NotImplemented { operation: "copy".into(), implementer: self.to_string() })
    }
}

fn is_gone(gone: &Gone, at: &Path) -> bool {
    gone.lock().unwrap_or_else(PoisonError::into_inner).contains(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_draft_has_what_is_written_to_it_and_the_lake_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        for key in ["a/kept", "a/replaced", "a/deleted"] {
            lake.put(key, "before".into()).await.unwrap();
        }
        let guard = lake.lock("contoso").await.unwrap();
        let draft = lake.draft().unwrap();
        draft.replace("a/replaced", "after!".into(), &guard).await.unwrap();
        draft.replace("a/new", "new".into(), &guard).await.unwrap();
        draft.delete("a/deleted", &guard).await.unwrap();
        assert!(draft.create("a/kept", "other".into()).await.is_err());
        let of = async |lake: &Lake| {
            let mut all = Vec::new();
            for (key, size) in lake.list("a").await.unwrap() {
                let found = lake.read(&key).await.unwrap().unwrap();
                assert_eq!(found.bytes.len() as u64, size);
                all.push((key, String::from_utf8(found.bytes.to_vec()).unwrap()));
            }
            all
        };
        let said = |all: &[(&str, &str)]| all.iter().map(|(k, t)| (k.to_string(), t.to_string())).collect::<Vec<_>>();
        assert_eq!(of(&draft).await, said(&[("a/kept", "before"), ("a/new", "new"), ("a/replaced", "after!")]));
        assert!(!draft.has("a/deleted").await.unwrap());
        draft.replace("a/deleted", "again".into(), &guard).await.unwrap();
        assert_eq!(of(&draft).await.len(), 4);
        let before = [("a/deleted", "before"), ("a/kept", "before"), ("a/replaced", "before")];
        assert_eq!(of(&lake).await, said(&before));
    }
}
