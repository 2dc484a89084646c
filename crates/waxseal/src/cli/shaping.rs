//! `waxseal shaping set`: its words.

use clap::Args;

use crate::admin::shaping::Change;

/// Change what a provider gets, of the running server at once and after restarts too.
///
/// What is given here counts before the table, until `--for` is over or `--reset` takes it back; limits that are not named
/// stay as they are. More connections are made and too many end as messages come and go; a provider that is slowed down
/// because it asked for less stays so. With `--dry-run` nothing is changed: from the events of the last 24 hours it is told
/// how many messages went to the provider, how many in the busiest minute and hour, in how many minutes more went than the
/// rate allows, and how long messages would have waited for it, first under the rate of now, then under the new one.
///
/// Without a running server the change counts from the next start.
#[derive(Debug, Args)]
pub(crate) struct ShapingSet {
    /// The provider, as `waxseal shaping show` calls it.
    provider: String,

    /// Connections at once, 1 to 100000.
    #[arg(long, value_name = "N")]
    connections: Option<u32>,

    /// Messages over one connection, 1 to 100000.
    #[arg(long, value_name = "N")]
    messages_per_connection: Option<u32>,

    /// Messages in a minute, spread evenly, 1 to 100000.
    #[arg(long, value_name = "N")]
    messages_per_minute: Option<u32>,

    /// For how long, such as 30m or 2h; without it until `--reset`. Counts for all that was changed of the provider.
    #[arg(long = "for", value_name = "TIME", conflicts_with = "reset")]
    time: Option<String>,

    /// Let the table count again.
    #[arg(long, conflicts_with_all = ["connections", "messages_per_connection", "messages_per_minute"])]
    reset: bool,

    /// Change nothing; tell what it would do.
    #[arg(long)]
    dry_run: bool,
}

impl ShapingSet {
    /// What is asked.
    pub(crate) fn change(self) -> Change {
        let Self {
            provider,
            connections,
            messages_per_connection,
            messages_per_minute,
            time,
            reset,
            dry_run,
        } = self;
        Change { provider, connections, messages_per_connection, messages_per_minute, time, reset, dry_run }
    }
}
