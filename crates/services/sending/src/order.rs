//! A request that was read and checked: everything that can be refused by looking at it alone is.

use waxseal_accounts::{
    api_key::shown_key_id,
    caller::{Caller, Proof},
};
use waxseal_mail::{
    Address, Mailbox,
    options::{self as option_headers, OptionHeaders},
    patch::Message,
    substitute::{self, RecipientVariables},
};
use waxseal_model::Timestamp;
use waxseal_store::domain::{Domain, DomainState};

use crate::{
    config::SendingConfig,
    error::SendError,
    mime::{self, ReadMime},
    options::{self, Options, Rules},
    parts::{self, ReadParts},
    recipients::Recipients,
    request::{Content, SendRequest, Via},
    unsubscribe, variables,
};

/// What will be built, for whom, and how.
pub(crate) struct Order {
    pub(crate) domain: Domain,
    pub(crate) via: Via,
    pub(crate) origin: Origin,
    pub(crate) options: Options,
    pub(crate) variables: Variables,
    /// `h:` fields, without the options among them.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) recipients: Recipients,
    /// Everybody, each once.
    pub(crate) addresses: Vec<Address>,
    /// Variables of recipients; there in batch mode alone.
    pub(crate) batch: Option<RecipientVariables>,
    pub(crate) body: Body,
    /// Sender as the customer sees it.
    pub(crate) sender: String,
    /// Bytes of content.
    pub(crate) size: usize,
}

/// Who called, as events tell it.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) address: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) authenticated: bool,
}

/// Custom variables, and whether they were given beside the content: those inside a customer's MIME stay
/// there as they are.
pub(crate) struct Variables {
    pub(crate) merged: Vec<(String, String)>,
    pub(crate) beside: bool,
    /// The same for tags.
    pub(crate) tags_beside: bool,
}

pub(crate) enum Body {
    Parts(ReadParts),
    Mime(Message),
}

/// One MIME body to make, and who gets it.
pub(crate) struct Copy {
    /// The only person its `To` shows, in batch mode.
    pub(crate) to: Option<Mailbox>,
    pub(crate) addresses: Vec<Address>,
}

impl Order {
    /// Reads and checks a request.
    pub(crate) fn read(
        request: SendRequest,
        now: Timestamp,
        config: &SendingConfig,
    ) -> Result<Self, SendError> {
        may_send(&request.caller, &request.domain)?;
        let size = request.size();
        let (given, templated) = (option_bytes(&request), request.is_templated());
        let tls_report = request.tls_report;
        let SendRequest { caller, domain, via, content, options, variables, recipient_variables, .. } =
            request;
        let content = ReadContent::read(content, templated, config)?;
        let ReadContent { body, recipients, headers, inside, outside, mail_from } = content;
        let beside = outside.followed_by(option_headers::from_headers(&headers));
        if templated || !inside.template.is_empty() || !beside.template.is_empty() {
            return Err(SendError::Invalid(NO_TEMPLATES.into()));
        }
        if given > MOST_OPTION_BYTES {
            return Err(SendError::Invalid(TOO_MANY_OPTIONS.into()));
        }
        let beside_content = headers.iter().chain(&variables).map(|(_, value)| value.as_str());
        unsubscribe::refuse(beside_content.chain(recipient_variables.as_deref()))?;
        body.refuse_unsubscribe_links(&recipients)?;
        let addresses = recipients.unique(config)?;
        let all_options = inside.options.iter().chain(&beside.options).chain(&options);
        let all_options = all_options.map(|(name, value)| (name.as_str(), value.as_str()));
        let mut read = options::read(all_options, &Rules { now, settings: &domain.settings, config })?;
        read.delivery.tls_report = tls_report;
        read.delivery.require_tls &= !tls_report;
        read.delivery.null_reverse_path = mail_from.as_ref().is_some_and(String::is_empty);
        let tags_beside = options.iter().chain(&beside.options).any(|(name, _)| name == "tag");
        let batch = recipient_variables.or(beside.recipient_variables).or(inside.recipient_variables);
        let batch = batch.map(|json| substitute::parse_variables(&json, config.max_recipients)).transpose();
        let variables_beside = !variables.is_empty() || !beside.variables.is_empty();
        let merged = inside.variables.into_iter().chain(beside.variables).chain(variables);
        let order = Self {
            via,
            origin: origin(&caller),
            options: read,
            variables: Variables { merged: variables::merge(merged), beside: variables_beside, tags_beside },
            headers: headers.into_iter().filter(|(name, _)| !option_headers::is_option(name)).collect(),
            addresses,
            recipients,
            batch: batch.map_err(|error| SendError::Invalid(error.to_string()))?,
            sender: mail_from
                .filter(|path| !path.is_empty())
                .or_else(|| body.first_from())
                .unwrap_or_default(),
            body,
            size,
            domain,
        };
        order.check_deliveries(config)?;
        Ok(order)
    }

    /// The bodies to make.
    pub(crate) fn copies(&self) -> Vec<Copy> {
        if self.batch.is_none() {
            return vec![Copy { to: None, addresses: self.addresses.clone() }];
        }
        let copy = |to: &Mailbox| Copy { to: Some(to.clone()), addresses: self.recipients.of_copy(to) };
        self.recipients.to.iter().map(copy).collect()
    }

    /// About how many bytes of memory it takes to build and hold everything: the content, the MIME as it
    /// was made and as it is sealed, and the events.
    pub(crate) fn memory(&self) -> usize {
        let events = self.deliveries().saturating_mul(EVENT_BYTES);
        self.size.saturating_add(self.mime_bytes().saturating_mul(2)).saturating_add(events)
    }

    /// About how many bytes of MIME come out: text that needs encoding and files grow by a third.
    pub(crate) fn mime_bytes(&self) -> usize {
        let copies = if self.batch.is_some() { self.recipients.to.len() } else { 1 };
        copies.saturating_mul(self.size + self.size / 3 + HEADER_BYTES)
    }

    fn check_deliveries(&self, config: &SendingConfig) -> Result<(), SendError> {
        if self.batch.is_none() {
            return Ok(());
        }
        let deliveries = self.deliveries();
        if deliveries > config.max_deliveries {
            let max = config.max_deliveries;
            let text = format!(
                "Too many recipients: every copy of a batch also goes to cc and bcc, which makes \
                 {deliveries} messages, max is {max}"
            );
            return Err(SendError::Invalid(text));
        }
        check_batch_bytes(self.recipients.to.len().saturating_mul(self.size), config)
    }

    /// How many recipients get a copy, those counted twice that get two.
    fn deliveries(&self) -> usize {
        let Recipients { to, cc, bcc } = &self.recipients;
        if self.batch.is_some() { to.len() * (1 + cc.len() + bcc.len()) } else { self.addresses.len() }
    }
}

/// Refuses a batch that makes too much mail.
pub(crate) fn check_batch_bytes(bytes: usize, config: &SendingConfig) -> Result<(), SendError> {
    if bytes <= config.max_batch_bytes {
        return Ok(());
    }
    let max = config.max_batch_bytes;
    let text = format!(
        "the copies of this batch take more than {max} bytes together: send it to fewer recipients at a time"
    );
    Err(SendError::Invalid(text))
}

/// The content of a request, read.
struct ReadContent {
    body: Body,
    recipients: Recipients,
    /// `h:` fields.
    headers: Vec<(String, String)>,
    /// Options inside a customer's MIME.
    inside: OptionHeaders,
    /// Options in the envelope around it.
    outside: OptionHeaders,
    /// MAIL FROM; empty for the null reverse-path.
    mail_from: Option<String>,
}

impl ReadContent {
    fn read(content: Content, templated: bool, config: &SendingConfig) -> Result<Self, SendError> {
        match content {
            Content::Parts(mut parts) => {
                let headers = std::mem::take(&mut parts.headers);
                let (parts, recipients) = parts::read(parts, templated, config)?;
                let (inside, outside) = (OptionHeaders::default(), OptionHeaders::default());
                let body = Body::Parts(parts);
                Ok(Self { body, recipients, headers, inside, outside, mail_from: None })
            }
            Content::Mime { mime, to, mut headers, mail_from } => {
                let ReadMime { message, recipients, envelope } = mime::read(mime, &to, config)?;
                let inside = option_headers::from_mime(&message);
                let (outside, id) = envelope.map_or_else(Default::default, |it| (it.options, it.message_id));
                let is_id = |(name, _): &(String, String)| name.eq_ignore_ascii_case("message-id");
                if let Some(id) = id.filter(|_| message.first("message-id").is_none())
                    && !headers.iter().any(is_id)
                {
                    headers.push(("Message-Id".into(), id));
                }
                Ok(Self { body: Body::Mime(message), recipients, headers, inside, outside, mail_from })
            }
        }
    }
}

impl Body {
    fn refuse_unsubscribe_links(&self, recipients: &Recipients) -> Result<(), SendError> {
        match self {
            Self::Parts(parts) => unsubscribe::refuse(parts.texts()),
            Self::Mime(message) => {
                let first = recipients.to.first();
                first.map_or(Ok(()), |anybody| unsubscribe::refuse_in(message, anybody))
            }
        }
    }

    fn first_from(&self) -> Option<String> {
        let first = match self {
            Self::Parts(parts) => parts.from.first().cloned(),
            Self::Mime(message) => message.mailboxes("from", mime::MOST_FROM).ok()?.into_iter().next(),
        };
        first.map(|mailbox| mailbox.address.to_string())
    }
}

/// Refusals that have to do with the domain, not with the message.
pub(crate) fn may_send(caller: &Caller, domain: &Domain) -> Result<(), SendError> {
    let refuse = |why: &str| Err(SendError::NotAllowed { domain: domain.name.clone(), why: why.to_owned() });
    // The door looks the domain up with the caller's account; should it ever err, nothing is sent.
    if caller.account != domain.account || caller.only_domain.is_some_and(|only| only != domain.id) {
        return refuse("the caller may not use it");
    }
    match domain.state {
        DomainState::Active => Ok(()),
        DomainState::Unverified => refuse("the domain is unverified and requires DNS configuration"),
        DomainState::Disabled => refuse("the domain is disabled"),
    }
}

pub(crate) fn origin(caller: &Caller) -> Origin {
    let (key_id, authenticated) = match &caller.proof {
        Proof::ApiKey(id) => (shown_key_id(*id), true),
        Proof::SmtpCredential(id) => (id.to_string(), true),
        Proof::Network(id) => (id.clone(), false),
    };
    let address = caller.peer.map(|peer| peer.to_canonical().to_string());
    Origin { address, key_id: Some(key_id), authenticated }
}

/// What the `o:`, `h:`, `v:` and `t:` fields take together, names included.
fn option_bytes(request: &SendRequest) -> usize {
    let headers = match &request.content {
        Content::Parts(parts) => &parts.headers,
        Content::Mime { headers, .. } => headers,
    };
    let pairs = request.options.iter().chain(&request.variables).chain(headers);
    let bytes: usize = pairs.map(|(name, value)| "o:".len() + name.len() + value.len()).sum();
    bytes + request.template.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
}

const MOST_OPTION_BYTES: usize = 16 * 1_024;
const TOO_MANY_OPTIONS: &str =
    "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total";
const NO_TEMPLATES: &str =
    "templates are not available yet: give the content in 'text', 'html' or 'amp-html' instead of 'template'";
/// Room for an event.
const EVENT_BYTES: usize = 2_048;
/// Room for the header block of a message.
const HEADER_BYTES: usize = 4_096;
