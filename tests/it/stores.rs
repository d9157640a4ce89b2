//! What every store must do, whichever it is: local disk, Azure (Azurite), S3 (moto), GCS.
//!
//! `tests/run.sh` starts the servers and sets the variables; without them only local disk is tested here.

use bytes::Bytes;
use usagelake::error::Kind;
use usagelake::lake::Lake;

/// The stores that are there, each with a prefix of its own.
pub fn stores() -> Vec<(&'static str, Lake, Option<tempfile::TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let local = Lake::open(folder.path().to_str().unwrap()).unwrap();
    let mut stores = vec![("disk", local, Some(folder))];
    let prefix = format!("conformance-{:016x}", fastrand_seed());
    for (variable, scheme) in
        [("USAGELAKE_TEST_AZURITE", "az"), ("USAGELAKE_TEST_S3", "s3"), ("USAGELAKE_TEST_GCS", "gs")]
    {
        if std::env::var_os(variable).is_some() {
            let lake = Lake::open(&format!("{scheme}://usagelake/{prefix}/lake")).unwrap();
            stores.push((scheme, lake, None));
        }
    }
    stores
}

fn fastrand_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

fn bytes(n: usize) -> Bytes {
    (0..n).map(|i| (i * 31 % 251) as u8).collect::<Vec<u8>>().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_is_read_and_listed() {
    for (name, lake, _folder) in stores() {
        lake.prepare().await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert!(lake.read("a/none").await.unwrap().is_none(), "{name}");
        lake.put("a/b=1/x", bytes(10)).await.unwrap();
        lake.put("a/b=1/x", bytes(11)).await.unwrap();
        lake.put("a/b=2/y", bytes(3)).await.unwrap();
        assert_eq!(lake.read("a/b=1/x").await.unwrap().unwrap().bytes, bytes(11), "{name}");
        assert_eq!(lake.list("a").await.unwrap(), [("a/b=1/x".to_string(), 11), ("a/b=2/y".to_string(), 3)], "{name}");
        let guard = lake.lock("contoso").await.unwrap();
        lake.delete("a/b=1/x", &guard).await.unwrap();
        lake.delete("a/b=1/x", &guard).await.unwrap();
        assert_eq!(lake.list("a").await.unwrap().len(), 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_whole_or_not_there() {
    for (name, lake, _folder) in stores() {
        let guard = lake.lock("contoso").await.unwrap();
        // Small: one put. Large: parts. Both replace what was there.
        for size in [0, 1000, (8 << 20) + 1, 20_000_000] {
            let mut upload = lake.upload("t/part-0.parquet");
            for chunk in bytes(size).chunks(1_300_000) {
                upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
            }
            upload.finish(&guard).await.unwrap_or_else(|e| panic!("{name} {size}: {e:?}"));
            let found = lake.read("t/part-0.parquet").await.unwrap().unwrap();
            assert!(found.bytes == bytes(size), "{name} {size}");
        }
        let mut upload = lake.upload("t/part-0.parquet");
        upload.write(bytes(9 << 20)).await.unwrap();
        upload.abort().await;
        let found = lake.read("t/part-0.parquet").await.unwrap().unwrap();
        assert_eq!(found.bytes.len(), 20_000_000, "{name}: an aborted upload changed what was there");
        assert_eq!(lake.list("t").await.unwrap().len(), 1, "{name}: an aborted upload left something");
        guard.release().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_writer_at_a_time() {
    for (name, lake, _folder) in stores() {
        let first = lake.lock("contoso").await.unwrap();
        let second = lake.lock("contoso").await;
        assert_eq!(second.err().map(|e| e.kind()), Some(Kind::Locked), "{name}");
        // Another tenant is not concerned.
        lake.lock("fabrikam").await.unwrap_or_else(|e| panic!("{name}: {e:?}")).release().await;
        first.check().await.unwrap();
        first.release().await;
        let third = lake.lock("contoso").await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        third.release().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn create_has_one_winner() {
    for (name, lake, _folder) in stores() {
        let tries = (0..8).map(|n| lake.create("only/one", Bytes::from(vec![n])));
        let won = futures::future::join_all(tries).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(won, 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_layout_is_refused() {
    for (name, lake, _folder) in stores() {
        lake.put("_usagelake/layout.json", Bytes::from_static(b"{\"layout_version\": 99}")).await.unwrap();
        let refused = lake.prepare().await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Lake, "{name}");
        assert_eq!(refused.hint_text(), Some("update usagelake"), "{name}");
    }
}
