//! Which requests are due soon and which are overdue: for the log, the metrics, and whoever asks.

use std::{future::Future, pin::pin, time::Duration};

use waxseal_store::{
    StoreError,
    request::{OpenRequest, RequestKind},
};

use super::{DAY, Requests};

/// So long before it is due the log reminds of a request.
const SOON: Duration = Duration::from_secs(7 * 86_400);
/// Requests that the log names in one round.
const NAMED: usize = 20;
/// After a failed look.
const AGAIN: Duration = Duration::from_secs(300);

/// How requests stand at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Those that wait for an answer, the first due first.
    pub open: Vec<OpenRequest>,
    /// Those of them that should have been answered.
    pub overdue: Vec<OpenRequest>,
    /// Those of them that are due within seven days.
    pub due_soon: Vec<OpenRequest>,
}

impl Standing {
    /// How many of some kinds are overdue, and how many are open.
    pub fn of(&self, kinds: &[RequestKind]) -> (usize, usize) {
        let count =
            |list: &[OpenRequest]| list.iter().filter(|request| kinds.contains(&request.kind)).count();
        (count(&self.overdue), count(&self.open))
    }
}

impl Requests {
    /// How requests stand now. Numbers and times alone: nothing is opened for it.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        let open = self.store.open_requests().await?;
        let (overdue, waiting): (Vec<OpenRequest>, Vec<OpenRequest>) =
            open.iter().partition(|request| request.due_at <= now);
        let due_soon = waiting.into_iter().filter(|request| request.due_at <= now + SOON).collect();
        Ok(Standing { open, overdue, due_soon })
    }

    /// Reminds once a day, until `stop` is done.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let wait = match self.standing().await {
                Ok(standing) => {
                    remind(&standing);
                    DAY
                }
                Err(error) => {
                    tracing::warn!(%error, "people's requests cannot be counted; another try follows soon");
                    AGAIN
                }
            };
            tokio::select! {
                () = &mut stop => return,
                () = self.clock.sleep_until(self.clock.now() + wait) => {}
            }
        }
    }
}

fn remind(standing: &Standing) {
    let number = |list: &[OpenRequest]| list.len() as f64;
    metrics::gauge!("waxseal_requests_open").set(number(&standing.open));
    metrics::gauge!("waxseal_requests_overdue").set(number(&standing.overdue));
    for request in standing.overdue.iter().take(NAMED) {
        tracing::warn!(person_request = request.number, "a person's request is overdue");
    }
    for request in standing.due_soon.iter().take(NAMED) {
        tracing::warn!(person_request = request.number, "a person's request is due within seven days");
    }
}
