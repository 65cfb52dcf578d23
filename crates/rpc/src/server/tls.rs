//! TLS with client certificates: who has none from our authority is not served.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto::ring};

use super::{ServerError, TlsConfig};

/// The protocol that gRPC speaks.
const ALPN_H2: &[u8] = b"h2";

/// Returns what turns connections into encrypted ones.
pub(crate) fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, ServerError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&config.client_ca_file)? {
        roots
            .add(authority)
            .map_err(|error| unusable(&config.client_ca_file, &error))?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| unusable(&config.client_ca_file, &error))?;
    let key = PrivateKeyDer::from_pem_file(&config.key_file)
        .map_err(|error| unusable(&config.key_file, &error))?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports them")
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&config.cert_file)?, key)
        .map_err(|error| unusable(&config.cert_file, &error))?;
    server.alpn_protocols.push(ALPN_H2.to_vec());
    Ok(TlsAcceptor::from(Arc::new(server)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(unusable(path, &"it holds no certificate"))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn unusable(path: &Path, problem: &dyn std::fmt::Display) -> ServerError {
    ServerError::Tls {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}
