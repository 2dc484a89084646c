//! The server's end of the control socket.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::PathBuf};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use super::{Answer, LONGEST_LINE, short_path, socket_path};
use crate::{admin, house::House};

/// A bound control socket; the file goes with it.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Binds the socket of a data folder that this process has to itself: a file left behind is replaced.
    pub(crate) fn bind(data_dir: &std::path::Path) -> io::Result<Self> {
        let path = socket_path(data_dir);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (short, _folder) = short_path(data_dir)?;
        let listener = UnixListener::bind(short)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers until told to stop.
    pub(crate) async fn serve(self, house: House, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { continue };
            let (house, stop) = (house.clone(), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    outcome = answer(stream, &house) => {
                        if let Err(error) = outcome {
                            tracing::debug!(%error, "control connection");
                        }
                    }
                }
            });
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, house: &House) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader.take(LONGEST_LINE)).read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => match admin::perform(house, request).await {
            Ok(value) => Answer::Ok(value),
            Err(error) => Answer::Error(format!("{error:#}")),
        },
        Err(_) => Answer::Error("the server does not know this command; is it of another version?".into()),
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await?;
    writer.shutdown().await
}
