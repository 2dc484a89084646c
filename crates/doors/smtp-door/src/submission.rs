//! Who may submit, and what becomes of a message: the answers to the session's questions.

use std::{net::IpAddr, sync::Arc};

use waxseal_accounts::{account::Accounts, caller::Caller};
use waxseal_domains::Domains;
use waxseal_mail::{Address, patch};
use waxseal_net::peer::PeerKey;
use waxseal_sending::{
    error::SendError,
    request::{Content, SendRequest, Via},
    send::Sending,
};
use waxseal_smtp::{
    Mailbox, Path, Reply,
    server::{Credentials, MailFrom, Message, replies},
};
use waxseal_store::{StoreError, domain::Domain};

use crate::{refusal, throttle::Throttle};

/// What all connections ask.
pub(crate) struct Submission {
    pub(crate) accounts: Accounts,
    pub(crate) domains: Domains,
    pub(crate) sending: Sending,
    pub(crate) throttle: Throttle,
}

/// What is known of one connection's client.
pub(crate) struct Client {
    submission: Arc<Submission>,
    peer: IpAddr,
    /// By AUTH; forgotten when TLS starts.
    authenticated: Option<Caller>,
    /// For the message under way. A network's notice without a sender names its domain in `From`.
    sender: Option<(Caller, Option<Domain>)>,
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
            Err(refused) => refused.reply(),
        }
    }

    /// A credential sends for its domain, whatever the envelope says; a network for the domain that the
    /// envelope names.
    async fn find_sender(&self, mailbox: Option<&Mailbox>) -> Result<(Caller, Option<Domain>), Refused> {
        let Submission { accounts, domains, .. } = &*self.submission;
        let caller = match &self.authenticated {
            Some(caller) if accounts.still_has_smtp_credential(caller).await? => caller.clone(),
            Some(_) => return Err(Refused::Unknown),
            None => accounts.by_network(self.peer).await?.ok_or(Refused::Unknown)?,
        };
        let domain = match (caller.only_domain, mailbox) {
            (Some(id), _) => domains.by_id(caller.account, id).await?,
            (None, Some(mailbox)) => domains.of_host(caller.account, mailbox.domain()).await?,
            (None, None) => return Ok((caller, None)),
        };
        Ok((caller, Some(domain.ok_or(Refused::NotOwned)?)))
    }

    /// The domain of a message without a sender in its envelope, by its author. Read as it stands there: an encoded
    /// name may hold a comma.
    async fn domain_of_author(&self, caller: &Caller, mime: &[u8]) -> Result<Domain, Refused> {
        let end = mime.windows(4).position(|four| four == b"\r\n\r\n").map_or(mime.len(), |at| at + 4);
        let header = mime.get(..end).unwrap_or_default().to_vec();
        let limits = patch::Limits { header_block: usize::MAX, ..patch::Limits::default() };
        let header = patch::Message::read(header, &limits).map_err(|_| Refused::NotOwned)?;
        let authors = header.mailboxes("from", MOST_AUTHORS).map_err(|_| Refused::NotOwned)?;
        let author = authors.into_iter().next().ok_or(Refused::NotOwned)?;
        let domain = self.submission.domains.of_host(caller.account, author.address.domain()).await?;
        domain.ok_or(Refused::NotOwned)
    }

    /// Answers RCPT: who may send may send to anybody whose address has a domain.
    pub(crate) fn rcpt_to(&self, mailbox: &Mailbox) -> Reply {
        match Address::parse(mailbox.as_str()) {
            Ok(_) => replies::recipient_ok(),
            Err(error) => Reply::new(550, 1, 3, format!("cannot parse to address: {error}")),
        }
    }

    /// Answers the end of a message: success only once it is on stable storage.
    pub(crate) async fn message(&mut self, message: Message) -> Reply {
        let Some((caller, domain)) = self.sender.take() else { return replies::authentication_required() };
        match self.submission.accounts.still_has_smtp_credential(&caller).await {
            Ok(true) => {}
            Ok(false) => return replies::authentication_required(),
            Err(error) => return Refused::from(error).reply(),
        }
        let domain = match domain {
            Some(domain) => domain,
            None => match self.domain_of_author(&caller, &message.content).await {
                Ok(domain) => domain,
                Err(refused) => return refused.reply(),
            },
        };
        let request = request(caller, domain, message);
        match self.submission.sending.send(request).await {
            Ok(sent) => {
                count_message("accepted");
                Reply::new(250, 0, 0, format!("OK {}", sent.id))
            }
            Err(error) => {
                if let SendError::Store(error) = &error {
                    tracing::warn!(%error, "a message cannot be stored");
                }
                let reply = refusal::reply(&error);
                count_message(if reply.code() < 500 { "deferred" } else { "refused" });
                reply
            }
        }
    }
}

fn request(caller: Caller, domain: Domain, message: Message) -> SendRequest {
    SendRequest {
        caller,
        domain,
        via: Via::Smtp,
        content: Content::Mime {
            mime: message.content,
            to: message.envelope.recipients.into_iter().map(Mailbox::into_string).collect(),
            headers: Vec::new(),
            mail_from: Some(message.envelope.mail_from.map(Mailbox::into_string).unwrap_or_default()),
        },
        options: Vec::new(),
        variables: Vec::new(),
        recipient_variables: None,
        template: Vec::new(),
        idempotency: None,
        tls_report: false,
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refused {
    fn reply(&self) -> Reply {
        match self {
            Self::Unknown => replies::authentication_required(),
            Self::NotOwned => Reply::new(550, 7, 1, "The sender's domain is not one that you may send for"),
            Self::Store(error) => {
                tracing::warn!(%error, "the sender cannot be looked up");
                refusal::unavailable()
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

/// Authors that are read of a message.
const MOST_AUTHORS: usize = 20;
