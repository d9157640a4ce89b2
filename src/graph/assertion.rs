//! Proves an application's identity by a certificate: a signed statement (JWT, PS256) in place of a secret.
//!
//! The private key stays in memory that ring owns and never enters an error or a log.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use serde_json::json;
use zeroize::Zeroizing;

use crate::config::Secret;
use crate::error::{Error, Kind, Result};

/// How long a statement holds. It is used at once; longer would only help a thief.
const LIFETIME: i64 = 600;
/// How far this machine's clock may be ahead of the service's.
const SKEW: i64 = 60;

/// A certificate and its private key.
pub(super) struct Signer {
    key: RsaKeyPair,
    thumbprint: String,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

impl Signer {
    /// Reads the certificate and its key; both may stand in one file, in any order, with the issuer's certificates.
    pub(super) fn read(certificate: &Path, key: Option<&Path>) -> Result<Signer> {
        let certificates = blocks(certificate, &read(certificate)?)?;
        let key_file = key.unwrap_or(certificate);
        let keys = match key {
            Some(path) => blocks(path, &read(path)?)?,
            None => blocks(certificate, &read(certificate)?)?,
        };
        let key = keys.iter().find_map(private_key).unwrap_or_else(|| {
            Err(wrong("no private key is in the file")
                .hint("append the private key (PEM) to the certificate's file, or name its file with `auth.key`"))
        });
        let key = key.map_err(|e| e.with("file", key_file.display()))?;
        // The public key stands in its certificate byte for byte.
        let public = key.public_key().as_ref();
        let own = certificates
            .iter()
            .filter(|b| b.label == "CERTIFICATE")
            .find(|b| b.der.windows(public.len()).any(|w| w == public))
            .ok_or_else(|| {
                wrong("no certificate in the file belongs to the private key")
                    .with("file", certificate.display())
                    .hint("name the certificate (PEM) that was uploaded to the application, and its own private key")
            })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &own.der));
        Ok(Signer { key, thumbprint })
    }

    /// A statement that `client_id` is who asks `audience`, valid from `now`.
    pub(super) fn statement(&self, client_id: &str, audience: &str, now: DateTime<Utc>) -> Result<Secret> {
        let failed = |_| Error::new(Kind::SignIn, "cannot sign with the certificate's private key");
        let random = SystemRandom::new();
        let mut id = [0u8; 16];
        random.fill(&mut id).map_err(failed)?;
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let now = now.timestamp();
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": guid(id),
            "nbf": now - SKEW,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let mut statement = format!("{}.{}", encoded(&header), encoded(&claims));
        let mut signed = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PSS_SHA256, &random, statement.as_bytes(), &mut signed).map_err(failed)?;
        statement.push('.');
        URL_SAFE_NO_PAD.encode_string(&signed, &mut statement);
        Ok(Secret::new(statement))
    }
}

fn encoded(value: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A random GUID (version 4).
fn guid(bytes: [u8; 16]) -> String {
    let n = u128::from_be_bytes(bytes) & !(0xf << 76) | (0x4 << 76);
    let n = n & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{n:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A block of a PEM file.
struct Block {
    label: String,
    der: Zeroizing<Vec<u8>>,
    encrypted: bool,
}

fn wrong(message: &str) -> Error {
    Error::new(Kind::Config, message)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    std::fs::read(path).map(Zeroizing::new).map_err(|e| {
        wrong("cannot read the certificate or its key")
            .with("file", path.display())
            .because(e)
            .hint("check `auth.certificate` and `auth.key`, and who may read the files")
    })
}

/// The blocks of a PEM file.
fn blocks(path: &Path, bytes: &[u8]) -> Result<Vec<Block>> {
    const PEM: &str = "convert it to PEM: `openssl pkcs12 -in app.pfx -nodes -out app.pem`";
    let not_pem = |message| wrong(message).with("file", path.display()).hint(PEM);
    let text = std::str::from_utf8(bytes).map_err(|_| not_pem("the certificate's file is not PEM"))?;
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let parts = after.split_once("-----").and_then(|(label, body)| {
            let (body, rest) = body.split_once(&format!("-----END {label}-----"))?;
            Some((label, body, rest))
        });
        let (label, body, after) = parts.ok_or_else(|| not_pem("a block of the PEM file has no end"))?;
        rest = after;
        // Headers (`Proc-Type: 4,ENCRYPTED`) have a colon, base64 has none.
        let encrypted = label.starts_with("ENCRYPTED") || body.contains("ENCRYPTED");
        let base64: Zeroizing<String> = Zeroizing::new(
            body.lines().filter(|l| !l.contains(':')).flat_map(str::chars).filter(|c| !c.is_whitespace()).collect(),
        );
        let der = match STANDARD.decode(base64.as_bytes()) {
            Ok(der) => der,
            Err(_) if encrypted => Vec::new(),
            Err(_) => return Err(not_pem("a block of the PEM file is not base64")),
        };
        found.push(Block { label: label.to_string(), der: Zeroizing::new(der), encrypted });
    }
    if found.is_empty() { Err(not_pem("the certificate's file is not PEM")) } else { Ok(found) }
}

/// The private key in a block, if it holds one.
fn private_key(block: &Block) -> Option<Result<RsaKeyPair>> {
    const CONVERT: &str = "openssl pkey -in key.pem -out plain.pem";
    if !block.label.ends_with("PRIVATE KEY") {
        return None;
    }
    if block.encrypted {
        return Some(Err(wrong("the private key is encrypted")
            .hint(format!("decrypt it (`{CONVERT}`) into a file that only this service may read"))));
    }
    Some(match block.label.as_str() {
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&block.der).map_err(rejected),
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&block.der).map_err(rejected),
        _ => Err(wrong("the private key is not RSA").hint("use a certificate with an RSA key of 2048 bits or more")),
    })
}

fn rejected(e: ring::error::KeyRejected) -> Error {
    wrong("the private key cannot be used")
        .because(e.to_string())
        .hint("use an RSA key of 2048 to 4096 bits in PEM, PKCS#8 (`BEGIN PRIVATE KEY`)")
}

#[cfg(test)]
#[path = "tests/assertion.rs"]
mod tests;
