//! Statements by certificate, and the PEM files that do and do not serve.

use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::*;

/// A certificate that nobody trusts and its key, made for these tests.
const NOBODY: &str = include_str!("nobody.pem");

fn signer(pem: &str) -> Result<Signer> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, pem).unwrap();
    Signer::read(file.path(), None).inspect_err(|e| {
        let text = format!("{e} {e:?}");
        assert!(NOBODY.lines().filter(|l| l.len() == 64).all(|l| !text.contains(l)), "a key is in: {text}");
    })
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn a_statement_is_signed_and_says_who() {
    let signer = signer(NOBODY).unwrap();
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let statement = signer.statement("app", "https://login.example.com/t/oauth2/v2.0/token", now).unwrap();
    let (signed, signature) = statement.expose().rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, signer.key.public_key().as_ref())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let header = decoded(header);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("PS256"), &json!("JWT")));
    assert_eq!(header["x5t#S256"].as_str().unwrap().len(), 43);
    let claims = decoded(claims);
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
    assert_eq!(claims["aud"], "https://login.example.com/t/oauth2/v2.0/token");
    assert_eq!((claims["nbf"].as_i64(), claims["exp"].as_i64()), (Some(1_789_999_940), Some(1_790_000_600)));
    let id = claims["jti"].as_str().unwrap();
    assert!(id.len() == 36 && &id[14..15] == "4" && "89ab".contains(&id[19..20]), "{id}");
    assert!(!format!("{signer:?} {statement:?}").contains(signature));
}

#[test]
fn order_chain_and_old_keys_do_not_matter() {
    let (certificate, key) = NOBODY.split_at(NOBODY.find("-----BEGIN PRIVATE").unwrap());
    let issuer = rcgen::generate_simple_self_signed(vec!["issuer".to_string()]).unwrap().cert.pem();
    let expected = signer(NOBODY).unwrap().thumbprint;
    // PKCS#1 is what stands in PKCS#8 behind 26 bytes, for a key of 2048 bits.
    let der = blocks(Path::new("x"), key.as_bytes()).unwrap().remove(0).der;
    let old =
        format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", STANDARD.encode(&der[26..]));
    for pem in [
        format!("{key}{certificate}"),
        format!("{issuer}{certificate}{key}"),
        format!("Bag Attributes: x\r\n{}", NOBODY.replace('\n', "\r\n")),
        format!("{certificate}{old}"),
    ] {
        assert_eq!(signer(&pem).unwrap().thumbprint, expected);
    }
}

#[test]
fn what_does_not_serve_is_refused_in_words() {
    let (certificate, key) = NOBODY.split_at(NOBODY.find("-----BEGIN PRIVATE").unwrap());
    let other = rcgen::generate_simple_self_signed(vec!["other".to_string()]).unwrap();
    let elliptic = other.signing_key.serialize_pem();
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let locked_old =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END RSA PRIVATE KEY-----";
    for (pem, says) in [
        (certificate.to_string(), "no private key is in the file"),
        (format!("{}{key}", other.cert.pem()), "no certificate in the file belongs to the private key"),
        (format!("{certificate}{elliptic}"), "the private key cannot be used"),
        (format!("{certificate}{locked}"), "the private key is encrypted"),
        (format!("{certificate}{locked_old}"), "the private key is encrypted"),
        (
            format!("{certificate}-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"),
            "the private key is not RSA",
        ),
        ("0\u{1}binary".into(), "the certificate's file is not PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA".into(), "a block of the PEM file has no end"),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----".into(), "a block of the PEM file is not base64"),
    ] {
        let e = signer(&pem).unwrap_err();
        assert_eq!(e.kind(), Kind::Config);
        assert!(e.to_string().starts_with(says), "{e}");
        assert!(e.hint_text().is_some(), "{e}");
    }
    assert!(Signer::read(Path::new("/nowhere/app.pem"), None).is_err());
}
