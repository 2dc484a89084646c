//! Writes to the owners of accounts whose content an operator opened: through this instance's own sending.
//!
//! A notice is owed until it is queued, durably; what could not be sent is tried again by the server, every few
//! minutes.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;
use waxseal_accounts::caller::{Caller, Proof};
use waxseal_mail::Mailbox;
use waxseal_model::{Access, actor, purpose};
use waxseal_sending::request::{Content, Parts, SendRequest, Via};
use waxseal_store::grant::Grant;

use crate::house::House;

/// To write to the owner.
const NOTIFYING: Access<purpose::Operation> = Access::new(actor::System, purpose::Operation);
const EVERY: Duration = Duration::from_secs(300);
/// Notices of one round.
const ROUND: u64 = 100;

/// Sends what is owed, now and every few minutes.
pub(crate) async fn run(house: House, stop: CancellationToken) {
    loop {
        send(&house).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = house.clock.sleep_until(house.clock.now() + EVERY) => {}
        }
    }
}

/// Sends what is owed. Without `access.notice_from` nothing is sent: owners see grants in their lists.
pub(crate) async fn send(house: &House) {
    let Some(from) = house.config.access_notice_from.as_deref() else { return };
    let owed = match house.break_glass().unnoticed(ROUND).await {
        Ok(owed) => owed,
        Err(error) => {
            tracing::warn!(%error, "notices of access cannot be read");
            return;
        }
    };
    for grant in owed {
        if let Err(error) = send_one(house, from, &grant).await {
            tracing::warn!(
                grant = grant.number,
                error = format!("{error:#}"),
                "a notice of access was not sent"
            );
        }
    }
}

async fn send_one(house: &House, from: &str, grant: &Grant) -> Result<()> {
    let mailbox = Mailbox::parse(from).context("`access.notice_from`")?;
    let domain = house.store.domain_of_instance(mailbox.address.domain()).await?;
    let domain = domain.context("`access.notice_from`: no account has its domain")?;
    let profile = house.accounts.profile(grant.account).await?.context("the account is gone")?;
    let email = profile.open(&NOTIFYING).email.clone();
    if email.is_empty() {
        // The owner was erased: it waits until the account names somebody again.
        return Ok(());
    }
    let parts = Parts {
        from: vec![from.to_owned()],
        to: vec![email],
        subject: Some("An operator opened access to the content of your account".into()),
        text: Some(text(house, grant)),
        ..Parts::default()
    };
    let caller = Caller {
        account: domain.account,
        only_domain: Some(domain.id),
        proof: Proof::Network("notices".into()),
        peer: None,
    };
    let request = SendRequest {
        caller,
        domain,
        via: Via::Http,
        content: Content::Parts(parts),
        options: vec![("tracking".into(), "no".into())],
        variables: Vec::new(),
        recipient_variables: None,
        template: Vec::new(),
        // The note that it was sent may be lost in a crash: it is not sent twice for that.
        idempotency: Some(format!("access-notice-{}", grant.id)),
        tls_report: false,
    };
    house.sending.send(request).await?;
    Ok(house.break_glass().noticed(grant).await?)
}

/// Says when and where the reason stands. The reason itself may name people, and the account's id would outlive the
/// account here: both stay in the account's list.
fn text(house: &House, grant: &Grant) -> String {
    let base = house.config.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let id = &grant.id;
    let consent = match grant.needs_consent {
        true => format!("Nothing is shown before you consent: POST {base}/v1/privacy/access/{id}/consent.\n"),
        false => String::new(),
    };
    format!(
        "An operator of {} opened access to the content of your account. In its list of accesses\n\
         it is {id}.\n\n\
         From: {}\nUntil: {} at the latest\n\n\
         The reason, and how often something was opened, are in the list:\n\
         GET {base}/v1/privacy/access with a key of the account.\n\
         {consent}To refuse it, or to end it: DELETE {base}/v1/privacy/access/{id}/consent.\n",
        house.config.hostname,
        grant.opened_at.to_jiff(),
        grant.expires_at.to_jiff(),
    )
}
