//! Sandbox domains: nothing leaves; the message is kept in the account's inbox instead.
//!
//! Recipients of the sandbox domain itself with the local parts `defer`, `bounce` and `complain` behave as they are
//! called, so that an application's handling of failures can be tried without anybody being hurt.

use waxseal_model::{
    event::{DeliveryStatus, EventDetails, EventKind},
    suppression::SuppressionKind,
};
use waxseal_store::{
    StoreError,
    queue::LeasedEntry,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    attempt::{Started, may_expire},
    board::Job,
    bounce::BounceClass,
    outcome::{ACCESS, Attempt, event, release},
    report::{Ending, Report},
    service::Shared,
    settler::{Decided, Decision},
};

/// What a recipient of a sandbox domain does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Capture,
    Defer,
    Bounce,
    Complain,
}

impl Behaviour {
    /// Of this recipient, in the sandbox domain of this name.
    fn of(recipient: &str, sandbox: &str) -> Self {
        let Some((local, domain)) = recipient.rsplit_once('@') else { return Self::Capture };
        if !domain.eq_ignore_ascii_case(sandbox) {
            return Self::Capture;
        }
        match local.to_ascii_lowercase().as_str() {
            "defer" => Self::Defer,
            "bounce" => Self::Bounce,
            "complain" => Self::Complain,
            _ => Self::Capture,
        }
    }

    fn report(self) -> Report {
        match self {
            Self::Capture | Self::Complain => Report {
                ending: Ending::Delivered,
                code: 250,
                message: "OK".into(),
                description: "Captured in the inbox of the sandbox domain".into(),
                enhanced: Some("2.0.0".into()),
                reason: "generic",
                class: BounceClass::Other,
            },
            Self::Defer => Report {
                message: "The recipient defer@ of a sandbox domain is never ready".into(),
                ..Report::temporary(451, Some("4.7.1"), "")
            },
            Self::Bounce => Report {
                ending: Ending::Permanent { dead_address: true },
                message: "The recipient bounce@ of a sandbox domain does not exist".into(),
                reason: "bounce",
                class: BounceClass::Recipient,
                ..Report::permanent(550, "5.1.1", "")
            },
        }
    }
}

/// Settles captured entries.
pub(crate) async fn capture(shared: &Shared, template: &EventDetails, job: &Job) {
    let started = Started::now(shared);
    let sandbox = match sandbox(shared, job).await {
        Ok(name) => name,
        Err(error) => {
            tracing::error!(mail = %job.message, %error, "the sandbox domain cannot be read now");
            return shared.settler.settle(job.entries.iter().map(release).collect()).await;
        }
    };
    let complaints: Vec<_> =
        job.entries.iter().filter_map(|entry| complaint(shared, entry, &sandbox)).collect();
    // Before the event that tells of it, so that a crash in between repeats both.
    if !complaints.is_empty()
        && let Err(error) = shared.store.suppress(complaints).await
    {
        tracing::error!(mail = %job.message, %error, "a complaint cannot be recorded now");
        return shared.settler.settle(job.entries.iter().map(release).collect()).await;
    }
    let attempt = Attempt {
        template,
        began_at: started.at,
        took: started.took(shared),
        contact: None,
        utf8: None,
        may_expire: may_expire(shared, job).await,
    };
    let decisions = job.entries.iter().map(|entry| decide(shared, &attempt, entry, &sandbox)).collect();
    shared.settler.settle(decisions).await;
}

/// The name of the sandbox domain; of one that was deleted meanwhile, none.
async fn sandbox(shared: &Shared, job: &Job) -> Result<String, StoreError> {
    let Some(entry) = job.entries.first() else { return Ok(String::new()) };
    let domain = shared.store.domain(entry.account, entry.domain).await?;
    Ok(domain.map(|domain| domain.name).unwrap_or_default())
}

fn decide(shared: &Shared, attempt: &Attempt<'_>, entry: &LeasedEntry, sandbox: &str) -> Decision {
    let behaviour = Behaviour::of(&entry.envelope.open(&ACCESS).recipient, sandbox);
    let mut decision = attempt.decide(shared, entry, &behaviour.report());
    if matches!(behaviour, Behaviour::Capture | Behaviour::Complain) {
        let expires_at = shared.clock.now() + shared.config.inbox_keep;
        decision.ending = Decided::Captured { expires_at };
    }
    if behaviour == Behaviour::Complain {
        let mut details = attempt.details(entry, DeliveryStatus::default(), None);
        details.delivery_status = None;
        let now = shared.clock.now();
        decision.events.push(event(shared, entry, now, (EventKind::Complained, None), details));
    }
    decision
}

fn complaint(shared: &Shared, entry: &LeasedEntry, sandbox: &str) -> Option<NewSuppression> {
    let recipient = &entry.envelope.open(&ACCESS).recipient;
    (Behaviour::of(recipient, sandbox) == Behaviour::Complain).then(|| NewSuppression {
        account: entry.account,
        domain: entry.domain,
        kind: SuppressionKind::Complaint,
        address: recipient.clone(),
        details: SuppressionDetails::default(),
        created_at: shared.clock.now(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_parts_of_the_sandbox_act_as_they_are_called() {
        let of = |recipient| Behaviour::of(recipient, "sandbox.example");
        assert_eq!(of("Defer@sandbox.example"), Behaviour::Defer);
        assert_eq!(of("bounce@Sandbox.example"), Behaviour::Bounce);
        assert_eq!(of("complain@sandbox.example"), Behaviour::Complain);
        assert_eq!(of("bounces@sandbox.example"), Behaviour::Capture);
        assert_eq!(of("bounce@customer.example"), Behaviour::Capture, "somebody who is really called so");
        assert_eq!(of("bounce@a.sandbox.example"), Behaviour::Capture);
    }
}
