//! From an address to a store. Options come from the environment that the stores' own tools read.

use std::path::Path as FsPath;
use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};
use url::Url;

use super::{Lake, environment};
use crate::error::{Error, Kind, Result};

/// Opens a store for `address` without touching it; a folder on local disk is made.
pub(super) fn open(address: &str) -> Result<Lake> {
    match Url::parse(address) {
        // A single letter is a Windows drive, not a scheme.
        Ok(url) if url.scheme().len() > 1 => remote(&url),
        _ => disk(FsPath::new(address)),
    }
}

fn disk(folder: &FsPath) -> Result<Lake> {
    let failed = |e: std::io::Error| {
        Error::new(Kind::Lake, "cannot make the lake's folder")
            .with("folder", folder.display())
            .because(e)
            .hint("name a folder that this user may write to with `--lake`")
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    let store = LocalFileSystem::new_with_prefix(&folder).map_err(|e| {
        Error::new(Kind::Lake, "cannot open the lake's folder").with("folder", folder.display()).because(e)
    })?;
    Ok(Lake {
        store: Arc::new(store),
        root: Path::default(),
        address: folder.display().to_string(),
        disk: Some(folder),
    })
}

fn remote(url: &Url) -> Result<Lake> {
    if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::new(Kind::Config, "the lake's address holds more than where it is")
            .with("lake", redacted(url))
            .hint("leave out passwords and what stands behind `?` or `#`; credentials belong into the environment, as docs/stores.md says"));
    }
    let build = |result: Result<Arc<dyn ObjectStore>, object_store::Error>| {
        result.map_err(|e| {
            Error::new(Kind::Config, "cannot open the lake")
                .with("lake", redacted(url))
                .because(e)
                .hint("set the store's credentials in the environment; docs/stores.md lists them")
        })
    };
    let retry = RetryConfig::default();
    let (store, path) = match url.scheme() {
        "file" => {
            let folder = url.to_file_path().map_err(|()| {
                Error::new(Kind::Config, "the lake's address is no local folder").with("lake", redacted(url))
            })?;
            return disk(&folder);
        }
        "az" | "azure" | "adl" | "abfs" | "abfss" => {
            let builder = MicrosoftAzureBuilder::from_env()
                .with_url(url.as_str())
                .with_allow_http(environment::plain_http(&environment::AZURE)?)
                .with_retry(retry);
            (build(builder.build().map(|s| Arc::new(s) as _))?, url.path())
        }
        "s3" | "s3a" => {
            let builder = AmazonS3Builder::from_env()
                .with_url(url.as_str())
                .with_allow_http(environment::plain_http(&environment::AWS)?)
                .with_retry(retry);
            (build(builder.build().map(|s| Arc::new(s) as _))?, url.path())
        }
        "gs" => {
            environment::plain_http(&environment::GOOGLE)?;
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).with_retry(retry);
            (build(builder.build().map(|s| Arc::new(s) as _))?, url.path())
        }
        other => {
            return Err(Error::new(Kind::Config, format!("`{other}://` is no lake"))
                .with("lake", redacted(url))
                .hint("use a path, or `file://`, `az://`, `abfss://`, `s3://` or `gs://`"));
        }
    };
    let root = Path::from_url_path(path).map_err(|e| {
        Error::new(Kind::Config, "the lake's path is no object path").with("lake", redacted(url)).because(e)
    })?;
    Ok(Lake { store, root, address: redacted(url), disk: None })
}

/// An address of a lake as it may be shown.
pub fn shown(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_string(), |url| redacted(&url))
}

/// The address without password, query and fragment.
fn redacted(url: &Url) -> String {
    // `abfss://container@account…` carries the container where others carry a user's name; a password is never printed.
    let mut shown = url.clone();
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_credential_is_refused_and_not_shown() {
        for address in ["s3://k:hunter2@box/x", "az://box/x?sig=hunter2", "gs://box/x#hunter2"] {
            let e = remote(&Url::parse(address).unwrap()).err().unwrap();
            assert_eq!(e.kind(), Kind::Config, "{address}");
            assert!(!format!("{e:?} {:?}", e.hint_text()).contains("hunter2"), "{address}");
            assert!(!shown(address).contains("hunter2"));
        }
        assert_eq!(shown("./lake"), "./lake");
    }

    #[test]
    fn addresses_are_printed_without_credentials() {
        let url = Url::parse("abfss://box:secret@acc.dfs.core.windows.net/a?sig=abc#x").unwrap();
        assert_eq!(redacted(&url), "abfss://box@acc.dfs.core.windows.net/a");
    }

    #[test]
    fn unknown_schemes_are_refused() {
        let e = open("ftp://host/lake").unwrap_err();
        assert_eq!(e.kind(), Kind::Config);
    }
}
