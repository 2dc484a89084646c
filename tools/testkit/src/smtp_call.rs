//! SMTP spoken line by line, as a test wants it: what is sent is exactly what the test wrote.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpStream, tcp},
};

/// Longest wait for a reply.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to an SMTP server, in the clear.
pub struct SmtpCall {
    reader: BufReader<tcp::OwnedReadHalf>,
    writer: tcp::OwnedWriteHalf,
}

impl SmtpCall {
    /// Connects and reads the greeting.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let (reader, writer) = TcpStream::connect(address).await?.into_split();
        let mut call = Self { reader: BufReader::new(reader), writer };
        call.expect(220).await?;
        Ok(call)
    }

    /// Connects and logs in.
    pub async fn login(address: SocketAddr, login: &str, password: &str) -> Result<Self> {
        let mut call = Self::connect(address).await?;
        call.ask("EHLO application.test\r\n", 250).await?;
        let proof = STANDARD.encode(format!("\0{login}\0{password}"));
        call.ask(&format!("AUTH PLAIN {proof}\r\n"), 235).await?;
        Ok(call)
    }

    /// Submits a message; the reply to its end.
    pub async fn submit(&mut self, from: &str, to: &str, content: &str) -> Result<(u16, String)> {
        self.ask(&format!("MAIL FROM:<{from}>\r\n"), 250).await?;
        self.ask(&format!("RCPT TO:<{to}>\r\n"), 250).await?;
        self.ask("DATA\r\n", 354).await?;
        self.send(content).await?;
        self.send("\r\n.\r\n").await?;
        self.reply().await
    }

    /// Sends exactly this.
    pub async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.writer.write_all(text.as_bytes()).await?)
    }

    /// Sends a command whose reply has to have this code; hands back its text.
    pub async fn ask(&mut self, command: &str, code: u16) -> Result<String> {
        self.send(command).await?;
        self.expect(code).await
    }

    async fn expect(&mut self, code: u16) -> Result<String> {
        let (found, text) = self.reply().await?;
        if found != code {
            bail!("expected {code}, got {found} {text}");
        }
        Ok(text)
    }

    /// Reads one reply: its code and its lines.
    pub async fn reply(&mut self) -> Result<(u16, String)> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(PATIENCE, self.reader.read_line(&mut line)).await;
            if read.context("no reply in time")?? == 0 {
                bail!("the server hung up");
            }
            let (code, rest) = line.split_at_checked(3).context("a reply without code")?;
            text.push_str(rest.get(1..).unwrap_or_default().trim_end());
            if !rest.starts_with('-') {
                return Ok((code.parse()?, text));
            }
            text.push('\n');
        }
    }
}
