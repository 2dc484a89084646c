//! Who may submit, and what becomes of a message: the answers to the session's questions.

use std::{net::IpAddr, sync::Arc};

use waxseal_accounts::{account::Accounts, caller::Caller};
use waxseal_sending::{
    request::{Content, SendRequest, Via},
    send::Sending,
};
use waxseal_smtp::{
    Mailbox, Path, Reply,
    server::{Credentials, MailFrom, Message, replies},
};
use waxseal_store::{Store, StoreError, domain::Domain};

use crate::{peer::PeerKey, refusal, throttle::Throttle};

/// What all connections ask.
pub(crate) struct Submission {
    pub(crate) accounts: Accounts,
    pub(crate) store: Store,
    pub(crate) sending: Sending,
    pub(crate) throttle: Throttle,
}

/// What is known of one connection's client.
pub(crate) struct Client {
    submission: Arc<Submission>,
    peer: IpAddr,
    /// By AUTH; forgotten when TLS starts.
    authenticated: Option<Caller>,
    /// For the message under way.
    sender: Option<(Caller, Domain)>,
}

/// Who may send a message, or why not.
enum Refused {
    Unknown,
    NotOwned,
    Store(StoreError),
}

impl Client {
    pub(crate) fn new(submission: Arc<Submission>, peer: IpAddr) -> Self {
        Self { submission, peer: peer.to_canonical(), authenticated: None, sender: None }
    }

    /// TLS has started: what was said in the clear does not count.
    pub(crate) fn forget(&mut self) {
        self.authenticated = None;
        self.sender = None;
    }

    /// Answers AUTH.
    pub(crate) async fn authenticate(&mut self, credentials: Credentials) -> Reply {
        let Submission { accounts, throttle, .. } = &*self.submission;
        let (login, password) = (credentials.login.as_str(), credentials.password.as_str());
        let key = PeerKey::of(self.peer);
        if !throttle.allows(key, login) {
            count_auth("throttled");
            return Reply::new(454, 7, 0, "Too many failed authentications; try again later");
        }
        match accounts.by_smtp_login(login, password, self.peer).await {
            Ok(Some(caller)) => {
                throttle.succeeded(key, login);
                count_auth("success");
                self.authenticated = Some(caller);
                replies::authenticated()
            }
            Ok(None) => {
                throttle.failed(key, login, password);
                count_auth("wrong");
                replies::wrong_credentials()
            }
            Err(error) => {
                tracing::warn!(%error, "authentication is not available");
                count_auth("unavailable");
                Reply::new(454, 7, 0, "Temporary authentication failure; try again later")
            }
        }
    }

    /// Answers MAIL.
    pub(crate) async fn mail_from(&mut self, mail: &MailFrom) -> Reply {
        let mailbox = match &mail.path {
            Path::Mailbox(mailbox) => Some(mailbox),
            Path::Null | Path::Postmaster => None,
        };
        match self.find_sender(mailbox).await {
            Ok(sender) => {
                self.sender = Some(sender);
                replies::sender_ok()
            }
            Err(Refused::Unknown) => replies::authentication_required(),
            Err(Refused::NotOwned) => {
                Reply::new(550, 7, 1, "The sender's domain is not one that you may send for")
            }
            Err(Refused::Store(error)) => {
                tracing::warn!(%error, "the sender cannot be looked up");
                refusal::unavailable()
            }
        }
    }

    /// A credential sends for its domain, whatever the envelope says; a network for the domain that the
    /// envelope names.
    async fn find_sender(&self, mailbox: Option<&Mailbox>) -> Result<(Caller, Domain), Refused> {
        let Submission { accounts, store, .. } = &*self.submission;
        let caller = match &self.authenticated {
            Some(caller) => caller.clone(),
            None => {
                let found = accounts.by_network(self.peer).await.map_err(Refused::Store)?;
                found.ok_or(Refused::Unknown)?
            }
        };
        let domain = match caller.only_domain {
            Some(id) => store.domain(caller.account, id).await.map_err(Refused::Store)?,
            None => self.domain_of(&caller, mailbox.ok_or(Refused::NotOwned)?).await?,
        };
        Ok((caller, domain.ok_or(Refused::NotOwned)?))
    }

    /// The account's domain that the address belongs to: its own, or the nearest above it.
    async fn domain_of(&self, caller: &Caller, mailbox: &Mailbox) -> Result<Option<Domain>, Refused> {
        let name = mailbox.domain().to_lowercase();
        let mut name = name.as_str();
        loop {
            let found = self.submission.store.domain_by_name(caller.account, name).await;
            if let Some(domain) = found.map_err(Refused::Store)? {
                return Ok(Some(domain));
            }
            match name.split_once('.') {
                Some((_, above)) => name = above,
                None => return Ok(None),
            }
        }
    }

    /// Answers RCPT: who may send may send to anybody with a domain.
    pub(crate) fn rcpt_to(&self, mailbox: &Mailbox) -> Reply {
        if mailbox.is_literal() {
            return Reply::new(550, 1, 2, "Mail goes to domains, not to address literals");
        }
        replies::recipient_ok()
    }

    /// Answers the end of a message: success only once it is on stable storage.
    pub(crate) async fn message(&mut self, message: Message) -> Reply {
        let Some((caller, domain)) = self.sender.take() else { return replies::authentication_required() };
        let request = SendRequest {
            caller,
            domain,
            via: Via::Smtp,
            content: Content::Mime {
                mime: message.content,
                to: message.envelope.recipients.into_iter().map(Mailbox::into_string).collect(),
                headers: Vec::new(),
                mail_from: message.envelope.mail_from.map(Mailbox::into_string),
            },
            options: Vec::new(),
            variables: Vec::new(),
            recipient_variables: None,
            template: None,
            idempotency: None,
        };
        match self.submission.sending.send(request).await {
            Ok(sent) => {
                count_message("accepted");
                Reply::new(250, 0, 0, format!("OK {}", sent.id))
            }
            Err(error) => {
                let reply = refusal::reply(&error);
                count_message(if reply.code() < 500 { "deferred" } else { "refused" });
                reply
            }
        }
    }
}

fn count_auth(result: &'static str) {
    metrics::counter!("waxseal_smtp_authentications_total", "result" => result).increment(1);
}

fn count_message(result: &'static str) {
    metrics::counter!("waxseal_smtp_messages_total", "result" => result).increment(1);
}
