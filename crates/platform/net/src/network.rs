//! What stands in the machine's place where a whole world is made by hand: a network of one's own, with its names.
//!
//! Simulations run delivery as it is over such a network, in a time of their own. See [`Net::over`](crate::Net::over).

use std::{fmt::Debug, future::Future, io, net::IpAddr, net::SocketAddr, pin::Pin};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::resolver::LookupError;

pub use hickory_resolver::proto::rr::{Name, RData, RecordType, rdata};

/// What a network answers, later.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A network other than the machine's.
pub trait Network: Debug + Send + Sync {
    /// Connects to an address, from one of ours if one is given. Whoever asks gives up after its own time.
    fn dial(&self, to: SocketAddr, from: Option<IpAddr>) -> Later<io::Result<Box<dyn Conduit>>>;

    /// Looks a name up (with its final dot). Nothing is kept of the answer.
    fn look_up(&self, name: String, kind: RecordType) -> Later<Result<Vec<RData>, LookupError>>;
}

/// One end of a connection over such a network.
pub trait Conduit: AsyncRead + AsyncWrite + Debug + Send + Unpin {
    /// Our address on it.
    fn local_ip(&self) -> IpAddr;
}
