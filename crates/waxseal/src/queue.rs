//! Commands about the queue: those that are answered once, and those that go on until everything that is named has had
//! its turn, however much it is.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{
    admin::{self, Request, Selection},
    cli::Queue,
    config::Config,
    output::{self, say},
};

/// How often `--wait` looks how much is left.
const LOOK: Duration = Duration::from_secs(1);

/// What a command asks for.
pub(crate) enum Asked {
    /// One answer.
    Once(Request),
    /// More than one.
    Followed(Followed),
}

/// What goes on until it is done.
pub(crate) struct Followed {
    what: What,
    which: Selection,
    older_than: Option<String>,
}

enum What {
    Drain { held: bool, wait: Option<Duration> },
    Expire { yes: bool },
    Count,
}

/// What this command asks for.
pub(crate) fn asked(command: Queue) -> Result<Asked> {
    let followed = |what, which, older_than| Asked::Followed(Followed { what, which, older_than });
    Ok(match command {
        Queue::List { which, pauses: true, .. } => {
            Asked::Once(Request::QueuePauses { which: which.selection()? })
        }
        Queue::List { which, limit, after, .. } => {
            Asked::Once(Request::QueueList { limit, which: which.selection()?, after })
        }
        Queue::Why { message } => Asked::Once(Request::QueueWhy { message }),
        Queue::Retry { message: Some(message), .. } => Asked::Once(Request::QueueRetry { message }),
        Queue::Retry { message: None, which, held } => {
            followed(What::Drain { held, wait: None }, which.selection()?, None)
        }
        Queue::Pause { which, reason, time } => {
            Asked::Once(Request::QueuePause { which: which.which.selection()?, reason, time })
        }
        Queue::Resume { which, pause } => {
            Asked::Once(Request::QueueResume { which: which.selection()?, pause })
        }
        Queue::Pauses { which } => Asked::Once(Request::QueuePauses { which: which.selection()? }),
        Queue::Drain { which, older_than, held, wait, timeout } => {
            let timeout = admin::duration("--timeout", &timeout)?;
            let what = What::Drain { held, wait: wait.then_some(timeout) };
            followed(what, which.which.selection()?, older_than)
        }
        Queue::Expire { which, older_than, dry_run, yes } => {
            let what = if dry_run { What::Count } else { What::Expire { yes } };
            followed(what, which.which.selection()?, older_than)
        }
    })
}

/// Goes on until everything has had its turn; tells how far it is, and in the end how many entries it touched.
pub(crate) async fn follow(config: &Config, followed: Followed, as_json: bool) -> Result<ExitCode> {
    let Followed { what, which, older_than } = followed;
    let which = &which;
    let page = |after| (which.clone(), older_than.clone(), after);
    let count = |after| {
        let (which, older_than, after) = page(after);
        Request::QueueCount { which, older_than, after }
    };
    let mut answer = match what {
        What::Count => {
            let counted = to_the_end(config, None, count).await?;
            json!({ "would_touch": counted["touched"], "touched": 0 })
        }
        What::Expire { yes } => {
            let mut from = None;
            if !yes {
                let counted = to_the_end(config, None, count).await?;
                confirm(counted["touched"].as_u64().unwrap_or(0))?;
                // What came since was not counted, and is left alone.
                from = counted["again"].as_str().map(ToOwned::to_owned);
            }
            let expire = |after| {
                let (which, older_than, after) = page(after);
                Request::QueueExpire { which, older_than, after }
            };
            to_the_end(config, from, expire).await?
        }
        What::Drain { held, .. } => {
            let drain = |after| {
                let (which, older_than, after) = page(after);
                Request::QueueDrain { which, older_than, held, after }
            };
            to_the_end(config, None, drain).await?
        }
    };
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("again");
    }
    let mut is_done = true;
    if let What::Drain { wait: Some(timeout), .. } = what {
        let left = wait(config, (which, older_than.is_some()), count, timeout).await?;
        is_done = left == 0;
        answer["left"] = left.into();
    }
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", admin::describe(&answer)));
    }
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for one part after the other, from a place on; the sum of what came of them.
async fn to_the_end(
    config: &Config,
    from: Option<String>,
    part: impl Fn(Option<String>) -> Request,
) -> Result<Value> {
    let mut sum = [("touched", 0), ("in_hands", 0), ("held", 0), ("scheduled", 0)];
    let mut after = from;
    loop {
        let answer = admin::ask(config, part(after)).await?;
        for (name, count) in &mut sum {
            *count += answer[*name].as_u64().unwrap_or(0);
        }
        match answer["after"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => {
                let mut all = json!(sum.into_iter().collect::<std::collections::BTreeMap<_, u64>>());
                all["again"] = answer["again"].clone();
                return Ok(all);
            }
        }
        tell(format_args!("{} so far", sum[0].1));
    }
}

/// Tells how much is left until nothing is, or for so long; how much that is.
async fn wait(
    config: &Config,
    (which, of_an_age): (&Selection, bool),
    count: impl Fn(Option<String>) -> Request,
    timeout: Duration,
) -> Result<u64> {
    let end = tokio::time::Instant::now() + timeout;
    let mut before = None;
    loop {
        let left = if which.recipient.is_some() || of_an_age {
            to_the_end(config, None, &count).await?["touched"].as_u64().unwrap_or(0)
        } else {
            let list = Request::QueueList { limit: 0, which: which.clone(), after: None };
            let counts = admin::ask(config, list).await?;
            counts["waiting"].as_u64().unwrap_or(0) + counts["in_flight"].as_u64().unwrap_or(0)
        };
        if left == 0 || tokio::time::Instant::now() >= end {
            return Ok(left);
        }
        if before != Some(left) {
            tell(format_args!("{left} left"));
        }
        before = Some(left);
        tokio::time::sleep_until(end.min(tokio::time::Instant::now() + LOOK)).await;
    }
}

/// Asks whoever sits there.
fn confirm(count: u64) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "{count} entries would end now, for good: say --yes to do it, or --dry-run to be told how many"
        );
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{count} entries end now, each with a `failed` event. Type yes: ");
    let _ = stderr.flush();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if line.trim() != "yes" {
        bail!("nothing was done");
    }
    Ok(())
}

/// How far it is, for whoever watches.
fn tell(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
