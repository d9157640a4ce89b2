//! What the environment may say of a store: https that is verified, or this machine.
//!
//! The store's client reads its variables itself. Those that name addresses are looked at before it does, and those that
//! turn its protection off are refused, but for a store that is emulated here.

use crate::config::{check_endpoint, is_loopback};
use crate::error::{Error, Kind, Result};

/// A kind of store, by its variables.
pub(super) struct Kin {
    /// What all of its variables begin with.
    prefix: &'static str,
    /// Those that name an address where data or credentials go.
    addresses: &'static [&'static str],
    /// The one that says that the store is an emulator on this machine.
    emulator: Option<&'static str>,
}

pub(super) const AZURE: Kin = Kin {
    prefix: "AZURE_",
    addresses: &[
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_ENDPOINT",
        "AZURE_STORAGE_AUTHORITY_HOST",
        "AZURE_AUTHORITY_HOST",
        "AZURITE_BLOB_STORAGE_URL",
    ],
    emulator: Some("AZURE_STORAGE_USE_EMULATOR"),
};
pub(super) const AWS: Kin = Kin {
    prefix: "AWS_",
    addresses: &["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"],
    emulator: None,
};
pub(super) const GOOGLE: Kin = Kin { prefix: "GOOGLE_", addresses: &["GOOGLE_BASE_URL"], emulator: None };

/// Whether the store is spoken to over plain http, which it is on this machine only. Refuses an environment that would have
/// it otherwise.
pub(super) fn plain_http(kin: &Kin) -> Result<bool> {
    check(kin, std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))))
}

fn check(kin: &Kin, variables: impl Iterator<Item = (String, String)>) -> Result<bool> {
    // What is not the store's is not looked at; the client reads the rest of the name in whatever case.
    let of_store = variables.filter(|(name, _)| name.starts_with(kin.prefix) || kin.addresses.contains(&name.as_str()));
    let variables: Vec<(String, String)> = of_store.map(|(k, v)| (k.to_ascii_uppercase(), v)).collect();
    let addresses: Vec<&(String, String)> =
        variables.iter().filter(|(name, _)| kin.addresses.contains(&name.as_str())).collect();
    for (name, value) in &addresses {
        check_endpoint(value).map_err(|e| e.with("variable", name))?;
    }
    let on = |value: &str| !matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "false" | "off" | "no" | "n");
    let is_on = |name: &str| variables.iter().any(|(n, value)| n == name && on(value));
    let emulated = kin.emulator.is_some_and(is_on);
    let here = addresses.iter().all(|(_, v)| is_loopback(v)) && (emulated || !addresses.is_empty());
    for (suffix, what) in [
        ("ALLOW_INVALID_CERTIFICATES", "turns the verification of the store's certificate off"),
        ("ALLOW_HTTP", "lets data and credentials go over plain http"),
    ] {
        let name = format!("{}{suffix}", kin.prefix);
        if !here && is_on(&name) {
            return Err(Error::new(Kind::Config, format!("`{name}` {what}")).hint(format!(
                "unset `{name}`; install a certificate authority of your own on this machine, which is trusted then"
            )));
        }
    }
    Ok(addresses.iter().any(|(_, v)| v.starts_with("http://")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kin: &Kin, variables: &[(&str, &str)]) -> Result<bool> {
        check(kin, variables.iter().map(|(k, v)| (k.to_string(), v.to_string())))
    }

    #[test]
    fn the_environment_turns_no_protection_off() {
        for (kin, name) in [
            (&AWS, "AWS_ALLOW_INVALID_CERTIFICATES"),
            (&AWS, "AWS_ALLOW_HTTP"),
            (&AZURE, "AZURE_ALLOW_INVALID_CERTIFICATES"),
            (&AZURE, "AZURE_ALLOW_HTTP"),
            (&GOOGLE, "GOOGLE_ALLOW_INVALID_CERTIFICATES"),
            (&AWS, "AWS_Allow_Invalid_Certificates"),
        ] {
            for value in ["true", "1", "YES"] {
                let e = said(kin, &[(name, value)]).unwrap_err();
                assert_eq!(e.kind(), Kind::Config);
                assert!(e.to_string().contains(&name.to_ascii_uppercase()), "{e}");
            }
            assert!(!said(kin, &[(name, "false")]).unwrap());
            let address = kin.addresses[0];
            assert!(said(kin, &[(name, "true"), (address, "https://127.0.0.1:9000")]).is_ok(), "{name}");
            assert!(said(kin, &[(name, "true"), (address, "https://store.example.com")]).is_err(), "{name}");
        }
        let both = [("AWS_ENDPOINT", "https://[::1]:9"), ("AWS_ENDPOINT_URL_S3", "https://store.example.com")];
        assert!(said(&AWS, &[&both[..], &[("AWS_ALLOW_INVALID_CERTIFICATES", "1")]].concat()).is_err());
        assert!(said(&AZURE, &[("AZURE_STORAGE_USE_EMULATOR", "true"), ("AZURE_ALLOW_HTTP", "true")]).is_ok());
    }

    #[test]
    fn addresses_of_the_environment_are_https_or_here() {
        for kin in [&AWS, &AZURE, &GOOGLE] {
            for name in kin.addresses {
                let e = said(kin, &[(name, "http://me:hunter2@store.example.com")]).unwrap_err();
                assert!(e.to_string().contains(name) && !format!("{e:?}").contains("hunter2"), "{e}");
                assert!(said(kin, &[(name, "http://127.0.0.1:10000")]).unwrap());
                assert!(!said(kin, &[(name, "https://store.example.com")]).unwrap());
            }
        }
    }
}
