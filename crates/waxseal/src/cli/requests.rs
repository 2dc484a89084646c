//! `waxseal privacy request`: what people ask about their data.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum PersonRequest {
    /// Write down what somebody asks. Prints its number and by when it has to be answered.
    Add {
        /// Address of who asks, or how else they can be reached; `-` reads it from standard input, so that it does not
        /// stand in the list of processes.
        #[arg(value_name = "ADDRESS", required_unless_present = "account", conflicts_with = "account")]
        from: Option<String>,
        /// The account that asks.
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// What is asked.
        #[arg(long, value_enum)]
        kind: RequestKindName,
        /// What is to be corrected, or not to be done any more; `-` reads it from standard input.
        #[arg(long, value_name = "TEXT", default_value = "")]
        about: String,
        /// When it came, if earlier: a day (2026-03-01) or time (2026-03-01T12:00:00Z). The time for the answer runs from
        /// then.
        #[arg(long, value_name = "TIME")]
        received: Option<String>,
    },
    /// List the requests that wait for an answer, newest first, with the days that are left; nobody is named.
    List {
        /// Also those that were answered or refused.
        #[arg(long)]
        all: bool,
        /// Those with a number below this one.
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
        /// At most this many: 1 to 1000.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
        limit: u64,
    },
    /// Show a request with who asks; that it was looked at is recorded.
    Show {
        /// The request's number.
        number: u64,
    },
    #[command(flatten)]
    Step(PersonStep),
}

/// What is asked.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RequestKindName {
    /// A copy of all that is kept.
    Access,
    /// That something is corrected.
    Correction,
    /// That everything is erased.
    Erasure,
    /// That something is not done any more.
    Objection,
}

/// Steps between a request and its end.
#[derive(Debug, Subcommand)]
pub(crate) enum PersonStep {
    /// Say that who asks is who they say. The proof itself (a copy of a passport) is not kept: neither here nor elsewhere.
    Verify {
        /// The request's number.
        number: u64,
        /// By what means, such as "answered from the address".
        #[arg(long, value_name = "TEXT")]
        how: String,
        /// Who checked it.
        #[arg(long, value_name = "WHO")]
        by: String,
    },
    /// Name a fee for a copy, or say that it was paid or is waived. The clock runs on meanwhile.
    Fee(PersonFee),
    /// Take two further months, once, before the time is over; who asks has to be told why.
    Extend {
        /// The request's number.
        number: u64,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        because: String,
    },
    /// End a request: what was asked was done. What is named as proof is looked up.
    Answer {
        /// The request's number.
        number: u64,
        /// An erasure's id; may be given again.
        #[arg(long, value_name = "ID")]
        erasure: Vec<String>,
        /// The entry of the audit trail that tells of the export or correction, as these print it.
        #[arg(long, value_name = "NUMBER")]
        entry: Option<u64>,
        /// Nothing about who asks was found.
        #[arg(long)]
        nothing_kept: bool,
        /// What they were told.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// End a request: nothing is done. Who asks has to be told why, and where to complain.
    Refuse {
        /// The request's number.
        number: u64,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        because: String,
    },
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("fee").required(true))]
pub(crate) struct PersonFee {
    /// The request's number.
    pub(crate) number: u64,
    /// Name a fee of this amount, such as 12.50.
    #[arg(long, group = "fee", requires_all = ["currency", "because"])]
    pub(crate) amount: Option<String>,
    /// Its currency, such as EUR.
    #[arg(long, requires = "amount")]
    pub(crate) currency: Option<String>,
    /// Why a fee may be asked for.
    #[arg(long, value_name = "TEXT", requires = "amount")]
    pub(crate) because: Option<String>,
    /// It was paid.
    #[arg(long, group = "fee")]
    pub(crate) paid: bool,
    /// It is not asked for any more.
    #[arg(long, group = "fee")]
    pub(crate) waived: bool,
}
