//! The network and the DNS of a simulated world, as one process sees them.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use waxseal_net::{
    Conduit, LookupError, Network,
    network::{Later, Name, RData, RecordType, rdata},
};

use crate::{
    dice::Dice,
    ledger::{Heard, Ledger},
    peer::{self, Visit},
    plan::{Host, Plan},
    steps,
};

/// Our address.
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(11, 9, 9, 9));

/// What all processes of a world share.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    dialled: AtomicU64,
    asked: AtomicU64,
    /// Connections to the limited provider that are open, or being made.
    pub(crate) open: AtomicU64,
    /// Connections that it may have.
    pub(crate) bound: AtomicU64,
}

/// See [`self`].
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Arc<Plan>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) life: u32,
    /// The process has died: nothing of it reaches the network any more.
    pub(crate) dead: Arc<AtomicBool>,
}

impl World {
    fn is_calm(&self) -> bool {
        self.ledger.elapsed() >= self.plan.calm_after
    }
}

impl Network for World {
    fn dial(&self, to: SocketAddr, _: Option<IpAddr>) -> Later<io::Result<Box<dyn Conduit>>> {
        let number = self.counts.dialled.fetch_add(1, Ordering::Relaxed);
        let host = self.plan.hosts.iter().find(|host| IpAddr::V4(host.address) == to.ip()).cloned();
        let (Some(host), false) = (host, self.dead.load(Ordering::Relaxed)) else {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        };
        self.ledger.step(&format!("#{number} dials {}", host.name));
        let place = host.limited.then(|| Place::take(&self.counts, &self.ledger));
        let mut dice = Dice::of(self.plan.seed, &[3, number]);
        let fails = !self.is_calm() && dice.percent(host.unreachable);
        let fault = *dice.pick(&[
            Some(io::ErrorKind::ConnectionRefused),
            Some(io::ErrorKind::ConnectionReset),
            Some(io::ErrorKind::HostUnreachable),
            None,
        ]);
        let (plan, ledger, life) = (Arc::clone(&self.plan), Arc::clone(&self.ledger), self.life);
        let dead = Arc::clone(&self.dead);
        Box::pin(async move {
            tokio::time::sleep(host.latency).await;
            if fails {
                return match fault {
                    Some(kind) => Err(kind.into()),
                    // Nobody answers.
                    None => {
                        let _place = place;
                        std::future::pending().await
                    }
                };
            }
            let (ours, theirs) = tokio::io::duplex(host.window);
            let (line, reset) = (Arc::<Heard>::default(), Arc::<AtomicBool>::default());
            let visit = Visit {
                number,
                life,
                host,
                plan,
                ledger,
                line: Arc::clone(&line),
                reset: Arc::clone(&reset),
            };
            tokio::spawn(steps::alone(peer::converse(visit, theirs)));
            Ok(Box::new(Wire { io: ours, line, reset, dead, _place: place }) as Box<dyn Conduit>)
        })
    }

    fn look_up(&self, name: String, kind: RecordType) -> Later<Result<Vec<RData>, LookupError>> {
        let number = self.counts.asked.fetch_add(1, Ordering::Relaxed);
        let plain = name.trim_end_matches('.').to_ascii_lowercase();
        self.ledger.note(&format!("?{number} {kind} {plain}"));
        let mut dice = Dice::of(self.plan.seed, &[4, number]);
        let pause = Duration::from_millis(*dice.pick(&[1, 2, 30]));
        let (answer, weather) = self.answer(&plain, kind);
        let silent = !self.is_calm() && dice.percent(weather);
        let fault = *dice.pick(&[Some(LookupError::ServerFailed), Some(LookupError::TimedOut), None]);
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            match (silent, fault) {
                (false, _) => answer,
                (true, Some(error)) => Err(error),
                (true, None) => std::future::pending().await,
            }
        })
    }
}

impl World {
    /// What there is under a name, and what the weather is there.
    fn answer(&self, name: &str, kind: RecordType) -> (Result<Vec<RData>, LookupError>, u64) {
        if let Some(domain) = self.plan.domains.iter().find(|domain| domain.name == name) {
            let moved = domain.moves.as_ref().filter(|(at, _)| self.ledger.elapsed() >= *at);
            let hosts = moved.map_or(&domain.hosts, |(_, hosts)| hosts);
            let record = |(place, host): (usize, &usize)| {
                let host = Name::from_ascii(format!("{}.", self.plan.hosts[*host].name)).unwrap_or_default();
                RData::MX(rdata::MX::new(u16::try_from(place * 10).unwrap_or(0), host))
            };
            let found = hosts.iter().enumerate().map(record).collect();
            let answer = if kind == RecordType::MX { Ok(found) } else { Err(LookupError::NoRecord) };
            return (answer, domain.weather);
        }
        let host: Option<&Arc<Host>> = self.plan.hosts.iter().find(|host| host.name == name);
        let answer = match (host, kind) {
            (Some(host), RecordType::A) => Ok(vec![RData::A(rdata::A(host.address))]),
            (Some(_), _) => Err(LookupError::NoRecord),
            (None, _) => Err(LookupError::NoSuchName),
        };
        (answer, host.map_or(0, |host| host.weather / 2))
    }
}

/// A connection to the limited provider.
#[derive(Debug)]
struct Place(Arc<Counts>);

impl Place {
    fn take(counts: &Arc<Counts>, ledger: &Ledger) -> Self {
        let open = counts.open.fetch_add(1, Ordering::Relaxed) + 1;
        let bound = counts.bound.load(Ordering::Relaxed);
        if open > bound {
            ledger.broken(format!("{open} connections at once to a provider that gets {bound}"));
        }
        Self(Arc::clone(counts))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Our end of a connection.
#[derive(Debug)]
struct Wire {
    io: DuplexStream,
    line: Arc<Heard>,
    reset: Arc<AtomicBool>,
    dead: Arc<AtomicBool>,
    _place: Option<Place>,
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        match (self.dead.load(Ordering::Relaxed), self.reset.load(Ordering::Relaxed)) {
            (true, _) => Err(io::ErrorKind::NotConnected.into()),
            (_, true) => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Ok(()),
        }
    }
}

impl Conduit for Wire {
    fn local_ip(&self) -> IpAddr {
        OURS
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let read = (buf.filled().len() - before) as u64;
        self.line.heard.fetch_add(read, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
