//! The certificate authority of one emulator, and the TLS that both origins speak with its certificates.
//!
//! Keys are made when the emulator starts and never leave the process.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::{Error, Kind, Result};

/// Makes an authority and a certificate for this machine; gives the authority's certificate as PEM, and the TLS.
pub fn tls() -> Result<(String, TlsAcceptor)> {
    let failed = |e: rcgen::Error| Error::new(Kind::File, "cannot make a certificate").because(e);
    let mut authority = CertificateParams::new(Vec::new()).map_err(failed)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "usagelake emulator CA");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate().map_err(failed)?;
    let pem = authority.self_signed(&authority_key).map_err(failed)?.pem();
    let issuer = Issuer::new(authority, authority_key);
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let mut own = CertificateParams::new(names).map_err(failed)?;
    own.distinguished_name.push(DnType::CommonName, "usagelake emulator");
    let own_key = KeyPair::generate().map_err(failed)?;
    let certificate = own.signed_by(&own_key, &issuer).map_err(failed)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own_key.serialize_der()));
    let wrong = |e: tokio_rustls::rustls::Error| Error::new(Kind::File, "cannot set up TLS").because(e);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(wrong)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((pem, TlsAcceptor::from(Arc::new(config))))
}
