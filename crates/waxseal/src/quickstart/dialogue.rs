//! Drives the client's side of an SMTP dialogue over a connection.

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use waxseal_smtp::client::{Session, Step, Transaction, Verdict};

/// Where the dialogue stands.
pub(super) enum Outcome {
    /// TLS is to start.
    Handshake,
    /// The message was handed over and the dialogue ended.
    Done(Vec<Verdict>),
}

/// Talks until TLS is to start or the message is handed over.
pub(super) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    session: &mut Session,
    message: &mut Option<Transaction>,
) -> Result<Outcome> {
    let mut buffer = [0; 4096];
    let mut verdicts = None;
    loop {
        match session.step() {
            Step::Send(_) => {
                stream.write_all(&session.take_output()).await?;
                stream.flush().await?;
                session.sent();
            }
            Step::Check => session.checked(),
            Step::Receive(wait) => match tokio::time::timeout(wait.limit(), stream.read(&mut buffer)).await {
                Ok(Ok(0)) => session.closed(),
                Ok(Ok(read)) => session.receive(buffer.get(..read).unwrap_or_default()),
                Ok(Err(_)) => session.failed(),
                Err(_) => session.timed_out(),
            },
            Step::Handshake => return Ok(Outcome::Handshake),
            Step::Ready => match message.take() {
                Some(message) => session.begin(message),
                None => session.quit(),
            },
            Step::Finished(given) => verdicts = Some(given),
            Step::Over => {
                if let Some(verdicts) = verdicts {
                    return Ok(Outcome::Done(verdicts));
                }
                let fault = session.fault().context("the server ended the session")?;
                bail!("the session broke: {fault}");
            }
        }
    }
}
