//! The parameters of each route, for the OpenAPI document.

mod domains;

use axum::http::Method;

use crate::routes::Route;

/// Query parameters: name and description.
pub(super) fn query(route: &Route) -> &'static [(&'static str, &'static str)] {
    match (&route.method, route.path) {
        (&Method::GET, "/v3/{domain}/events") => &EVENTS,
        (&Method::GET, "/v1/inbox") => &INBOX,
        (&Method::GET, path) if is_list(path) => &LIST,
        (&Method::DELETE, "/v3/{domain}/unsubscribes/{address}") => {
            &[("tag", "Only this tag; the entry goes with its last one.")]
        }
        (&Method::GET, "/v1/privacy/access" | "/v1/privacy/requests") => &ACCESS,
        (&Method::GET, "/v1/privacy/erasures") => &ERASURES,
        (&Method::DELETE, "/v1/inbox") => &[("domain", "Only those of this sandbox domain.")],
        (method, path) => domains::query(method, path),
    }
}

/// Form parameters: name, description, whether it is a file.
pub(super) fn form(route: &Route) -> &'static [(&'static str, &'static str, bool)] {
    match (&route.method, route.path) {
        (&Method::POST, "/v3/{domain}/messages") => &MESSAGE,
        (&Method::POST, "/v3/{domain}/messages.mime") => &MIME,
        (&Method::POST, "/v3/domains/{domain}/messages/{key}") => {
            &[("to", "Recipients; repeat or separate by commas.", false)]
        }
        (&Method::POST, "/v1/privacy/erasures") => &[
            ("recipient", "Erase what is about this recipient.", false),
            ("login", "Erase who has this SMTP login.", false),
            ("owner", "`yes`: erase the account's owner; the account stays.", false),
        ],
        (&Method::POST, "/v1/privacy/exports") => &[
            ("recipient", "Only what is kept about this recipient.", false),
            ("login", "Only what is kept about who has this SMTP login.", false),
        ],
        (&Method::PUT, "/v1/privacy/profile") => &PROFILE,
        (&Method::POST, "/v3/{domain}/bounces") => &BOUNCE,
        (&Method::POST, "/v3/{domain}/unsubscribes") => &UNSUBSCRIPTION,
        (&Method::POST, "/v3/{domain}/complaints") => &COMPLAINT,
        (&Method::POST, "/v3/{domain}/whitelists" | "/v3/{domain}/allowlists") => &ALLOWED,
        (&Method::POST, path) if path.ends_with("/import") => &FILE,
        (method, path) => domains::form(method, path),
    }
}

/// Whether it is the path of a suppression list.
fn is_list(path: &str) -> bool {
    ["bounces", "unsubscribes", "complaints", "whitelists", "allowlists"]
        .iter()
        .any(|list| path.strip_prefix("/v3/{domain}/") == Some(list))
}

const LIST: [(&str, &str); 4] = [
    ("limit", "Entries on a page: 100 if absent, 1000 at most."),
    ("page", "`last`, or with `address` `next` or `previous`."),
    ("address", "The entry that the page stands behind or before."),
    ("term", "Only addresses that begin like this."),
];

const FILE: [(&str, &str, bool); 1] =
    [("file", "A CSV file whose header names the parameters of an entry; in a field of any name.", true)];

const ADDRESS: (&str, &str, bool) = ("address", "Address.", false);
const CREATED_AT: (&str, &str, bool) =
    ("created_at", "When it happened: RFC 2822 date or seconds since the epoch; now if absent.", false);

const BOUNCE: [(&str, &str, bool); 4] = [
    ADDRESS,
    ("code", "Reply code: 550 if absent.", false),
    ("error", "What the server said.", false),
    CREATED_AT,
];

const UNSUBSCRIPTION: [(&str, &str, bool); 3] =
    [ADDRESS, ("tag", "What mail they do not want; repeat. Everything if absent.", false), CREATED_AT];

const COMPLAINT: [(&str, &str, bool); 2] = [ADDRESS, CREATED_AT];

const ALLOWED: [(&str, &str, bool); 4] = [
    ("address", "An address that is never put on the bounce list, or", false),
    ("domain", "a domain whose addresses are not.", false),
    ("reason", "Why.", false),
    CREATED_AT,
];

const EVENTS: [(&str, &str); 16] = [
    ("begin", "Where reading starts: RFC 2822 date or seconds since the epoch."),
    ("end", "Where reading ends; before `begin`: newest first."),
    ("ascending", "`yes`: oldest first. Must agree with `begin` and `end`."),
    ("limit", "Events on a page: 100 if absent, 300 at most."),
    ("pretty", "`yes`: JSON with line breaks."),
    ("event", "Filter expression: `rejected OR failed`."),
    ("list", "Filter expression: mailing list."),
    ("attachment", "Filter expression: names of attachments."),
    ("from", "Filter expression: From header."),
    ("message-id", "Filter expression: Message-ID without angle brackets."),
    ("subject", "Filter expression: subject."),
    ("to", "Filter expression: To header."),
    ("size", "Filter expression on bytes: `>10000 <20000`."),
    ("recipient", "Filter expression: address of the event's recipient."),
    ("tags", "Filter expression: tags."),
    ("severity", "Filter expression: `temporary` or `permanent`."),
];

const INBOX: [(&str, &str); 4] = [
    ("domain", "Only those of this sandbox domain."),
    ("recipient", "Only those to this address."),
    ("limit", "Messages on a page: 100 if absent, 300 at most."),
    ("page", "The place to go on from, as `paging.next` has it."),
];

const ACCESS: [(&str, &str); 2] = [
    ("limit", "Entries on a page: 100 if absent, 300 at most."),
    ("page", "The place to go on from, as `paging.next` has it."),
];

const ERASURES: [(&str, &str); 2] = [
    ("limit", "Erasures on a page: 100 if absent, 300 at most."),
    ("page", "The place to go on from, as `paging.next` has it."),
];

const PROFILE: [(&str, &str, bool); 3] = [
    ("name", "Name of the person or team.", false),
    ("email", "Address for service mail.", false),
    ("company", "Company; an empty one is taken out.", false),
];

const MESSAGE: [(&str, &str, bool); 25] = [
    ("from", "Sender.", false),
    ("to", "Recipients; repeat or separate by commas.", false),
    ("cc", "Copies.", false),
    ("bcc", "Blind copies.", false),
    ("subject", "Subject.", false),
    ("text", "Plain text.", false),
    ("html", "HTML.", false),
    ("amp-html", "AMP for email.", false),
    ("attachment", "Files; repeat.", true),
    ("inline", "Files that the HTML shows as `cid:NAME`; repeat.", true),
    ("recipient-variables", "JSON: address to variables; each recipient gets a copy of its own.", false),
    ("o:tag", "Tags; repeat.", false),
    ("o:deliverytime", "Not before this time: RFC 2822 date or seconds since the epoch.", false),
    ("o:deliver-within", "Given up after this time: `2h30m`.", false),
    ("o:testmode", "`yes`: accepted and logged, not sent.", false),
    ("o:dkim", "`no`: not signed.", false),
    ("o:require-tls", "`yes`: never without TLS.", false),
    ("o:skip-verification", "`yes`: certificates are not checked.", false),
    ("o:tracking", "`yes`, `no` or `htmlonly`.", false),
    ("o:tracking-clicks", "`yes`, `no` or `htmlonly`.", false),
    ("o:tracking-opens", "`yes` or `no`.", false),
    ("o:sending-ip", "Source address.", false),
    ("h:X-My-Header", "Any header, behind `h:`.", false),
    ("v:my-var", "Any variable, behind `v:`; events carry it.", false),
    ("template", "Not yet: templates come later.", false),
];

const MIME: [(&str, &str, bool); 5] = [
    ("to", "All envelope recipients; repeat or separate by commas.", false),
    ("message", "The MIME.", true),
    ("recipient-variables", "JSON: address to variables; each recipient gets a copy of its own.", false),
    ("o:tag", "Tags and all other options as for messages.", false),
    ("v:my-var", "Any variable, behind `v:`; events carry it.", false),
];
