//! A report as a message (RFC 8460 section 5.3): `multipart/report` with a text for people and the report for programs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use waxseal_store::trust::TlsReport;

use super::{MailedReport, ReportMailer, TlsReporting, form, send::MEDIA_TYPE};

/// Characters of a line of Base64 (RFC 2045 section 6.8).
const LINE: usize = 76;

/// Hands a report to the mailer, for one of its places; what went wrong in words of the code.
pub(super) async fn hand_over(
    mailer: &dyn ReportMailer,
    reporting: &TlsReporting,
    report: &TlsReport,
    to: &str,
) -> Result<(), String> {
    let mime = mime(mailer, reporting, report, to).map_err(|error| error.kind().to_string())?;
    mailer.mail(MailedReport { to: to.to_owned(), mime, id: report.id.clone() }).await
}

/// The message.
fn mime(
    mailer: &dyn ReportMailer,
    reporting: &TlsReporting,
    report: &TlsReport,
    to: &str,
) -> std::io::Result<Vec<u8>> {
    let (id, domain, submitter) = (&report.id, &report.domain, mailer.domain());
    let from = mailer.sender();
    // Not every server takes more than ASCII; the report itself has it as it is.
    let plain = |char: char| if char == ' ' || char.is_ascii_graphic() { char } else { '?' };
    let organization: String = reporting.organization.chars().map(plain).collect();
    let (start, end) = (report.day.start().as_secs(), report.day.end().as_secs() - 1);
    let day = report.day.start().to_jiff().strftime("%Y-%m-%d").to_string();
    let encoded = STANDARD.encode(form::compressed(reporting, report)?);
    let lines: Vec<_> = encoded.as_bytes().chunks(LINE).map(String::from_utf8_lossy).collect();
    let lines = lines.join("\r\n");
    Ok(format!(
        "From: <{from}>\r\n\
         To: <{to}>\r\n\
         Subject: Report Domain: {domain} Submitter: {submitter}\r\n Report-ID: <{id}@{submitter}>\r\n\
         TLS-Report-Domain: {domain}\r\n\
         TLS-Report-Submitter: {submitter}\r\n\
         TLS-Required: No\r\n\
         Auto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"tlsrpt-{id}\"\r\n\
         \r\n\
         --tlsrpt-{id}\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         \r\n\
         This is an aggregate TLS report about connections to the mail servers of\r\n\
         {domain} on {day} (UTC), from {organization}.\r\n\
         \r\n\
         --tlsrpt-{id}\r\n\
         Content-Type: {MEDIA_TYPE}\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment;\r\n filename=\"{submitter}!{domain}!{start}!{end}.json.gz\"\r\n\
         \r\n\
         {lines}\r\n\
         --tlsrpt-{id}--\r\n"
    )
    .into_bytes())
}
