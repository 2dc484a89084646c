//! The command's end of the control socket.

use std::{io, path::Path};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
};

use super::{Answer, LONGEST_LINE, short_path};
use crate::admin::Request;

/// Asks the server that answers there; `None` if there is none.
pub(crate) async fn ask(socket: &Path, request: &Request) -> Result<Option<serde_json::Value>> {
    let Ok((short, _folder)) = short_path(socket) else { return Ok(None) };
    let stream = match UnixStream::connect(short).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| {
                let path = socket.display();
                format!(
                    "{path}: only the server's own user, root and members of its `control.group` reach it"
                )
            });
        }
    };
    let (reader, mut writer) = stream.into_split();
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    // Who is refused may be told so before everything is said.
    let said = writer.write_all(line.as_bytes()).await;
    let mut answer = String::new();
    BufReader::new(reader.take(LONGEST_LINE)).read_line(&mut answer).await?;
    if answer.is_empty() {
        said?;
    }
    match serde_json::from_str(&answer).context("the server ended before it answered")? {
        Answer::Ok(value) => Ok(Some(value)),
        Answer::Error(error) => bail!("{error}"),
    }
}

/// Whether a server answers there.
pub(crate) async fn answers(socket: &Path) -> bool {
    match short_path(socket) {
        Ok((short, _folder)) => UnixStream::connect(short).await.is_ok(),
        Err(_) => false,
    }
}
