//! What a seed stands for: hosts with their weather, domains, messages, and what operators and fate do when.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use crate::{dice::Dice, ledger::Ledger};

/// The provider that has limits.
pub(crate) const PROVIDER: &str = "big";

/// A mail server.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    /// Whether it is the limited provider's.
    pub(crate) limited: bool,
    pub(crate) pipelining: bool,
    /// Percent of what is asked of it that goes wrong.
    pub(crate) weather: u64,
    /// Percent of the connections to it that are not made.
    pub(crate) unreachable: u64,
    /// Before each reply.
    pub(crate) latency: Duration,
    /// Bytes that are on their way at most.
    pub(crate) window: usize,
}

/// A domain of recipients.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(crate) name: String,
    /// Indices of its hosts: the best first.
    pub(crate) hosts: Vec<usize>,
    /// From then on its mail servers are these.
    pub(crate) moves: Option<(Duration, Vec<usize>)>,
    /// Percent of the questions about it that have no answer.
    pub(crate) weather: u64,
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// Which account sends it.
    pub(crate) account: usize,
    pub(crate) recipients: Vec<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) later: Duration,
    pub(crate) give_up_after: Duration,
}

/// What a pause is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Domain(usize),
    Account(usize),
    Provider,
}

/// What is done at a time.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Send(Mail),
    /// The process dies.
    Die,
    /// It stops in good order and starts again.
    Restart,
    /// The wall clock is set forward by so many seconds.
    Jump(i64),
    Pause(What),
    Resume(What),
    /// The provider gets so many connections and messages in a minute; `None`: the table counts again.
    Shape(Option<(u32, u32)>),
    /// What an account has in the queue ends.
    Expire(usize),
    /// It is due now.
    Hasten(usize),
}

/// Everything that is drawn beforehand.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) hosts: Vec<Arc<Host>>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) accounts: usize,
    pub(crate) actions: Vec<(Duration, Action)>,
    /// Steps on the wire at which the process dies.
    pub(crate) deadly: Vec<u64>,
    /// From then on nothing goes wrong any more.
    pub(crate) calm_after: Duration,
    /// Limits of the provider: connections and messages in a minute.
    pub(crate) provider: (u32, u32),
    pub(crate) per_destination: usize,
    pub(crate) connections: usize,
    pub(crate) recipients_per_transaction: usize,
    pub(crate) messages_per_connection: u32,
    pub(crate) waiting_per_destination: usize,
    pub(crate) leased: usize,
    pub(crate) bytes: u64,
    /// How soon the queue is looked at again while some have too much waiting: not as often where days pass.
    pub(crate) look_again: Duration,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let dice = &mut Dice::of(seed, &[1]);
        let weather = *dice.pick(&[0, 2, 6, 15, 35]);
        let accounts = usize::try_from(dice.within(1, 3)).unwrap_or(1);
        let hosts = hosts(dice, weather);
        let domains = domains(dice, weather, hosts.len());
        // Most worlds end within an hour or so, some last for days.
        let lasts = *dice.pick(&[30, 120, 900, 900, 7_200, 400_000]);
        let mut plan = Self {
            seed,
            accounts,
            calm_after: Duration::from_secs(lasts * dice.within(2, 6) / 4),
            provider: (u32::try_from(dice.within(1, 3)).unwrap_or(1), *dice.pick(&[2, 6, 20, 60, 600])),
            per_destination: *dice.pick(&[1, 2, 5]),
            connections: *dice.pick(&[1, 2, 4, 20]),
            recipients_per_transaction: *dice.pick(&[1, 2, 10]),
            messages_per_connection: *dice.pick(&[1, 3, 100]),
            waiting_per_destination: *dice.pick(&[1, 3, 10, 60]),
            leased: *dice.pick(&[3, 8, 30, 1_000]),
            bytes: *dice.pick(&[2_048, 8_192, 1_048_576]),
            look_again: Duration::from_millis((lasts * 5).clamp(500, 60_000)),
            deadly: Vec::new(),
            actions: Vec::new(),
            hosts,
            domains,
        };
        plan.draw_mail(dice, lasts);
        plan.draw_fate(dice, lasts);
        plan.actions.sort_by_key(|(at, _)| *at);
        // What was sent before waits until the clock is there again.
        if plan.actions.iter().any(|(_, action)| matches!(action, Action::Jump(by) if *by <= -3_600)) {
            plan.look_again = Duration::from_secs(60);
        }
        plan
    }

    /// Writes down what the world is like.
    pub(crate) fn tell(&self, ledger: &Ledger) {
        let Self { provider, per_destination, connections, calm_after, leased, bytes, deadly, .. } = self;
        ledger.note(&format!(
            "provider {provider:?}, per destination {per_destination}, connections {connections}, in memory {leased} \
             recipients and {bytes} bytes, a transaction {}, a connection {}, waiting {}; deadly {deadly:?}, calm after \
             {calm_after:?}",
            self.recipients_per_transaction, self.messages_per_connection, self.waiting_per_destination,
        ));
        self.hosts.iter().for_each(|host| ledger.note(&format!("{host:?}")));
        self.domains.iter().for_each(|domain| ledger.note(&format!("{domain:?}")));
    }

    fn draw_mail(&mut self, dice: &mut Dice, lasts: u64) {
        let count = dice.within(3, 24);
        // All at once, or spread.
        let spread = if dice.percent(40) { 1 } else { lasts };
        for number in 0..count {
            let recipients = (0..*dice.pick(&[1, 1, 1, 2, 5]))
                .map(|index| {
                    let word = if dice.percent(5) { "dead" } else { "r" };
                    format!("{word}{number}-{index}@{}", dice.pick(&self.domains).name)
                })
                .collect();
            let later = if dice.percent(10) { dice.within(1, lasts) } else { 0 };
            let mail = Mail {
                account: usize::try_from(dice.below(self.accounts as u64)).unwrap_or(0),
                recipients,
                content: content(dice, number),
                later: Duration::from_secs(later),
                give_up_after: Duration::from_secs(*dice.pick(&[600, 3_600, 20_000, 432_000, 432_000])),
            };
            self.actions.push((Duration::from_millis(dice.below(spread * 1_000)), Action::Send(mail)));
        }
    }

    fn draw_fate(&mut self, dice: &mut Dice, lasts: u64) {
        let at = |dice: &mut Dice| Duration::from_millis(dice.below(lasts * 1_000));
        if dice.percent(50) {
            for _ in 0..dice.within(1, 3) {
                self.deadly.push(dice.within(1, 400));
            }
        }
        let mut happens = Vec::new();
        if dice.percent(30) {
            happens.push(Action::Die);
        }
        if dice.percent(15) {
            happens.push(Action::Restart);
        }
        if dice.percent(25) {
            for _ in 0..dice.within(1, 2) {
                happens.push(Action::Jump(*dice.pick(&[
                    -86_400,
                    -3_600,
                    -30,
                    30,
                    3_600,
                    86_400,
                    315_360_000,
                ])));
            }
        }
        if dice.percent(25) {
            happens.push(Action::Shape(Some((
                u32::try_from(dice.within(1, 4)).unwrap_or(1),
                *dice.pick(&[1, 10, 100]),
            ))));
            if dice.percent(50) {
                happens.push(Action::Shape(None));
            }
        }
        if dice.percent(15) {
            happens.push(Action::Expire(usize::try_from(dice.below(self.accounts as u64)).unwrap_or(0)));
        }
        if dice.percent(15) {
            happens.push(Action::Hasten(usize::try_from(dice.below(self.accounts as u64)).unwrap_or(0)));
        }
        for action in happens {
            self.actions.push((at(dice), action));
        }
        if dice.percent(30) {
            let what = match dice.below(3) {
                0 => What::Domain(usize::try_from(dice.below(self.domains.len() as u64)).unwrap_or(0)),
                1 => What::Account(usize::try_from(dice.below(self.accounts as u64)).unwrap_or(0)),
                _ => What::Provider,
            };
            let from = at(dice);
            self.actions.push((from, Action::Pause(what.clone())));
            self.actions.push((from + at(dice), Action::Resume(what)));
        }
    }
}

fn hosts(dice: &mut Dice, weather: u64) -> Vec<Arc<Host>> {
    let count = dice.within(2, 5);
    let host = |number: u64| {
        let limited = number < 2;
        let name = if limited { format!("mx{number}.big.test") } else { format!("mx.h{number}.test") };
        // Some are always fine, some are down altogether until it gets calm.
        let own = *dice.pick(&[0, weather, weather, weather * 2]);
        let down = weather > 0 && dice.percent(8);
        Arc::new(Host {
            name,
            address: Ipv4Addr::new(11, 0, 0, u8::try_from(number + 1).unwrap_or(1)),
            limited,
            pipelining: dice.percent(70),
            weather: own,
            unreachable: if down { 100 } else { own },
            latency: Duration::from_millis(*dice.pick(&[1, 5, 40, 300])),
            window: *dice.pick(&[24, 300, 8_192, 8_192]),
        })
    };
    (0..count).map(host).collect()
}

fn domains(dice: &mut Dice, weather: u64, hosts: usize) -> Vec<Domain> {
    let count = dice.within(1, 5);
    let domain = |number: u64| {
        let some = |dice: &mut Dice| -> Vec<usize> {
            // The provider's two together, or others.
            match dice.below(4) {
                0 => vec![0],
                1 => vec![0, 1],
                _ => {
                    let first = usize::try_from(dice.below(hosts as u64)).unwrap_or(0);
                    if first > 1 && hosts > 3 && dice.percent(40) {
                        vec![first, if first + 1 < hosts { first + 1 } else { 2 }]
                    } else {
                        vec![first]
                    }
                }
            }
        };
        let mut places = some(dice);
        places.dedup();
        // What the DNS said counts for five minutes: nobody moves into or out of the provider's limits meanwhile.
        let moves = (dice.percent(15) && places[0] > 1)
            .then(|| (Duration::from_secs(dice.within(1, 2_000)), vec![hosts - 1]));
        let weather = *dice.pick(&[0, 0, weather]);
        Domain { name: format!("d{number}.test"), hosts: places, moves, weather }
    };
    (0..count).map(domain).collect()
}

fn content(dice: &mut Dice, number: u64) -> Vec<u8> {
    let mut text = format!("From: a@ours.test\r\nX-Number: {number}\r\nSubject: hello\r\n\r\n");
    for _ in 0..dice.below(*dice.clone().pick(&[2, 10, 60])) {
        let line: &&str = dice.pick(&["", ".", "..", ".dot", "a line of some words", "MAIL FROM:<x@y.test>"]);
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.into_bytes()
}
