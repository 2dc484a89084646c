//! An outgoing connection, in the clear or under TLS.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use waxseal_model::Timestamp;

use crate::{
    client_tls::{ClientTls, ClientTlsError, ServerNames, TlsPeer},
    network::Conduit,
};

/// A connection that somebody else accepted.
#[derive(Debug)]
pub struct Stream(Inner);

#[derive(Debug)]
enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// In the clear, over another network than the machine's.
    Other(Box<dyn Conduit>),
}

impl Stream {
    pub(crate) const fn plain(stream: TcpStream) -> Self {
        Self(Inner::Plain(stream))
    }

    pub(crate) fn other(conduit: Box<dyn Conduit>) -> Self {
        Self(Inner::Other(conduit))
    }

    /// Our address on this connection.
    pub fn local_ip(&self) -> Option<IpAddr> {
        let address = match &self.0 {
            Inner::Plain(stream) => stream.local_addr(),
            Inner::Tls(stream) => stream.get_ref().0.local_addr(),
            Inner::Other(conduit) => return Some(conduit.local_ip()),
        };
        address.ok().map(|address| address.ip())
    }

    /// Makes the TLS handshake with `host` and checks its certificate as of `now`. The connection is
    /// gone if that fails.
    pub async fn secure(
        self,
        tls: &ClientTls,
        names: impl Into<ServerNames<'_>>,
        now: Timestamp,
        timeout: Duration,
    ) -> Result<(Self, TlsPeer), ClientTlsError> {
        match self.0 {
            Inner::Plain(stream) => {
                let (stream, peer) = tls.start(stream, names, now, timeout).await?;
                Ok((Self(Inner::Tls(Box::new(stream))), peer))
            }
            Inner::Tls(_) => Err(ClientTlsError::Handshake("TLS is on already".into())),
            Inner::Other(_) => Err(ClientTlsError::Handshake("there is no TLS in this network".into())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Other(conduit) => Pin::new(conduit).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Inner::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Other(conduit) => Pin::new(conduit).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Other(conduit) => Pin::new(conduit).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Other(conduit) => Pin::new(conduit).poll_shutdown(cx),
        }
    }
}
