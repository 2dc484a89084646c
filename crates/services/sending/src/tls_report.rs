//! Reports about TLS that go by mail: from a domain that an account of the instance has, signed by its keys (RFC 8460
//! sections 3 and 5.3).

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use waxseal_accounts::caller::{Caller, Proof};

use crate::{
    request::{Content, SendRequest, Via},
    send::Sending,
};

/// A report as a message.
pub struct TlsReportMail<'a> {
    /// The domain that it comes from, whoever of the instance has it.
    pub from: &'a str,
    /// Whom it goes to.
    pub to: String,
    /// The message.
    pub mime: Vec<u8>,
    /// Its number: what is queued twice under one number for one address goes once.
    pub id: String,
}

impl Sending {
    /// Signs and queues a report. What went wrong comes in words without an address.
    pub async fn send_tls_report(&self, mail: TlsReportMail<'_>) -> Result<(), String> {
        let TlsReportMail { from, to, mime, id } = mail;
        let found = self.inner.store.domain_of_instance(from).await;
        let domain = found.map_err(|_| "the store does not answer")?;
        let domain = domain.ok_or("no account has the domain that reports come from")?;
        let caller = Caller {
            account: domain.account,
            only_domain: Some(domain.id),
            proof: Proof::Network("reports about TLS".into()),
            peer: None,
        };
        let key = key(&id, &to);
        let request = SendRequest {
            caller,
            domain,
            via: Via::Http,
            content: Content::Mime { mime, to: vec![to], headers: Vec::new(), mail_from: None },
            options: vec![("tracking".into(), "no".into())],
            variables: Vec::new(),
            recipient_variables: None,
            template: Vec::new(),
            idempotency: Some(key),
            tls_report: true,
        };
        // What a refusal says may quote whom the report goes to.
        self.send(request).await.map(drop).map_err(|_| "the report was not accepted for sending".into())
    }
}

/// The idempotency key of a report: an address may be longer than a key.
fn key(id: &str, to: &str) -> String {
    let mut key = format!("tls-report-{id}-");
    for byte in digest(&SHA256, to.as_bytes()).as_ref() {
        let _ = write!(key, "{byte:02x}");
    }
    key
}
