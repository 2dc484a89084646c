//! `waxseal queue`: messages on their way.

use clap::{ArgGroup, Args, Subcommand};

use crate::admin::Selection;

#[derive(Debug, Subcommand)]
pub(crate) enum Queue {
    /// Count and list what waits: recipients' domains, attempts, last replies, and what each waits for; no addresses.
    List {
        #[command(flatten)]
        which: Which,
        /// At most this many entries, up to 1000.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=1_000))]
        limit: u64,
        /// Go on after this entry, as `next` of the page before says.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// List the pauses in force instead, or only that of exactly what is named.
        #[arg(long)]
        pauses: bool,
    },
    /// Tell why a message is where it is: for every recipient what it waits for, whose limit that is, what would free it.
    Why {
        /// Storage key, or Message-ID header.
        message: String,
    },
    /// Try a waiting message now, or all that is named.
    Retry {
        /// Storage key, or Message-ID header.
        #[arg(conflicts_with_all = ["account", "domain", "to", "provider", "recipient", "all"], required_unless_present_any = ["account", "domain", "to", "provider", "recipient", "all"])]
        message: Option<String>,
        #[command(flatten)]
        which: Which,
        /// Also what is held: taken over from elsewhere, or perhaps delivered before a crash.
        #[arg(long)]
        held: bool,
    },
    /// Let nothing of it leave for now: it is accepted and kept, and expires as ever. What is under way finishes.
    Pause {
        #[command(flatten)]
        which: Needed,
        /// Why, for whoever asks: customers see it. No address may stand in it.
        #[arg(long, default_value = "")]
        reason: String,
        /// End the pause by itself after this time, such as 30m or 12h.
        #[arg(long = "for", value_name = "DURATION")]
        time: Option<String>,
    },
    /// End a pause: what waited for it leaves at once. Other pauses stay.
    #[command(group = ArgGroup::new("one").required(true).args(["pause", "account", "domain", "to", "provider", "recipient", "all"]).multiple(true))]
    Resume {
        #[command(flatten)]
        which: Which,
        /// The pause of this number, as `queue pauses` lists it.
        #[arg(long, value_name = "NUMBER", conflicts_with_all = ["account", "domain", "to", "provider", "recipient", "all"])]
        pause: Option<u64>,
    },
    /// List the pauses in force, or only that of exactly what is named. Names of recipients are not kept with them.
    Pauses {
        #[command(flatten)]
        which: Which,
    },
    /// Attempt all that is named as soon as possible, whatever its time. What its sender put off stays.
    Drain {
        #[command(flatten)]
        which: Needed,
        /// Only what was accepted so long ago or longer, such as 2h.
        #[arg(long, value_name = "DURATION")]
        older_than: Option<String>,
        /// Also what is held: taken over from elsewhere, or perhaps delivered before a crash.
        #[arg(long)]
        held: bool,
        /// Tell how much is left until nothing is; ends with 1 if something still is after `--timeout`.
        #[arg(long)]
        wait: bool,
        /// How long to wait.
        #[arg(long, value_name = "DURATION", default_value = "10m", requires = "wait")]
        timeout: String,
    },
    /// End all that is named now, each with a permanent `failed` event. It cannot be undone.
    Expire {
        #[command(flatten)]
        which: Needed,
        /// Only what was accepted so long ago or longer, such as 2d.
        #[arg(long, value_name = "DURATION")]
        older_than: Option<String>,
        /// Only tell how many it would be.
        #[arg(long)]
        dry_run: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Which entries: all that is named has to fit.
#[derive(Debug, Default, Args)]
pub(crate) struct Which {
    /// Of this account.
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// Sent from this domain.
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: Option<String>,
    /// To this domain of recipients.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// To this provider of the table of providers (`waxseal shaping show`).
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// To this address; `-` reads it from standard input.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) recipient: Option<String>,
    /// Everything.
    #[arg(long, conflicts_with_all = ["account", "domain", "to", "provider", "recipient"])]
    pub(crate) all: bool,
}

/// The same where something has to be named.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["account", "domain", "to", "provider", "recipient", "all"]).multiple(true))]
pub(crate) struct Needed {
    #[command(flatten)]
    pub(crate) which: Which,
}

impl Which {
    /// What is asked for, with an address from standard input.
    pub(crate) fn selection(self) -> anyhow::Result<Selection> {
        let Self { account, domain, to, provider, recipient, all: _ } = self;
        let recipient = recipient.map(|address| crate::trace::given(&address)).transpose()?;
        Ok(Selection { account, domain, to, provider, recipient })
    }
}
