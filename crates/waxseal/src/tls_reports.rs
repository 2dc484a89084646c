//! Who tells recipients' domains how TLS with their servers went, as the configuration says.

use std::{fmt, sync::Arc};

use waxseal_delivery::{Mailed, MailedReport, ReportMailer, TlsReporting};
use waxseal_mail::Address;
use waxseal_sending::{Sending, tls_report::TlsReportMail};

use crate::{config::Config, house::House};

/// What delivery needs to send reports; `None`: it sends none.
pub(crate) fn reporting(config: &Config, house: &House) -> Option<TlsReporting> {
    // A server without a name on the Internet is nobody's to hear from.
    if !config.tls_reports || !config.hostname.contains('.') {
        return None;
    }
    let mut reporting = TlsReporting::new(&config.hostname);
    if let Some(organization) = &config.tls_reports_organization {
        reporting.organization.clone_from(organization);
    }
    if let Some(sender) = config.tls_reports_from.as_deref().and_then(|from| Address::parse(from).ok()) {
        let (domain, sender) = (sender.domain().to_ascii_lowercase(), sender.to_string());
        reporting.contact.clone_from(&sender);
        reporting.mailer = Some(Arc::new(Mailer { sending: house.sending.clone(), domain, sender }));
    }
    Some(reporting)
}

/// Sends reports through this instance.
struct Mailer {
    sending: Sending,
    domain: String,
    sender: String,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("domain", &self.domain).finish_non_exhaustive()
    }
}

impl ReportMailer for Mailer {
    fn domain(&self) -> &str {
        &self.domain
    }

    fn sender(&self) -> &str {
        &self.sender
    }

    fn mail(&self, report: MailedReport) -> Mailed<'_> {
        let MailedReport { to, mime, id } = report;
        let mail = TlsReportMail { from: &self.domain, to, mime, id };
        Box::pin(self.sending.send_tls_report(mail))
    }
}
