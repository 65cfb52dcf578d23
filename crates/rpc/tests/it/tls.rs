//! TLS with client certificates: made for this test by an authority made for this test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tenure_rpc::server::{ServerError, TlsConfig};
use tenure_rpc::{ClientOptions, Lifecycle, Principal, Readiness, Server, ServerConfig, connect};
use tonic::Code;

use crate::inspect::{Loud, behind};
use crate::probe::Client;

/// Files of an authority and of one certificate that it signed.
struct Files {
    authority: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn files(folder: &Path, name: &str, authority: &CertifiedIssuer<'static, KeyPair>) -> Files {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let cert = params.signed_by(&key, authority).unwrap();
    let write = |kind: &str, text: String| {
        let path = folder.join(format!("{name}.{kind}.pem"));
        std::fs::write(&path, text).unwrap();
        path
    };
    Files {
        authority: write("authority", authority.pem()),
        cert: write("cert", cert.pem()),
        key: write("key", key.serialize_pem()),
    }
}

fn options(ours: &Files, client: Option<&Files>) -> ClientOptions {
    ClientOptions {
        server_ca_file: Some(ours.authority.clone()),
        cert_file: client.map(|files| files.cert.clone()),
        key_file: client.map(|files| files.key.clone()),
        ..ClientOptions::default()
    }
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_our_authority_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let ours = authority();
    let server = files(folder.path(), "server", &ours);
    let friend = files(folder.path(), "friend", &ours);
    let stranger = files(folder.path(), "stranger", &authority());
    let tls = TlsConfig {
        cert_file: server.cert.clone(),
        key_file: server.key.clone(),
        client_ca_file: server.authority.clone(),
    };
    // With TLS, any address may be served.
    let listen = "0.0.0.0:0".parse().unwrap();
    let lifecycle = Lifecycle::new();
    let loud = Arc::new(Loud::default());
    let config = ServerConfig {
        listen,
        tls: Some(tls),
        ..ServerConfig::default()
    };
    let serving = Server::new(config)
        .add(behind(&loud), &Readiness::ready())
        .serve(&lifecycle)
        .await
        .unwrap();
    let url = format!("https://localhost:{}", serving.address.port());
    let call = async |client: Option<&Files>| {
        let transport = connect(&url, &options(&server, client)).unwrap();
        Client::new(transport).call("Echo", "hello").await
    };

    assert_eq!(call(Some(&friend)).await.unwrap(), "HELLO");
    let proven = Principal::Certificate("localhost".into());
    assert_eq!(loud.seen.lock().unwrap()[0].0, proven);
    for refused in [call(None).await, call(Some(&stranger)).await] {
        assert_ne!(refused.unwrap_err().code(), Code::Ok);
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path(), "server", &authority());
    let tls = TlsConfig {
        cert_file: files.cert.clone(),
        key_file: files.cert.clone(),
        client_ca_file: files.authority.clone(),
    };
    let config = ServerConfig {
        tls: Some(tls),
        ..ServerConfig::default()
    };

    let refused = Server::new(config)
        .serve(&Lifecycle::new())
        .await
        .unwrap_err();

    assert!(
        matches!(&refused, ServerError::Tls { path, .. } if *path == files.cert),
        "{refused}"
    );
}
