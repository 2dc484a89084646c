//! A DNS server of our own on loopback, with records and faults that a test sets.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hickory_proto::{
    op::{Header, HeaderCounts, Metadata, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, MX, TXT},
    },
};
use hickory_server::{
    Server,
    net::runtime::Time,
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo},
    zone_handler::MessageResponseBuilder,
};
use tokio::net::{TcpListener, UdpSocket};

/// How a name misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Every question is answered with SERVFAIL.
    ServFail,
    /// No question is answered.
    Silence,
    /// So many questions are answered with SERVFAIL, then it works.
    ServFailFirst(u32),
}

/// A zone that knows every name it was told and nothing else. It answers until it is dropped.
///
/// Records have a TTL of 0, so that a changed record is seen at once.
pub struct Zone {
    records: Arc<Records>,
    address: SocketAddr,
    server: Server<Handler>,
}

#[derive(Default)]
struct Records {
    names: Mutex<BTreeMap<String, Entry>>,
    queries: AtomicU64,
}

#[derive(Default, Clone)]
struct Entry {
    data: Vec<RData>,
    fault: Option<Fault>,
    /// Addresses of which each question for A gets the next one; the last one stays.
    turns: VecDeque<Ipv4Addr>,
}

impl Entry {
    /// The address whose turn it is.
    fn turn(&mut self) -> Option<RData> {
        let now = *self.turns.front()?;
        if self.turns.len() > 1 {
            self.turns.pop_front();
        }
        Some(RData::A(A(now)))
    }

    /// The fault that this question meets.
    fn meet(&mut self) -> Option<Fault> {
        match &mut self.fault {
            Some(Fault::ServFailFirst(0)) => None,
            Some(Fault::ServFailFirst(left)) => {
                *left -= 1;
                Some(Fault::ServFail)
            }
            fault => *fault,
        }
    }
}

struct Handler(Arc<Records>);

impl Zone {
    /// Starts a server on UDP and TCP of one free loopback port.
    pub async fn start() -> io::Result<Self> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr()?;
        let records = Arc::new(Records::default());
        let mut server = Server::new(Handler(Arc::clone(&records)));
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 64);
        Ok(Self { records, address, server })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as `dns.nameservers` takes it.
    pub fn nameserver(&self) -> String {
        self.address.to_string()
    }

    /// How many questions it was asked.
    pub fn queries(&self) -> u64 {
        self.records.queries.load(Ordering::Relaxed)
    }

    /// Adds an MX record.
    pub fn mx(&self, name: &str, preference: u16, host: &str) -> &Self {
        self.add(name, RData::MX(MX::new(preference, fqdn(host))))
    }

    /// Adds the record that says "no mail here" (RFC 7505).
    pub fn null_mx(&self, name: &str) -> &Self {
        self.add(name, RData::MX(MX::new(0, Name::root())))
    }

    /// Adds an A or AAAA record.
    pub fn address_of(&self, name: &str, address: IpAddr) -> &Self {
        match address {
            IpAddr::V4(address) => self.add(name, RData::A(A(address))),
            IpAddr::V6(address) => self.add(name, RData::AAAA(AAAA(address))),
        }
    }

    /// Adds a TXT record, cut into strings of 255 bytes.
    pub fn txt(&self, name: &str, text: &str) -> &Self {
        let strings = text.as_bytes().chunks(255).map(|chunk| String::from_utf8_lossy(chunk).into_owned());
        self.add(name, RData::TXT(TXT::new(strings.collect())))
    }

    /// Adds a CNAME record.
    pub fn cname(&self, name: &str, target: &str) -> &Self {
        self.add(name, RData::CNAME(CNAME(fqdn(target))))
    }

    /// Answers each question for the address of `name` with the next of these; the last one stays.
    pub fn in_turn(&self, name: &str, addresses: &[Ipv4Addr]) -> &Self {
        self.change(name, |entry| entry.turns = addresses.iter().copied().collect())
    }

    /// A domain whose only MX record is the host `mx.<name>` on loopback.
    pub fn mail_domain(&self, name: &str) -> &Self {
        let host = format!("mx.{name}");
        self.mx(name, 10, &host).address_of(&host, IpAddr::from([127, 0, 0, 1]))
    }

    /// Makes questions for this name fail.
    pub fn fault(&self, name: &str, fault: Fault) -> &Self {
        self.change(name, |entry| entry.fault = Some(fault))
    }

    /// Forgets everything about this name.
    pub fn forget(&self, name: &str) -> &Self {
        self.change(name, |entry| *entry = Entry::default())
    }

    /// Stops answering.
    pub async fn stop(mut self) {
        let _ = self.server.shutdown_gracefully().await;
    }

    fn add(&self, name: &str, data: RData) -> &Self {
        self.change(name, |entry| entry.data.push(data))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Entry)) -> &Self {
        let mut names = self.records.names.lock().unwrap_or_else(PoisonError::into_inner);
        change(names.entry(plain(name)).or_default());
        self
    }
}

/// A port of 127.0.0.1 that is free in UDP and TCP, until somebody else takes it.
pub(crate) async fn free_port() -> io::Result<SocketAddr> {
    let (udp, _tcp) = bind().await?;
    udp.local_addr()
}

/// UDP and TCP on the same free port.
async fn bind() -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = None;
    for _ in 0..50 {
        let tcp = TcpListener::bind("127.0.0.1:0").await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("no free port")))
}

fn fqdn(name: &str) -> Name {
    let mut name = Name::from_ascii(name).expect("a name in a test is a name");
    name.set_fqdn(true);
    name
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// What a question gets.
struct Answer {
    code: ResponseCode,
    records: Vec<Record>,
}

impl Records {
    /// `None`: silence.
    fn answer(&self, name: &str, kind: RecordType) -> Option<Answer> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = Vec::new();
        let mut name = plain(name);
        // A CNAME is followed inside the zone; a loop of them ends here.
        for _ in 0..8 {
            let below = format!(".{name}");
            let inner = names.keys().any(|known| known.ends_with(&below));
            let Some(entry) = names.get_mut(&name) else {
                let exists = !records.is_empty() || inner;
                let code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
                return Some(Answer { code, records });
            };
            match entry.meet() {
                Some(Fault::Silence) => return None,
                Some(Fault::ServFail | Fault::ServFailFirst(_)) => {
                    return Some(Answer { code: ResponseCode::ServFail, records: vec![] });
                }
                None => {}
            }
            let own = |data: &RData| Record::from_rdata(fqdn(&name), 0, data.clone());
            let turn = if kind == RecordType::A { entry.turn() } else { None };
            let found = entry.data.iter().filter(|data| data.record_type() == kind);
            records.extend(turn.iter().chain(found).map(own));
            let alias = entry.data.iter().find_map(|data| match data {
                RData::CNAME(target) if kind != RecordType::CNAME => {
                    Some((own(data), plain(&target.to_ascii())))
                }
                _ => None,
            });
            let Some((record, target)) = alias else { break };
            records.push(record);
            name = target;
        }
        Some(Answer { code: ResponseCode::NoError, records })
    }
}

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut response_handle: R,
    ) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let silent = ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() });
        let Ok(info) = request.request_info() else { return silent };
        let name = info.query.name().to_string();
        let Some(answer) = self.0.answer(&name, info.query.query_type()) else { return silent };
        metadata.response_code = answer.code;
        metadata.authoritative = true;
        let response = MessageResponseBuilder::from_message_request(request).build(
            metadata,
            answer.records.iter(),
            [],
            [],
            [],
        );
        response_handle.send_response(response).await.unwrap_or(silent)
    }
}
