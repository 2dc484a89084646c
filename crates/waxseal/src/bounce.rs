//! `waxseal bounce classify`: what a refusal means. No store is asked.

use std::{io::Read as _, process::ExitCode};

use anyhow::{Context as _, Result};
use serde_json::json;
use waxseal_delivery::bounce::read_reply;

use crate::{
    admin::describe,
    config::Config,
    output::{self, say},
};

/// Bytes of a reply.
const LONGEST: u64 = 65_536;

/// Prints what the reply of this server means.
pub(crate) fn classify(config: &Config, reply: &str, host: &str, as_json: bool) -> Result<ExitCode> {
    let mut text = reply.to_owned();
    if reply == "-" {
        text.clear();
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).context("standard input")?;
    }
    let reply = read_reply(&text)
        .context("this is no refusal; write one as a server says it: `550 5.1.1 No such user`")?;
    let found = config.bounce_rules.classify(host, &reply);
    let is_dead = found.is_dead_address(&reply);
    let answer = json!({
        "class": found.class.as_str(),
        "code": reply.code(),
        "enhanced_code": reply.enhanced().map(|code| code.to_string()),
        "tried_again": reply.code() < 500,
        "bounce_type": found.class.bounce_type(),
        "suppresses": is_dead,
        "slows_down": found.class.slows_down(),
        "rule": found.rule,
    });
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", describe(&answer)));
    }
    Ok(ExitCode::SUCCESS)
}
