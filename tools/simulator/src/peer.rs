//! A recipient's mail server, good or bad as its weather says.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

use crate::{
    dice::Dice,
    ledger::{Heard, Ledger, Taken},
    plan::{Host, Plan},
};

/// Where a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Greeting,
    Hello,
    Mail,
    Recipient,
    Data,
    Content,
    Dot,
    Other,
}

/// What goes wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The reply takes so long.
    Slow(Duration),
    /// It comes byte by byte.
    Drip,
    Temporary,
    Permanent,
    /// 421, and the end.
    Bye,
    Close,
    Reset,
    /// Nothing more is said.
    Hang,
}

/// One conversation.
pub(crate) struct Visit {
    pub(crate) number: u64,
    pub(crate) life: u32,
    pub(crate) host: Arc<Host>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) line: Arc<Heard>,
    pub(crate) reset: Arc<AtomicBool>,
}

enum End {
    Closed,
    Reset,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// Holds a conversation to its end.
pub(crate) async fn converse(visit: Visit, stream: DuplexStream) {
    let reset = Arc::clone(&visit.reset);
    let (ledger, number) = (Arc::clone(&visit.ledger), visit.number);
    let mut talk = Talk { visit, io: BufReader::new(stream), asked: 0, mail: None, recipients: Vec::new() };
    let Err(end) = talk.run().await;
    if matches!(end, End::Reset) {
        reset.store(true, Ordering::Relaxed);
    }
    ledger.note(&format!("#{number} ends"));
}

struct Talk {
    visit: Visit,
    io: BufReader<DuplexStream>,
    asked: u64,
    mail: Option<String>,
    recipients: Vec<String>,
}

impl Talk {
    async fn run(&mut self) -> Result<std::convert::Infallible, End> {
        self.reply(Stage::Greeting, &format!("220 {} ESMTP\r\n", self.visit.host.name)).await?;
        loop {
            let line = self.line().await?;
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.visit.ledger.step(&format!("#{} C: {text}", self.visit.number));
            let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let address = text.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            match verb.as_str() {
                "EHLO" | "HELO" => {
                    let more = if self.visit.host.pipelining { "250-PIPELINING\r\n" } else { "" };
                    let hello = format!("250-{}\r\n{more}250 8BITMIME\r\n", self.visit.host.name);
                    self.reply(Stage::Hello, &hello).await?;
                }
                "MAIL" => {
                    (self.mail, self.recipients) = (None, Vec::new());
                    if self.reply(Stage::Mail, "250 2.1.0 ok\r\n").await? {
                        self.mail = Some(address);
                        self.note_begun();
                    }
                }
                "RCPT" if self.mail.is_none() => {
                    self.reply(Stage::Other, "503 5.5.1 MAIL first\r\n").await?;
                }
                "RCPT" if address.starts_with("dead") => {
                    self.reply(Stage::Other, "550 5.1.1 nobody here\r\n").await?;
                }
                "RCPT" => {
                    if self.reply(Stage::Recipient, "250 2.1.5 ok\r\n").await? {
                        self.recipients.push(address);
                    }
                }
                "DATA" if self.recipients.is_empty() => {
                    self.reply(Stage::Other, "503 5.5.1 RCPT first\r\n").await?;
                }
                "DATA" => {
                    if self.reply(Stage::Data, "354 go on\r\n").await? {
                        self.content().await?;
                    }
                }
                "RSET" => {
                    (self.mail, self.recipients) = (None, Vec::new());
                    self.reply(Stage::Other, "250 2.0.0 ok\r\n").await?;
                }
                "QUIT" => {
                    self.reply(Stage::Other, "221 2.0.0 bye\r\n").await?;
                    return Err(End::Closed);
                }
                _ => {
                    self.reply(Stage::Other, "500 5.5.2 what?\r\n").await?;
                }
            }
        }
    }

    fn note_begun(&self) {
        if self.visit.host.limited {
            let at = self.visit.ledger.elapsed();
            self.visit.ledger.state().begun.push(at);
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>, End> {
        let mut line = Vec::new();
        if self.io.read_until(b'\n', &mut line).await? == 0 || !line.ends_with(b"\n") {
            return Err(End::Closed);
        }
        if !line.ends_with(b"\r\n") || line[..line.len() - 2].contains(&b'\r') {
            self.visit.ledger.broken(format!("#{} a line does not end with CRLF alone", self.visit.number));
        }
        Ok(line)
    }

    async fn content(&mut self) -> Result<(), End> {
        if let Some(trouble) = self.trouble(Stage::Content) {
            self.io.fill_buf().await?;
            match trouble {
                Trouble::Slow(pause) => tokio::time::sleep(pause).await,
                Trouble::Drip => {}
                other => {
                    self.perform(other, "", Stage::Content).await?;
                }
            }
        }
        let mut content = Vec::new();
        loop {
            let line = self.line().await?;
            if line == b".\r\n" {
                break;
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        self.visit.ledger.step(&format!("#{} C: {} bytes and the dot", self.visit.number, content.len()));
        tokio::time::sleep(self.visit.host.latency).await;
        let trouble = self.trouble(Stage::Dot);
        let mut dice = self.dice(99);
        let (takes, replies) = match trouble {
            None | Some(Trouble::Slow(_) | Trouble::Drip) => (true, true),
            Some(Trouble::Temporary | Trouble::Permanent | Trouble::Bye) => (false, true),
            // It may have taken it all the same, and nobody hears of it.
            Some(Trouble::Close | Trouble::Reset | Trouble::Hang) => (dice.percent(60), false),
        };
        let proper = "250 2.0.0 taken\r\n";
        if takes {
            self.visit.ledger.step(&format!("#{} takes it, replies: {replies}", self.visit.number));
            let (at, line) = (self.visit.ledger.elapsed(), &self.visit.line);
            let reply_ends = line.said.load(Ordering::Relaxed) + proper.len() as u64;
            let taken = |recipient: String| Taken {
                at,
                recipient,
                content: content.clone(),
                life: self.visit.life,
                line: Arc::clone(line),
                reply_ends,
                replied: replies,
            };
            let recipients = std::mem::take(&mut self.recipients);
            self.visit.ledger.state().taken.extend(recipients.into_iter().map(taken));
        }
        (self.mail, self.recipients) = (None, Vec::new());
        match trouble {
            None => self.say(proper).await,
            Some(trouble) => self.perform(trouble, proper, Stage::Dot).await.map(drop),
        }
    }

    fn dice(&self, about: u64) -> Dice {
        Dice::of(self.visit.plan.seed, &[7, self.visit.number, self.asked, about])
    }

    /// What goes wrong at this stage, if anything does.
    fn trouble(&mut self, stage: Stage) -> Option<Trouble> {
        self.asked += 1;
        let mut dice = self.dice(stage as u64);
        if self.visit.ledger.elapsed() >= self.visit.plan.calm_after || !dice.percent(self.visit.host.weather)
        {
            return None;
        }
        if stage == Stage::Other {
            return Some(*dice.pick(&[Trouble::Close, Trouble::Hang, Trouble::Drip]));
        }
        let slow = Trouble::Slow(Duration::from_millis(*dice.pick(&[200, 3_000, 40_000, 200_000, 700_000])));
        Some(*dice.pick(&[
            slow,
            Trouble::Drip,
            Trouble::Temporary,
            Trouble::Temporary,
            Trouble::Permanent,
            Trouble::Bye,
            Trouble::Close,
            Trouble::Reset,
            Trouble::Hang,
        ]))
    }

    /// Replies properly, or not; whether properly.
    async fn reply(&mut self, stage: Stage, proper: &str) -> Result<bool, End> {
        tokio::time::sleep(self.visit.host.latency).await;
        match self.trouble(stage) {
            None => self.say(proper).await.map(|()| true),
            Some(trouble) => self.perform(trouble, proper, stage).await,
        }
    }

    async fn perform(&mut self, trouble: Trouble, proper: &str, stage: Stage) -> Result<bool, End> {
        match trouble {
            Trouble::Slow(pause) => {
                tokio::time::sleep(pause).await;
                self.say(proper).await?;
                return Ok(true);
            }
            Trouble::Drip => {
                for byte in proper.chars() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    self.write(&byte.to_string()).await?;
                }
                return Ok(true);
            }
            Trouble::Temporary => self.say("451 4.3.0 not now\r\n").await?,
            Trouble::Permanent => self.say("554 5.7.1 never\r\n").await?,
            Trouble::Bye => {
                self.say("421 4.3.2 going down\r\n").await?;
                return Err(End::Closed);
            }
            Trouble::Close => return Err(End::Closed),
            Trouble::Reset => return Err(End::Reset),
            Trouble::Hang => {
                let mut rest = Vec::new();
                self.io.read_to_end(&mut rest).await?;
                return Err(End::Closed);
            }
        }
        if stage == Stage::Content {
            // Whoever refuses in the middle of a message does not read the rest of it as commands.
            let mut rest = Vec::new();
            self.io.read_to_end(&mut rest).await?;
            return Err(End::Closed);
        }
        Ok(false)
    }

    async fn say(&mut self, text: &str) -> Result<(), End> {
        self.visit.ledger.step(&format!(
            "#{} S: {}",
            self.visit.number,
            text.trim_end().replace("\r\n", " / ")
        ));
        self.write(text).await
    }

    async fn write(&mut self, text: &str) -> Result<(), End> {
        self.visit.line.said.fetch_add(text.len() as u64, Ordering::Relaxed);
        Ok(self.io.get_mut().write_all(text.as_bytes()).await?)
    }
}
