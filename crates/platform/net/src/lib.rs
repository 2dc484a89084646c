//! What touches networks: DNS, TLS on both sides, outgoing connections with their guard.
//!
//! Nothing else in the house opens a socket outward. Who comes in is counted by [`crowd`]. [`Net`] bundles what outgoing
//! mail needs; [`HttpClient`] calls the URLs that customers and recipients' domains give.

pub mod client_tls;
pub mod connect;
pub mod crowd;
pub mod dane;
pub mod guard;
pub mod http_client;
pub mod mail_route;
pub mod net;
pub mod network;
pub mod peer;
pub mod published;
pub mod resolver;
pub mod server_tls;
pub mod stream;

pub use client_tls::{ClientTls, ClientTlsError, Flaw, ServerNames, TlsPeer};
pub use connect::{ConnectError, Connector, Source};
pub use guard::Guard;
pub use http_client::{HttpClient, HttpRules};
pub use mail_route::{MailHost, RouteError};
pub use net::{Net, NetConfig, NetError};
pub use network::{Conduit, Network};
pub use published::{Published, SpfVerdict};
pub use resolver::{Dnssec, LookupError, Resolver};
pub use server_tls::{Identity, ServerTlsError, certificate_end, server_tls, versions};
pub use stream::Stream;
