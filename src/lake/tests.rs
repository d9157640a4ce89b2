//! Stores that do what they are asked for and lose their answer, and writers that wake late: on a store in memory that harms
//! the next write as it is told.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult, UploadPart,
};

use super::{Guard, Lake};
use crate::error::{Kind, Result};

/// What is done to a write.
#[derive(Debug, Clone)]
enum Harm {
    /// It is done, and its answer is lost.
    Lost,
    /// It is done, its answer is lost, and the client tries it again.
    LostAndTriedAgain,
    /// It is not done, and nobody knows.
    Undone,
    /// Somebody else puts these bytes before it is done.
    After(&'static str),
    /// It is refused for no reason, as S3 does where two writes meet.
    Refused,
}

#[derive(Debug)]
struct Store {
    inner: Arc<InMemory>,
    harms: Arc<Mutex<VecDeque<Harm>>>,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that does harm")
    }
}

fn no_answer() -> object_store::Error {
    object_store::Error::Generic { store: "test", source: "no answer".into() }
}

#[async_trait::async_trait]
impl ObjectStore for Store {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        let harm = self.harms.lock().unwrap().pop_front();
        let put = || self.inner.put_opts(at, payload.clone(), options.clone());
        match harm {
            None => put().await,
            Some(Harm::Lost) => put().await.and(Err(no_answer())),
            Some(Harm::LostAndTriedAgain) => {
                put().await?;
                put().await
            }
            Some(Harm::Undone) => Err(no_answer()),
            Some(Harm::After(other)) => {
                self.inner.put(at, other.into()).await?;
                put().await
            }
            Some(Harm::Refused) => {
                Err(object_store::Error::Precondition { path: at.to_string(), source: "two writes have met".into() })
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(at, options).await?;
        Ok(Box::new(Parts { inner, harms: Arc::clone(&self.harms) }))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.inner.get_opts(at, options).await
    }

    fn delete_stream(&self, all: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        let harm = self.harms.lock().unwrap().pop_front();
        let done = self.inner.delete_stream(all);
        if harm.is_none() { done } else { done.map(|done| done.and(Err(no_answer()))).boxed() }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct Parts {
    inner: Box<dyn MultipartUpload>,
    harms: Arc<Mutex<VecDeque<Harm>>>,
}

#[async_trait::async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> StoreResult<PutResult> {
        let harm = self.harms.lock().unwrap().pop_front();
        match harm {
            None => self.inner.complete().await,
            Some(Harm::Undone) => Err(no_answer()),
            // Whoever completes twice is told that there is no such upload.
            Some(_) => {
                self.inner.complete().await?;
                Err(object_store::Error::NotFound { path: "upload".to_string(), source: "no such upload".into() })
            }
        }
    }

    async fn abort(&mut self) -> StoreResult<()> {
        self.inner.abort().await
    }
}

/// A lake on a store that harms the writes to come.
struct World {
    lake: Lake,
    inner: Arc<InMemory>,
    harms: Arc<Mutex<VecDeque<Harm>>>,
}

impl World {
    fn new() -> World {
        let (inner, harms) = (Arc::new(InMemory::new()), Arc::default());
        let store = Arc::new(Store { inner: Arc::clone(&inner), harms: Arc::clone(&harms) });
        let lake = Lake { store, root: Path::default(), address: "memory".to_string(), disk: None };
        World { lake, inner, harms }
    }

    fn next(&self, harms: &[Harm]) {
        assert!(self.harms.lock().unwrap().is_empty(), "harm that was not done");
        self.harms.lock().unwrap().extend(harms.iter().cloned());
    }

    async fn there(&self, key: &str) -> Option<Bytes> {
        self.lake.read(key).await.unwrap().map(|found| found.bytes)
    }

    /// Lets another run take the tenant over, as after a minute without a sign of life.
    async fn take_over(&self) {
        let lease = r#"{"epoch": 2, "holder": "another", "beat": 0, "released": false}"#;
        self.inner.put(&Path::from(LEASE), lease.into()).await.unwrap();
    }
}

const LEASE: &str = "_usagelake/lock/contoso.json";
const KEY: &str = "tables/x/part-0.parquet";

async fn replace(world: &World, guard: &Guard, bytes: &'static str) -> Result<()> {
    world.lake.replace(KEY, Bytes::from(bytes), guard).await
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_done() {
    let harms = [Harm::Lost, Harm::LostAndTriedAgain, Harm::Undone, Harm::Refused];
    for harm in harms {
        let world = World::new();
        let guard = world.lake.lock("contoso").await.unwrap();
        // It is made, and replaced.
        for bytes in ["first", "second"] {
            world.next(std::slice::from_ref(&harm));
            replace(&world, &guard, bytes).await.unwrap_or_else(|e| panic!("{harm:?}: {e:?}"));
            assert_eq!(world.there(KEY).await.unwrap(), bytes, "{harm:?}");
        }
    }
}

/// The lock of a lake on disk is an empty file, and goes along when somebody copies the lake to a store.
#[tokio::test]
async fn the_file_of_a_lock_that_was_copied_from_a_disk_locks_nobody_out() {
    let world = World::new();
    world.inner.put(&Path::from(LEASE), "".into()).await.unwrap();
    let guard = world.lake.lock("contoso").await.unwrap();
    replace(&world, &guard, "first").await.unwrap();
    assert_eq!(world.lake.lock("contoso").await.err().unwrap().kind(), Kind::Locked);
    guard.release().await;
    world.inner.put(&Path::from(LEASE), "no lease".into()).await.unwrap();
    assert_eq!(world.lake.lock("contoso").await.err().unwrap().kind(), Kind::Lake);
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_what_was_there_stays() {
    let world = World::new();
    let guard = world.lake.lock("contoso").await.unwrap();
    replace(&world, &guard, "first").await.unwrap();
    world.next(&[Harm::Undone, Harm::Undone, Harm::Undone]);
    assert_eq!(replace(&world, &guard, "second").await.unwrap_err().kind(), Kind::Lake);
    assert_eq!(world.there(KEY).await.unwrap(), "first");
}

#[tokio::test]
async fn what_somebody_else_has_put_stays() {
    let world = World::new();
    let guard = world.lake.lock("contoso").await.unwrap();
    for (harms, theirs) in [
        (vec![Harm::After("theirs")], "theirs"),
        (vec![Harm::After("theirs, later")], "theirs, later"),
        // Between a try of which nothing is known and the next.
        (vec![Harm::Undone, Harm::After("theirs, last")], "theirs, last"),
    ] {
        world.next(&harms);
        let e = replace(&world, &guard, "ours").await.unwrap_err();
        assert_eq!(e.kind(), Kind::Locked, "{harms:?}");
        assert_eq!(world.there(KEY).await.unwrap(), theirs);
    }
    // Who comes to the same says nothing against it.
    world.next(&[Harm::After("ours")]);
    replace(&world, &guard, "ours").await.unwrap();
}

#[tokio::test]
async fn a_large_object_whose_completion_was_not_answered_is_looked_at() {
    let bytes = Bytes::from(vec![7; 17 << 20]);
    for (harm, done) in [(Harm::Lost, true), (Harm::Undone, false)] {
        let world = World::new();
        let guard = world.lake.lock("contoso").await.unwrap();
        for before in [None, Some("small".into()), Some(Bytes::from(vec![8; 17 << 20]))] {
            if let Some(before) = before.clone() {
                world.lake.put(KEY, before).await.unwrap();
            }
            world.next(std::slice::from_ref(&harm));
            let ended = world.lake.replace(KEY, bytes.clone(), &guard).await;
            assert_eq!(ended.as_ref().err().map(|e| e.kind()), (!done).then_some(Kind::Lake), "{harm:?}");
            let there = world.there(KEY).await;
            assert!(there == if done { Some(bytes.clone()) } else { before }, "{harm:?}");
        }
    }
}

#[tokio::test]
async fn what_is_deleted_without_an_answer_is_gone() {
    let world = World::new();
    let guard = world.lake.lock("contoso").await.unwrap();
    replace(&world, &guard, "first").await.unwrap();
    world.next(&[Harm::Lost]);
    world.lake.delete(KEY, &guard).await.unwrap();
    assert_eq!(world.there(KEY).await, None);
}

#[tokio::test]
async fn a_lease_is_ours_though_the_store_did_not_say_so() {
    for harm in [Harm::Lost, Harm::LostAndTriedAgain, Harm::Undone] {
        let world = World::new();
        // Taken for the first time, then after it was let go.
        for _ in 0..2 {
            world.next(std::slice::from_ref(&harm));
            let guard = world.lake.lock("contoso").await.unwrap_or_else(|e| panic!("{harm:?}: {e:?}"));
            guard.check().await.unwrap();
            world.next(std::slice::from_ref(&harm));
            guard.renew().await.unwrap_or_else(|e| panic!("{harm:?}: {e:?}"));
            replace(&world, &guard, "ours").await.unwrap();
            world.next(std::slice::from_ref(&harm));
            guard.release().await;
            let lease = world.there(LEASE).await.unwrap();
            assert!(String::from_utf8_lossy(&lease).contains("\"released\":true"), "{harm:?}: {lease:?}");
        }
    }
}

/// A task that is dropped while it renews never hears of it; the next word of ours is about the lease that is there.
#[tokio::test]
async fn a_renewal_that_nobody_heard_of_is_ours() {
    let world = World::new();
    let guard = world.lake.lock("contoso").await.unwrap();
    let lease = world.there(LEASE).await.unwrap();
    let renewed = String::from_utf8_lossy(&lease).replace("\"beat\":0", "\"beat\":1");
    world.inner.put(&Path::from(LEASE), renewed.clone().into()).await.unwrap();
    guard.check().await.unwrap();
    guard.renew().await.unwrap();
    world.inner.put(&Path::from(LEASE), renewed.into()).await.unwrap();
    guard.release().await;
    let lease = world.there(LEASE).await.unwrap();
    assert!(String::from_utf8_lossy(&lease).contains("\"released\":true"), "{lease:?}");
}

#[tokio::test]
async fn one_of_two_that_take_the_tenant_at_once_has_it() {
    let world = World::new();
    // Somebody is quicker by a hair.
    world.next(&[Harm::After(r#"{"epoch": 1, "holder": "another", "beat": 0, "released": false}"#)]);
    assert_eq!(world.lake.lock("contoso").await.err().map(|e| e.kind()), Some(Kind::Locked));
    assert!(String::from_utf8_lossy(&world.there(LEASE).await.unwrap()).contains("another"));
}

#[tokio::test]
async fn who_has_lost_the_tenant_writes_nothing_more() {
    let world = World::new();
    let guard = world.lake.lock("contoso").await.unwrap();
    replace(&world, &guard, "ours").await.unwrap();
    let large = Bytes::from(vec![7; 9 << 20]);
    let mut begun = world.lake.upload(KEY);
    begun.write(large.clone()).await.unwrap();
    world.take_over().await;
    assert_eq!(replace(&world, &guard, "late").await.unwrap_err().kind(), Kind::Locked);
    assert_eq!(begun.finish(&guard).await.unwrap_err().kind(), Kind::Locked);
    assert_eq!(world.lake.replace(KEY, large, &guard).await.unwrap_err().kind(), Kind::Locked);
    assert_eq!(world.lake.delete(KEY, &guard).await.unwrap_err().kind(), Kind::Locked);
    assert_eq!(world.there(KEY).await.unwrap(), "ours");
    let lease = world.there(LEASE).await;
    guard.release().await;
    assert_eq!(world.there(LEASE).await, lease, "what is not ours is not let go");
}
