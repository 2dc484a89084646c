//! The server's end of the control socket.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Mutex,
};
use tokio_util::sync::CancellationToken;

use super::{Answer, LONGEST_LINE, places::Places, short_path};
use crate::{
    admin,
    house::House,
    operators::{self, Asking},
    output,
};

/// Longest line of somebody who may do nothing.
const LONGEST_LINE_OF_STRANGERS: u64 = 16 * 1024;
/// How long one may take to say what is asked.
const SAYING: Duration = Duration::from_secs(30);
/// Between two refusals: each is an entry of the audit trail, which must not grow as fast as somebody can ask.
const BETWEEN_REFUSALS: Duration = Duration::from_millis(500);
/// Pause after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound control socket; the file goes with it.
pub(crate) struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Binds the socket of a data folder that this process has to itself: a socket left behind is replaced, and no other file. The members
    /// of `group` reach it as well.
    pub(crate) fn bind(socket: &Path, group: Option<u32>) -> io::Result<Self> {
        match fs::symlink_metadata(socket) {
            Ok(left) if left.file_type().is_socket() => fs::remove_file(socket)?,
            Ok(_) => {
                let why = "this is a file that is no socket; name another place in `control.socket`";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (short, _folder) = short_path(socket)?;
        let listener = UnixListener::bind(short)?;
        let control = Self { listener, path: socket.to_owned() };
        fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
        if let Some(group) = group {
            chown(socket, None, Some(group)).map_err(|error| {
                let why = format!("{error}: the server's user has to be a member of `control.group`");
                io::Error::new(error.kind(), why)
            })?;
            fs::set_permissions(socket, fs::Permissions::from_mode(0o660))?;
        }
        Ok(control)
    }

    /// Answers until told to stop.
    pub(crate) async fn serve(self, house: House, stop: CancellationToken) {
        let (places, refusing) = (Arc::new(Places::default()), Arc::new(Mutex::new(())));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // No descriptor is left, as a rule: it would fail again at once.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let places = Arc::clone(&places);
            let (house, stop, refusing) = (house.clone(), stop.clone(), Arc::clone(&refusing));
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    outcome = answer(stream, &house, &places, &refusing) => {
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

async fn answer(
    stream: UnixStream,
    house: &House,
    places: &Arc<Places>,
    refusing: &Mutex<()>,
) -> io::Result<()> {
    // As the kernel knows them: nothing that they say themselves counts.
    let uid = stream.peer_cred()?.uid();
    let asking = Asking::peer(uid, &house.config);
    let (reader, mut writer) = stream.into_split();
    let Some(_place) = places.take(uid) else {
        let error = "too many commands of one user at a time: wait until one has ended".to_owned();
        return say(&mut writer, &Answer::Error(error)).await;
    };
    let longest = if asking.is_stranger() { LONGEST_LINE_OF_STRANGERS } else { LONGEST_LINE };
    let mut line = String::new();
    tokio::time::timeout(SAYING, BufReader::new(reader.take(longest)).read_line(&mut line)).await??;
    let judged = match serde_json::from_str(&line) {
        Ok(request) => asking.judge(request).map(Some),
        Err(_) => asking.wants(operators::UNKNOWN).map(|()| None),
    };
    match judged {
        Ok(None) => {
            let error = "the server does not know this command; is it of another version?".to_owned();
            say(&mut writer, &Answer::Error(error)).await
        }
        Ok(Some(judged)) => {
            let answer = match admin::perform(house, judged).await {
                Ok(value) => Answer::Ok(value),
                Err(error) => Answer::Error(output::told(&error)),
            };
            say(&mut writer, &answer).await
        }
        Err(refusal) => {
            let _turn = refusing.lock().await;
            let error = admin::refuse(house, refusal).await;
            say(&mut writer, &Answer::Error(output::told(&error))).await?;
            tokio::time::sleep(BETWEEN_REFUSALS).await;
            Ok(())
        }
    }
}

async fn say(writer: &mut tokio::net::unix::OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_string(answer)?;
    line.push('\n');
    writer.write_all(line.as_bytes()).await?;
    writer.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_no_other_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("control.sock");
        // Dropped without its file: as after a crash.
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("bound"));
        assert!(socket.exists());
        drop(Control::bind(&socket, None).expect("bound again"));
        fs::write(&socket, "somebody's").expect("written");
        let error = Control::bind(&socket, None).err().expect("refused");
        assert!(error.to_string().contains("`control.socket`"), "{error}");
        assert_eq!(fs::read_to_string(&socket).expect("read"), "somebody's");
    }
}
