//! `waxseal privacy request`: from the command line to what is asked of whoever has the store.

use anyhow::{Context as _, Result, ensure};

use crate::{
    admin::{
        Request,
        requests::{Asked, FeeStep},
    },
    cli::{PersonRequest, PersonStep, RequestKindName},
    trace,
};

/// The request of a command.
pub(crate) fn request(command: PersonRequest) -> Result<Request> {
    let asked = match command {
        PersonRequest::Add { from, account, kind, about, received } => {
            ensure!(
                from.as_deref() != Some("-") || about != "-",
                "standard input can hold one of them alone"
            );
            let from = from.map(|from| trace::given(&from)).transpose()?;
            let about = if about.is_empty() { about } else { trace::given(&about)? };
            let kind = match kind {
                RequestKindName::Access => "access",
                RequestKindName::Correction => "correction",
                RequestKindName::Erasure => "erasure",
                RequestKindName::Objection => "objection",
            };
            Asked::Add { from, account, kind: kind.to_owned(), about, received }
        }
        PersonRequest::List { all, before, limit } => Asked::List { all, before, limit },
        PersonRequest::Show { number } => Asked::Show { number },
        PersonRequest::Step(step) => of_step(step)?,
    };
    Ok(Request::Person { asked })
}

fn of_step(step: PersonStep) -> Result<Asked> {
    Ok(match step {
        PersonStep::Verify { number, how, by } => Asked::Verify { number, how, by },
        PersonStep::Fee(fee) => {
            let step = match (fee.amount, fee.paid) {
                (Some(amount), _) => FeeStep::Quoted {
                    amount,
                    currency: fee.currency.context("--currency")?,
                    because: fee.because.context("--because")?,
                },
                (None, true) => FeeStep::Paid,
                (None, false) => FeeStep::Waived,
            };
            Asked::Fee { number: fee.number, step }
        }
        PersonStep::Extend { number, because } => Asked::Extend { number, because },
        PersonStep::Answer { number, erasure, entry, nothing_kept, note } => {
            Asked::Answer { number, erasures: erasure, entry, nothing_kept, note }
        }
        PersonStep::Refuse { number, because } => Asked::Refuse { number, because },
    })
}
