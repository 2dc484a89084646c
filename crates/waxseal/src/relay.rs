//! What of `waxseal relay` is done where it is given: the password is read.

use std::{io::Read as _, path::Path};

use anyhow::{Context as _, Result, ensure};

use crate::{
    admin::{Request, relay::RelayLogin},
    cli::{Relay, Whose},
};

/// Longest password.
const LONGEST: u64 = 1_024;

/// The request of a command.
pub(crate) fn request(command: Relay) -> Result<Request> {
    Ok(match command {
        Relay::Set { url, direct, whose: Whose { account, domain }, user, password_file, share } => {
            let credentials = match user.zip(password_file) {
                Some((user, file)) => Some(RelayLogin { user, password: password(&file)? }),
                None => None,
            };
            Request::RelaySet { account, domain, url, direct, credentials, share }
        }
        Relay::Show { whose: Whose { account, domain } } => Request::RelayShow { account, domain },
        Relay::List { account } => Request::RelayList { account },
        Relay::Remove { whose: Whose { account, domain } } => Request::RelayRemove { account, domain },
    })
}

/// The password. It does not stand in the list of processes.
fn password(file: &Path) -> Result<String> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let (named, read) = if file == Path::new("-") {
        ("standard input".into(), std::io::stdin().lock().take(LONGEST + 3).read_to_string(&mut text))
    } else {
        let named = file.display().to_string();
        let opened = std::fs::File::open(file).with_context(|| named.clone())?;
        (named, opened.take(LONGEST + 3).read_to_string(&mut text))
    };
    read.with_context(|| named.clone())?;
    let password = text.trim_end_matches(['\r', '\n']);
    ensure!(
        !password.is_empty() && password.len() as u64 <= LONGEST,
        "{named}: expected a password of at most {LONGEST} bytes in one line"
    );
    Ok(password.to_owned())
}
