//! TLS with certificates of the tests' own: whom byway trusts, and whom not.
//!
//! byway trusts the system's roots, and the system can be told by `SSL_CERT_FILE` where they are. So
//! each test here runs in a process of its own that is told of the tests' own authority.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::proxy_side::{ProxySide, Ways};
use crate::socket_side::{Heard, Play, talk};
use crate::stage::{With as _, again_with, delivers, fails, sends};

/// Makes two authorities in a folder, and a certificate of each for `name`: `trusted` is the one that the
/// system will be told of.
fn make_certificates(folder: &Path) {
    for authority in ["trusted", "stranger"] {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        std::fs::write(folder.join(format!("{authority}.pem")), root.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        for name in ["localhost", "other.test"] {
            let key = KeyPair::generate().unwrap();
            let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let leaf = leaf.signed_by(&key, &issuer).unwrap();
            let both = leaf.pem() + &key.serialize_pem();
            std::fs::write(folder.join(format!("{authority}-{name}.pem")), both).unwrap();
        }
    }
}

/// Runs a test in a process that trusts `trusted` and nobody else; the folder of the certificates there.
fn in_own_world(test: &str, scene: impl AsyncFnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let (root, place) = (folder.path().join("trusted.pem"), folder.path().to_str().unwrap());
    let variables = [
        ("SSL_CERT_FILE", root.to_str().unwrap()),
        ("BYWAY_TEST_CERTIFICATES", place),
    ];
    if !again_with(test, &variables) {
        return;
    }
    let folder = std::env::var("BYWAY_TEST_CERTIFICATES").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(scene(Path::new(&folder)));
}

fn acceptor(file: &Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(file)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(file).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A far side with this certificate that answers requests, or speaks WebSocket; its port.
async fn secure_side(certificate: &Path, websocket: Option<Heard>) -> u16 {
    let acceptor = acceptor(certificate);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            if let Some(heard) = &websocket {
                tokio::spawn(talk(stream, Play::Echo, heard.clone()));
                continue;
            }
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure";
            stream.write_all(answer).await.ok();
            stream.shutdown().await.ok();
        }
    });
    port
}

#[test]
fn a_certificate_of_a_trusted_authority_and_the_right_name_is_good() {
    in_own_world(
        "tls::a_certificate_of_a_trusted_authority_and_the_right_name_is_good",
        async |folder| {
            let certificate = folder.join("trusted-localhost.pem");
            let port = secure_side(&certificate, None).await;
            let url = format!("https://localhost:{port}");
            let request = || sends(json!([{ "http": { "url": url } }])).http(&url);
            assert_eq!(delivers(&request()).await, "secure");
            // Through a proxy it is the far side's certificate that is looked at.
            let proxy = ProxySide::start(Ways::Open(None)).await;
            assert_eq!(delivers(&request().proxy(&proxy.url)).await, "secure");
            assert!(proxy.asked()[0].starts_with(&format!("CONNECT localhost:{port} ")));

            let heard = Heard::default();
            let port = secure_side(&certificate, Some(heard.clone())).await;
            let url = format!("wss://localhost:{port}");
            let steps =
                json!([{ "ws-open": { "url": url } }, { "ws-send": "hello" }, { "ws-receive": 5000 }]);
            assert_eq!(delivers(&sends(steps).http(&url)).await, "hello");
            assert_eq!(heard.messages(), ["hello"]);
        },
    );
}

#[test]
fn another_authority_or_another_name_is_refused_before_anything_is_sent() {
    in_own_world(
        "tls::another_authority_or_another_name_is_refused_before_anything_is_sent",
        async |folder| {
            for file in ["stranger-localhost.pem", "trusted-other.test.pem"] {
                let port = secure_side(&folder.join(file), None).await;
                let (https, wss) = (
                    format!("https://localhost:{port}"),
                    format!("wss://localhost:{port}"),
                );
                let (attempted, failure) =
                    fails(&sends(json!([{ "http": { "url": https } }])).http(&https)).await;
                assert_eq!(failure.code, "tlscertificateerror", "{file}");
                assert_eq!(attempted.effect, None);
                let (_, failure) = fails(&sends(json!([{ "ws-open": { "url": wss } }])).http(&wss)).await;
                assert_eq!(failure.code, "tls-certificate", "{file}");
            }
        },
    );
}
