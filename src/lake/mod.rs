//! The lake: one prefix of an object store, its layout, and who may write to it.
//!
//! Everything that touches storage goes through [`Lake`]. It promises that an object appears whole or not at all, and
//! that a write under a [`Guard`] is refused when another run has taken the tenant or changed the object meanwhile. It
//! never lists to find out what is published: the ledger knows.

mod address;
mod draft;
mod environment;
mod layout;
mod lock;
mod object;
mod sweep;
#[cfg(test)]
mod tests;
mod upload;

pub use address::shown;
pub use layout::{LAYOUT_VERSION, Layout};
pub use lock::Guard;
pub use object::{Found, Listed};
pub use upload::Upload;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use crate::error::{Error, Kind, Result};

/// A lake that has been opened. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    root: Path,
    address: String,
    /// The folder, where the lake is on this machine's disk.
    disk: Option<PathBuf>,
}

impl Lake {
    /// Opens the lake at a path or URL: `./lake`, `file:///…`, `az://container/path`, `abfss://…`, `s3://…`, `gs://…`.
    /// Credentials come from the environment variables that the stores' own tools use. Nothing is read or written yet.
    pub fn open(address: &str) -> Result<Lake> {
        address::open(address)
    }

    /// The lake's address as it may be printed: without credentials.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The folder, where the lake is on this machine's disk.
    pub fn disk(&self) -> Option<&std::path::Path> {
        self.disk.as_deref()
    }

    /// The lake's objects by key, for readers of parts of them. Nothing is ever written through it.
    pub(crate) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(Arc::clone(&self.store), self.root.clone()))
    }

    fn path(&self, key: &str) -> Path {
        self.root.parts().chain(Path::from(key).parts().map(|p| p.as_ref().to_string().into())).collect()
    }

    fn error(&self, what: &str, key: &str, e: object_store::Error) -> Error {
        let hint = match &e {
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                "give this identity the right to read, write, list and delete under the lake's prefix"
            }
            object_store::Error::NotFound { .. } => "create the container or bucket first",
            _ => "check the address, the network and the rights of this identity",
        };
        Error::new(Kind::Lake, what.to_string()).with("lake", &self.address).with("object", key).because(e).hint(hint)
    }
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lake({})", self.address)
    }
}

/// A finished SHA-256 in hexadecimal.
pub fn hex(sha: sha2::Sha256) -> String {
    sha2::Digest::finalize(sha).iter().map(|b| format!("{b:02x}")).collect()
}
