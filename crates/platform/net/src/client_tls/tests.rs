//! Any certificate encrypts; only a good one for the name counts as verified.

use tokio::{io::AsyncReadExt, net::TcpListener};

use super::*;
use crate::server_tls::{Identity, SELF_SIGNED_CERTIFICATE, server_tls};

const NOW: Timestamp = Timestamp::from_secs(1_795_000_000);

/// A TLS server with a self-signed certificate for `mx.example.net`; the folder holds its certificate.
async fn server() -> (std::net::SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("folder");
    let identity =
        Identity::SelfSigned { data_dir: folder.path().into(), names: vec!["mx.example.net".into()] };
    let acceptor = tokio_rustls::TlsAcceptor::from(server_tls(&identity).expect("server"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut tls) = acceptor.accept(stream).await {
                    let _ = tls.read_u8().await;
                }
            });
        }
    });
    (address, folder)
}

async fn peer(tls: &ClientTls, address: std::net::SocketAddr, host: &str) -> TlsPeer {
    let stream = TcpStream::connect(address).await.expect("connected");
    let (_stream, peer) = tls.start(stream, host, NOW, Duration::from_secs(10)).await.expect("handshake");
    peer
}

#[tokio::test]
async fn a_strangers_certificate_encrypts_but_is_not_verified() {
    let (address, _folder) = server().await;
    let tls = ClientTls::new(None).expect("tls");
    let peer = peer(&tls, address, "mx.example.net").await;
    assert_eq!(peer.flaw, Some(Flaw::UnknownIssuer));
}

#[tokio::test]
async fn a_known_issuer_and_the_right_name_are_verified() {
    let (address, folder) = server().await;
    let tls = ClientTls::new(Some(&folder.path().join(SELF_SIGNED_CERTIFICATE))).expect("tls");
    assert!(peer(&tls, address, "mx.example.net").await.is_verified());
    let wrong = peer(&tls, address, "other.example.net").await;
    assert_eq!(wrong.flaw, Some(Flaw::OtherName));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
    let address = listener.local_addr().expect("address");
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.expect("accepted");
        stream.write_all(b"500 what?\r\n").await.expect("written");
    });
    let tls = ClientTls::new(None).expect("tls");
    let stream = TcpStream::connect(address).await.expect("connected");
    let result = tls.start(stream, "mx.example.net", NOW, Duration::from_secs(10)).await;
    assert!(matches!(result, Err(ClientTlsError::Handshake(_))));
}
