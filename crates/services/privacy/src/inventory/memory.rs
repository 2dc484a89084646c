//! What the process keeps in memory, so as not to ask the store again.

use waxseal_model::data_class::{AtRest, Category, DataPurpose, Erase, Export, Retention, Subject};

use super::{Place, PlaceKind, class};

const fn memory(
    name: &'static str,
    about: &'static str,
    what: (Category, Subject),
    purpose: DataPurpose,
) -> Place {
    let rests = (AtRest::Nowhere, Export::No, Erase::Drop);
    let class = class(what, purpose, Retention::Process, rests);
    Place { kind: PlaceKind::Memory, name, about, class }
}

/// The list.
pub(super) const PLACES: &[Place] = &[
    memory(
        "operators",
        "names, users and roles of the configuration",
        (Category::Username, Subject::Operator),
        DataPurpose::Operation,
    ),
    memory(
        "unwrapped keys",
        "keys of accounts, at most 50,000; dropped when they are destroyed",
        (Category::SystemAuthentication, Subject::Customer),
        DataPurpose::Operation,
    ),
    memory(
        "API keys seen",
        "by hash, for a minute: account, domain, label",
        (Category::Credentials, Subject::Customer),
        DataPurpose::Account,
    ),
    memory(
        "log-ins seen",
        "an HMAC under a key of this process, for some minutes",
        (Category::Credentials, Subject::Customer),
        DataPurpose::Account,
    ),
    memory(
        "domains seen",
        "name and settings of a domain that mail goes out for, and ids of logins in use, for seconds",
        (Category::UniqueId, Subject::Customer),
        DataPurpose::Account,
    ),
    memory(
        "keys of domains",
        "DKIM keys and the key of return paths, while mail flows",
        (Category::SystemAuthentication, Subject::Customer),
        DataPurpose::Account,
    ),
    memory(
        "callers",
        "addresses of those who connect, and how often they failed, for some minutes",
        (Category::IpAddress, Subject::Customer),
        DataPurpose::Operation,
    ),
    memory(
        "messages at work",
        "envelopes and content of what is being taken, goes to its first attempt from there, or is handed over",
        (Category::PrivateContent, Subject::CustomerAndRecipient),
        DataPurpose::Delivery,
    ),
    memory(
        "who is on no list",
        "eight bytes of the keyed hash of each address on a suppression list, at most 1,000,000, until the process ends",
        (Category::UniqueId, Subject::Recipient),
        DataPurpose::Delivery,
    ),
    memory(
        "policies",
        "recipients' domains that mail goes to, and what they ask of TLS, at most 20,000; policies are in the store as well",
        (Category::UniqueId, Subject::Recipient),
        DataPurpose::Delivery,
    ),
    memory(
        "TLS sessions",
        "how connections to recipients' domains went, by domain and day, at most 20,000 a day, until it is in the store",
        (Category::UniqueId, Subject::Recipient),
        DataPurpose::Delivery,
    ),
    memory(
        "relays",
        "those of accounts and domains, with what is said to log in there; dropped when they are removed or their account is \
         closed",
        (Category::Credentials, Subject::Customer),
        DataPurpose::Delivery,
    ),
    memory(
        "pools",
        "by which pool of addresses mail of accounts and domains leaves; dropped with its account",
        (Category::UniqueId, Subject::Customer),
        DataPurpose::Delivery,
    ),
    memory(
        "openings",
        "how often content was opened for whom and what, until it is in the audit trail",
        (Category::UniqueId, Subject::Customer),
        DataPurpose::Operation,
    ),
];
