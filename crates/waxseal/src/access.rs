//! `waxseal access`: what is read here before the request goes to whoever has the store, and what is printed.

use std::{io::Read as _, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use waxseal_privacy::access::new_secret;
use waxseal_system::SystemRandom;

use crate::{
    admin::{Request, describe},
    cli::Access,
    output::{self, say},
};

/// Bytes of a reason or a secret.
const LONGEST: u64 = 4_096;

/// The request of a command.
pub(crate) fn request(command: Access) -> Result<Request> {
    Ok(match command {
        Access::Open { account, reason, time } => {
            let reason = if reason == "-" { read(Path::new("-"))? } else { reason };
            Request::AccessOpen { account, reason, time }
        }
        Access::Confirm { grant, secret } => Request::AccessConfirm { grant, secret: read(&secret)? },
        Access::Show { grant, before, limit } => Request::AccessShow { grant, before, limit },
        Access::Read { grant, message } => Request::AccessRead { grant, message },
        Access::List { account } => Request::AccessList { account },
        Access::Close { grant } => Request::AccessClose { grant },
        Access::Secret => anyhow::bail!("`access secret` asks nobody"),
    })
}

/// Prints content as it is.
pub(crate) fn print(answer: &Value) {
    output::write(format_args!("{}", answer["mime"].as_str().unwrap_or_default()));
}

/// Makes and prints a second operator's secret. Nothing of it is kept.
pub(crate) fn secret(as_json: bool) -> ExitCode {
    let (secret, hash) = new_secret(&SystemRandom);
    let answer = json!({ "secret": secret, "second_operator": hash });
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", describe(&answer)));
    }
    ExitCode::SUCCESS
}

/// What a file holds; `-` is standard input.
fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).context("standard input")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
        file.take(LONGEST).read_to_string(&mut text).with_context(|| path.display().to_string())?;
    }
    Ok(text.trim().to_owned())
}
