//! How an attempt ended for one recipient, in the terms of the API's delivery status.

use waxseal_model::suppression::Verdict as Suppressed;
use waxseal_net::RouteError;
use waxseal_smtp::{
    Reply,
    client::{Fault, Stage, Verdict},
    reply::Class,
};

use crate::bounce::{BounceClass, Rules};

/// The longest reply text that an event keeps, in characters.
const MESSAGE_MAX: usize = 1_024;

/// Enhanced code of what could not be reached.
const UNREACHABLE: &str = "4.4.1";

/// Where an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The server took the message.
    Delivered,
    /// Another attempt follows, if there is time.
    Temporary,
    /// Nothing is known of this recipient but of all that went along: another attempt follows at once, for it alone.
    Together,
    /// No attempt follows.
    Permanent {
        /// The recipient does not exist: it goes on the bounce list.
        dead_address: bool,
    },
}

/// How an attempt ended. Its texts may quote addresses: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) ending: Ending,
    /// Reply code, or an internal one.
    pub(crate) code: u16,
    /// What the server said.
    pub(crate) message: String,
    /// What we say.
    pub(crate) description: String,
    /// Enhanced code.
    pub(crate) enhanced: Option<String>,
    /// Reason of a failure, in a word of the API.
    pub(crate) reason: &'static str,
    /// What the failure is about.
    pub(crate) class: BounceClass,
}

/// Whose replies are read, and by which table.
#[derive(Clone, Copy)]
pub(crate) struct Speaker<'a> {
    pub(crate) rules: &'a Rules,
    /// Name of the server.
    pub(crate) host: &'a str,
}

impl Report {
    /// What a verdict means.
    pub(crate) fn of_verdict(speaker: Speaker<'_>, verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Delivered(reply) => Self::of_reply(Ending::Delivered, reply, BounceClass::Other),
            Verdict::Refused { reply, local, .. } => {
                let found = speaker.rules.classify(speaker.host, reply);
                let ending = match (verdict.is_permanent(), local) {
                    (true, false) => Ending::Permanent { dead_address: found.is_dead_address(reply) },
                    (true, true) => Ending::Permanent { dead_address: false },
                    (false, _) => Ending::Temporary,
                };
                let mut report = Self::of_reply(ending, reply, found.class);
                if *local {
                    report.description = std::mem::take(&mut report.message);
                }
                report
            }
            Verdict::Broken { fault, .. } => Self::of_fault(speaker, fault),
        }
    }

    /// The same for each recipient of one transaction. What was refused for all of them says of none whether it would have been
    /// for it alone, unless it may be tried again anyway; nor does a server that has as many of them as it takes at once
    /// (RFC 5321 section 4.5.3.1.10).
    pub(crate) fn of_verdicts(speaker: Speaker<'_>, verdicts: &[Verdict]) -> Vec<Self> {
        let is_of_one = |verdict: &&Verdict| matches!(verdict, Verdict::Refused { stage: Stage::Rcpt, .. });
        let went_along = verdicts.len() - verdicts.iter().filter(is_of_one).count();
        let some_taken = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Delivered(_)));
        let report = |verdict: &Verdict| {
            let report = Self::of_verdict(speaker, verdict);
            match verdict {
                // Not too much mail: fewer at once.
                Verdict::Refused { stage: Stage::Rcpt, reply, .. } if some_taken && is_of_number(reply) => {
                    Self {
                        ending: Ending::Together,
                        reason: "generic",
                        class: BounceClass::Protocol,
                        ..report
                    }
                }
                Verdict::Refused { stage, reply, local } if went_along > 1 && verdict.is_permanent() => {
                    let is_of_all = match stage {
                        // Said of the sender or the size; or one of the addresses cannot be written in a command.
                        Stage::Opening | Stage::Mail => *local && reply.code() == 553,
                        Stage::Rcpt => false,
                        Stage::Data | Stage::Content | Stage::End => true,
                    };
                    let ending = if is_of_all { Ending::Together } else { report.ending };
                    let reason = if is_of_all { "generic" } else { report.reason };
                    Self { ending, reason, ..report }
                }
                _ => report,
            }
        };
        verdicts.iter().map(report).collect()
    }

    /// What the reply to a command means that no message was part of (greeting, EHLO).
    pub(crate) fn of_refusal(speaker: Speaker<'_>, reply: &Reply) -> Self {
        let permanent = reply.class() == Class::Permanent;
        let ending = if permanent { Ending::Permanent { dead_address: false } } else { Ending::Temporary };
        Self::of_reply(ending, reply, speaker.rules.classify(speaker.host, reply).class)
    }

    fn of_reply(ending: Ending, reply: &Reply, class: BounceClass) -> Self {
        Self {
            ending,
            code: reply.code(),
            message: reply.text().chars().take(MESSAGE_MAX).collect(),
            description: String::new(),
            enhanced: reply.enhanced().map(|code| code.to_string()),
            reason: match (ending, class.reason()) {
                // Nothing bounced: it is tried again, or said of the connection and not of the recipient.
                (Ending::Temporary | Ending::Permanent { dead_address: false }, "bounce") => "generic",
                (_, reason) => reason,
            },
            class,
        }
    }

    /// What a broken conversation means: try again, unless we talk to ourselves.
    pub(crate) fn of_fault(speaker: Speaker<'_>, fault: &Fault) -> Self {
        match fault {
            Fault::Closing(reply) | Fault::Refused(reply) => Self::of_refusal(speaker, reply),
            Fault::Loop => Self::permanent(554, "5.4.6", "The mail server of the domain is this server"),
            Fault::NoTls => {
                let report =
                    Self::temporary(499, Some("4.7.4"), "TLS required but not offered by the server");
                Self { class: BounceClass::Security, ..report }
            }
            other => Self::temporary(499, Some("4.4.2"), &sentence(&other.to_string())),
        }
    }

    /// The recipient was suppressed while the message waited: nothing is sent.
    pub(crate) fn suppressed(verdict: Suppressed) -> Self {
        Self {
            ending: Ending::Permanent { dead_address: false },
            reason: verdict.reason(),
            ..Self::temporary(verdict.code(), None, verdict.description())
        }
    }

    /// What a missing route means.
    pub(crate) fn of_route(error: RouteError, domain: &str) -> Self {
        let no_mx = format!("No MX for {domain}");
        let mut report = match error {
            RouteError::NoSuchDomain | RouteError::BadName => {
                Self { class: BounceClass::Domain, ..Self::permanent(550, "5.1.2", &no_mx) }
            }
            RouteError::NullMx => {
                Self { class: BounceClass::Domain, ..Self::permanent(556, "5.1.10", &no_mx) }
            }
            RouteError::Loop => Self::permanent(554, "5.4.6", "The mail server of the domain is this server"),
            RouteError::Temporary(_) => Self::temporary(498, Some("4.4.3"), &no_mx),
        };
        report.message = sentence(&error.to_string());
        report
    }

    /// No host could be reached; `last` is what the last one led to.
    pub(crate) fn unreachable(domain: &str, last: &str) -> Self {
        Self { message: last.into(), ..Self::temporary(499, Some(UNREACHABLE), &unable(domain)) }
    }

    /// The same for another domain with the same servers.
    pub(crate) fn about(self, domain: &str) -> Self {
        match self.enhanced.as_deref() {
            Some(UNREACHABLE) => Self { description: unable(domain), ..self },
            _ => self,
        }
    }

    /// TLS was required and did not come about.
    pub(crate) fn no_tls(why: &str) -> Self {
        let report = Self::temporary(499, Some("4.7.5"), &format!("TLS required: {why}"));
        Self { class: BounceClass::Security, ..report }
    }

    /// The policy of a domain asks for TLS that did not come about, or for another server.
    pub(crate) fn against_policy(domain: &str, why: &str) -> Self {
        let words = format!("The MTA-STS policy of {domain} forbids it: {why}");
        Self { class: BounceClass::Security, ..Self::temporary(499, Some("4.7.5"), &words) }
    }

    /// What the DNS tells of a server's certificate is not so, or is not known.
    pub(crate) fn against_dane(host: &str, why: &str) -> Self {
        let words = format!("The DANE records of {host} forbid it: {why}");
        Self { class: BounceClass::Security, ..Self::temporary(499, Some("4.7.5"), &words) }
    }

    /// A temporary failure of our own wording.
    pub(crate) fn temporary(code: u16, enhanced: Option<&str>, description: &str) -> Self {
        Self {
            ending: Ending::Temporary,
            code,
            message: String::new(),
            description: description.into(),
            enhanced: enhanced.map(Into::into),
            reason: "generic",
            class: BounceClass::Routing,
        }
    }

    /// A permanent failure of our own wording.
    pub(crate) fn permanent(code: u16, enhanced: &str, description: &str) -> Self {
        Self {
            ending: Ending::Permanent { dead_address: false },
            ..Self::temporary(code, Some(enhanced), description)
        }
    }
}

/// Whether a server has enough recipients, and nothing against this one.
fn is_of_number(reply: &Reply) -> bool {
    match reply.enhanced() {
        Some(code) => (code.subject, code.detail) == (5, 3),
        None => reply.code() == 452 || reply.text().to_ascii_lowercase().contains("too many recipients"),
    }
}

fn unable(domain: &str) -> String {
    format!("Unable to connect to MX servers: [{domain}]")
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
