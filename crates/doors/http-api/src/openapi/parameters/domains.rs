//! Parameters of the routes of domains.

use axum::http::Method;

type Query = &'static [(&'static str, &'static str)];
type Form = &'static [(&'static str, &'static str, bool)];

/// Query parameters: name and description.
pub(super) fn query(method: &Method, path: &str) -> Query {
    match (method, path) {
        (&Method::GET, "/v3/domains" | "/v4/domains") => &LIST,
        (&Method::GET, "/v3/domains/{domain}/credentials") => &CREDENTIALS,
        (&Method::GET, "/v1/dkim/keys") => &KEYS,
        (&Method::DELETE, "/v1/dkim/keys") => {
            &[("signing_domain", "The key's domain."), ("selector", "The key's selector.")]
        }
        _ => &[],
    }
}

/// Form parameters: name, description, whether it is a file.
pub(super) fn form(method: &Method, path: &str) -> Form {
    match (method, path) {
        (&Method::POST, "/v3/domains" | "/v4/domains") => &CREATE,
        (&Method::PUT, "/v3/domains/{domain}" | "/v4/domains/{domain}") => &CHANGE,
        (&Method::PUT, "/v3/domains/{domain}/connection") => &[REQUIRE_TLS, SKIP_VERIFICATION],
        (&Method::PUT, "/v3/domains/{domain}/tracking/open") => {
            &[("active", "`yes` or `no`.", false), ("place_at_the_top", "`yes`: before the text.", false)]
        }
        (&Method::PUT, "/v3/domains/{domain}/tracking/click") => {
            &[("active", "`yes`, `no`, or `htmlonly`: not in plain text.", false)]
        }
        (&Method::PUT, "/v3/domains/{domain}/tracking/unsubscribe") => &[
            ("active", "`yes` or `no`.", false),
            ("html_footer", "What stands below HTML.", false),
            ("text_footer", "What stands below plain text.", false),
        ],
        (&Method::PUT, "/v3/domains/{domain}/web_prefix") => &[WEB_PREFIX],
        (&Method::PUT, "/v3/domains/{domain}/dkim_authority") => {
            &[("self", "`yes`: its own keys; `no`: those of the domain above it.", false)]
        }
        (&Method::PUT, "/v3/domains/{domain}/dkim_selector") => &[("dkim_selector", "Selector.", false)],
        (&Method::POST, "/v1/dkim/keys") => &[
            ("signing_domain", "Domain.", false),
            ("selector", "Selector.", false),
            ("bits", "`1024` or `2048`; the key has 2048.", false),
            ("pem", "An RSA key to take in: PEM, PKCS#1 or PKCS#8.", true),
        ],
        (&Method::PUT, "/v1/dkim_management/domains/{domain}/rotation") => &[
            ("rotation_enabled", "`yes` or `no`.", false),
            ("rotation_interval", "Time between two keys: `30d`, `8w`, `6m`; 5 days at least.", false),
        ],
        (&Method::POST, "/v3/domains/{domain}/credentials") => &[
            ("login", "Name or address; repeat.", false),
            ("password", "5 to 32 characters; one for each login, or none: then they are made.", false),
        ],
        (&Method::PUT, "/v3/domains/{domain}/credentials/{login}" | "/v3/{domain}/mailboxes/{login}") => {
            &[("password", "5 to 32 characters; a made one if absent.", false)]
        }
        _ => &[],
    }
}

const REQUIRE_TLS: (&str, &str, bool) = ("require_tls", "`yes`: never without TLS.", false);
const SKIP_VERIFICATION: (&str, &str, bool) =
    ("skip_verification", "`yes`: certificates of recipients' servers are not checked.", false);
const WEB_PREFIX: (&str, &str, bool) =
    ("web_prefix", "First label of the host of tracked links: `email` if absent.", false);
const SPAM_ACTION: (&str, &str, bool) =
    ("spam_action", "What happens to inbound spam: `disabled`, `block`, `tag` or `delete`.", false);
const WILDCARD: (&str, &str, bool) =
    ("wildcard", "`yes`: mail to names below the domain is its mail.", false);
const WEB_SCHEME: (&str, &str, bool) = ("web_scheme", "Scheme of tracked links: `http` or `https`.", false);
const MESSAGE_TTL: (&str, &str, bool) =
    ("message_ttl", "Seconds that messages are kept for retrieval.", false);
const SMTP_PASSWORD: (&str, &str, bool) =
    ("smtp_password", "Password of `postmaster`: 5 to 32 characters.", false);
const MAILFROM_HOST: (&str, &str, bool) =
    ("mailfrom_host", "Host below the domain that bounces come back to; the domain itself if absent.", false);
const ENCRYPT: (&str, &str, bool) =
    ("encrypt_incoming_message", "Kept for clients that set it: all that rests here is encrypted.", false);

const CREATE: [(&str, &str, bool); 15] = [
    ("name", "Name.", false),
    SMTP_PASSWORD,
    SPAM_ACTION,
    WILDCARD,
    ("force_dkim_authority", "`yes`: its own keys sign even below another domain of the account.", false),
    ("force_root_dkim_host", "`yes`: the keys of the domain above it sign.", false),
    ("dkim_key_size", "`1024` or `2048`; the key has 2048.", false),
    ("dkim_selector", "Selector of the RSA key; a fresh one if absent.", false),
    WEB_SCHEME,
    WEB_PREFIX,
    REQUIRE_TLS,
    SKIP_VERIFICATION,
    MESSAGE_TTL,
    MAILFROM_HOST,
    ENCRYPT,
];

const CHANGE: [(&str, &str, bool); 10] = [
    SMTP_PASSWORD,
    SPAM_ACTION,
    WILDCARD,
    WEB_SCHEME,
    WEB_PREFIX,
    REQUIRE_TLS,
    SKIP_VERIFICATION,
    MESSAGE_TTL,
    MAILFROM_HOST,
    ENCRYPT,
];

const LIST: [(&str, &str); 6] = [
    ("limit", "Domains on a page: 100 if absent, 1000 at most."),
    ("skip", "Domains passed over."),
    ("state", "Only `active`, `unverified` or `disabled` ones."),
    ("sort", "`name`, `name:asc` or `name:desc`; newest first if absent."),
    ("search", "Only names that contain this."),
    ("authority", "Only those that are signed with the keys of this domain."),
];

const CREDENTIALS: [(&str, &str); 2] =
    [("limit", "Credentials on a page: 100 if absent, 1000 at most."), ("skip", "Credentials passed over.")];

const KEYS: [(&str, &str); 4] = [
    ("limit", "Keys on a page: 10 if absent, 100 at most."),
    ("page", "The place to go on from, as `paging.next` has it."),
    ("signing_domain", "Only keys of this domain."),
    ("selector", "Only keys with this selector."),
];
