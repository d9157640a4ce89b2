//! From a lake's address to what Power BI reads.

use url::Url;

use super::model::Source;
use crate::config::is_loopback;
use crate::error::{Error, Kind, Result};

/// A kind of source that Power Query knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SourceKind {
    /// Azure Data Lake Storage Gen2 and OneLake, by their `dfs` endpoint.
    Adls,
    /// Azure Blob Storage without a hierarchical namespace.
    Blob,
    /// A folder that Power BI Desktop or the gateway sees.
    Folder,
    /// A web server, by the manifest: also S3 and Google Cloud Storage behind one.
    Https,
}

/// How Power BI reaches the lake at `address`. `kind` says it where the address does not. `account` is the storage account
/// where an address like `az://container/path` names none.
pub fn reach(address: &str, kind: Option<SourceKind>, account: Option<&str>) -> Result<Source> {
    let url = Url::parse(address).ok().filter(|u| u.scheme().len() > 1);
    if url.as_ref().is_some_and(|u| u.scheme() == "http") && !is_loopback(address) {
        return Err(Error::new(Kind::Usage, "Power BI would read the lake over plain http")
            .with("lake", crate::lake::shown(address))
            .hint("serve it over https and name that address with `--root`; plain http is for 127.0.0.1"));
    }
    let kind = kind.unwrap_or(match url.as_ref().map(Url::scheme) {
        None | Some("file") => SourceKind::Folder,
        Some("http" | "https") if address.contains(".dfs.") => SourceKind::Adls,
        Some("http" | "https") if address.contains(".blob.core.") => SourceKind::Blob,
        Some("http" | "https" | "s3" | "s3a" | "gs") => SourceKind::Https,
        Some(_) => SourceKind::Adls,
    });
    match (kind, url) {
        (SourceKind::Folder, None) => Ok(Source::Folder(whole(address))),
        (SourceKind::Folder, Some(url)) => match url.to_file_path() {
            Ok(path) => Ok(Source::Folder(path.display().to_string())),
            Err(()) => Err(unreachable(address, "a folder", "name one with `--root`")),
        },
        (SourceKind::Https, Some(url)) if matches!(url.scheme(), "http" | "https") => {
            Ok(Source::Https(format!("{}/", plain(&url).trim_end_matches('/'))))
        }
        (SourceKind::Adls, Some(url)) => {
            let at = azure(&url, account, "dfs").ok_or_else(|| no_account(address))?;
            let place = [at.account, at.container, at.folder].join("/");
            Ok(Source::Adls(place.trim_end_matches('/').to_string()))
        }
        (SourceKind::Blob, Some(url)) => {
            let at = azure(&url, account, "blob").ok_or_else(|| no_account(address))?;
            Ok(Source::Blob { account: at.account, container: at.container, folder: at.folder })
        }
        (SourceKind::Https, _) => Err(unreachable(
            address,
            "an address that a web server serves",
            "name the address under which the lake's files are served with `--root https://…`; docs/powerbi.md says how",
        )),
        (_, None) => Err(unreachable(
            address,
            "a lake in Azure",
            "name the address with `--root https://<account>.dfs.core.windows.net/<container>`",
        )),
    }
}

/// A folder's path from its root: Power BI starts elsewhere. A path of Windows is taken as it is on other systems.
fn whole(folder: &str) -> String {
    let foreign = folder.contains('\\') || folder.chars().nth(1) == Some(':');
    let path = if foreign { None } else { std::path::absolute(folder).ok() };
    let path = path.map_or_else(|| folder.to_string(), |p| p.display().to_string());
    path.trim_end_matches(['/', '\\']).to_string()
}

/// A place in Azure: `https://account.dfs.core.windows.net`, the container, the folder in it.
struct Place {
    account: String,
    container: String,
    folder: String,
}

fn azure(url: &Url, account: Option<&str>, service: &str) -> Option<Place> {
    let path = url.path().trim_matches('/');
    let host = url.host_str().unwrap_or_default();
    if matches!(url.scheme(), "http" | "https") {
        let (container, folder) = path.split_once('/').unwrap_or((path, ""));
        let account = format!("{}://{}", url.scheme(), &url[url::Position::BeforeHost..url::Position::AfterPort]);
        return Some(Place { account, container: container.into(), folder: folder.into() });
    }
    // abfss://container@account.dfs.core.windows.net/path
    if !url.username().is_empty() {
        let account = format!("https://{}", host.replacen(".blob.", &format!(".{service}."), 1));
        let account = if service == "blob" { account.replacen(".dfs.", ".blob.", 1) } else { account };
        return Some(Place { account, container: url.username().into(), folder: path.into() });
    }
    // az://container/path
    let account = format!("https://{}.{service}.core.windows.net", account?);
    Some(Place { account, container: host.into(), folder: path.into() })
}

/// An address without what signs it.
fn plain(url: &Url) -> String {
    url[..url::Position::AfterPath].to_string()
}

fn no_account(address: &str) -> Error {
    unreachable(
        address,
        "a storage account",
        "set AZURE_STORAGE_ACCOUNT_NAME, or name the address with `--root https://<account>.dfs.core.windows.net/<container>`",
    )
}

fn unreachable(address: &str, what: &str, hint: &str) -> Error {
    Error::new(Kind::Usage, format!("Power BI cannot tell {what} from the lake's address"))
        .with("lake", crate::lake::shown(address))
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_it_is_reached() {
        let adls = |text: &str| Source::Adls(text.into());
        let blob = |folder: &str| Source::Blob {
            account: "https://acc.blob.core.windows.net".into(),
            container: "box".into(),
            folder: folder.into(),
        };
        for (address, kind, source) in [
            ("/data/lake/", None, Source::Folder("/data/lake".into())),
            ("C:\\lake", None, Source::Folder("C:\\lake".into())),
            ("az://box/a/b", None, adls("https://acc.dfs.core.windows.net/box/a/b")),
            ("az://box", Some(SourceKind::Blob), blob("")),
            ("abfss://box@acc.dfs.core.windows.net/lake/", None, adls("https://acc.dfs.core.windows.net/box/lake")),
            ("abfss://box@acc.dfs.core.windows.net/lake", Some(SourceKind::Blob), blob("lake")),
            (
                "abfss://work@onelake.dfs.fabric.microsoft.com/house.Lakehouse/Files/lake",
                None,
                adls("https://onelake.dfs.fabric.microsoft.com/work/house.Lakehouse/Files/lake"),
            ),
            ("https://acc.dfs.core.windows.net/box/lake", None, adls("https://acc.dfs.core.windows.net/box/lake")),
            ("https://acc.blob.core.windows.net/box/a", None, blob("a")),
            ("https://usage.example.com/lake?sig=x", None, Source::Https("https://usage.example.com/lake/".into())),
        ] {
            assert_eq!(reach(address, kind, Some("acc")).unwrap(), source, "{address}");
        }
        for address in ["s3://bucket/lake", "gs://bucket"] {
            assert!(reach(address, None, None).unwrap_err().hint_text().unwrap().contains("--root"), "{address}");
        }
        assert!(reach("az://box", None, None).is_err());
    }

    #[test]
    fn power_bi_reads_nothing_over_plain_http() {
        for kind in [None, Some(SourceKind::Https), Some(SourceKind::Adls), Some(SourceKind::Blob)] {
            let e = reach("http://me:hunter2@usage.example.com/lake", kind, Some("acc")).unwrap_err();
            assert!(e.to_string().contains("plain http") && !format!("{e:?}").contains("hunter2"), "{e:?}");
        }
        assert!(reach("http://127.0.0.1:8080/lake", None, None).is_ok());
    }
}
