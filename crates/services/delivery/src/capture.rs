//! Sandbox domains: nothing leaves; the message is kept in the account's inbox instead.
//!
//! Recipients with the local parts `defer`, `bounce` and `complain` behave as they are called, so
//! that an application's handling of failures can be tried without anybody being hurt.

use waxseal_model::{
    event::{DeliveryStatus, EventDetails, EventKind},
    suppression::SuppressionKind,
};
use waxseal_store::{
    queue::LeasedEntry,
    suppression::{NewSuppression, SuppressionDetails},
};

use crate::{
    attempt::{Started, may_expire},
    board::Job,
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
    fn of(recipient: &str) -> Self {
        let local = recipient.rsplit_once('@').map_or(recipient, |(local, _)| local);
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
            },
            Self::Defer => Report {
                message: "The recipient defer@ of a sandbox domain is never ready".into(),
                ..Report::temporary(451, Some("4.7.1"), "")
            },
            Self::Bounce => Report {
                ending: Ending::Permanent { dead_address: true },
                message: "The recipient bounce@ of a sandbox domain does not exist".into(),
                reason: "bounce",
                ..Report::permanent(550, "5.1.1", "")
            },
        }
    }
}

/// Settles captured entries.
pub(crate) async fn capture(shared: &Shared, template: &EventDetails, job: &Job) {
    let started = Started::now(shared);
    let complaints: Vec<_> = job.entries.iter().filter_map(|entry| complaint(shared, entry)).collect();
    // Before the event that tells of it, so that a crash in between repeats both.
    if !complaints.is_empty()
        && let Err(error) = shared.store.suppress(complaints).await
    {
        tracing::error!(message = %job.message, %error, "a complaint cannot be recorded now");
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
    let decisions = job.entries.iter().map(|entry| decide(shared, &attempt, entry)).collect();
    shared.settler.settle(decisions).await;
}

fn decide(shared: &Shared, attempt: &Attempt<'_>, entry: &LeasedEntry) -> Decision {
    let behaviour = Behaviour::of(&entry.envelope.open(&ACCESS).recipient);
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

fn complaint(shared: &Shared, entry: &LeasedEntry) -> Option<NewSuppression> {
    let recipient = &entry.envelope.open(&ACCESS).recipient;
    (Behaviour::of(recipient) == Behaviour::Complain).then(|| NewSuppression {
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
    fn local_parts_act_as_they_are_called() {
        assert_eq!(Behaviour::of("Defer@sandbox.example"), Behaviour::Defer);
        assert_eq!(Behaviour::of("bounce@sandbox.example"), Behaviour::Bounce);
        assert_eq!(Behaviour::of("complain@sandbox.example"), Behaviour::Complain);
        assert_eq!(Behaviour::of("bounces@sandbox.example"), Behaviour::Capture);
    }
}
