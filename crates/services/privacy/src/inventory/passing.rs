//! What passes by, in and out, and of which nothing stays where it passes.

use waxseal_model::data_class::{AtRest, Category, DataPurpose, Erase, Export, Retention, Subject};

use super::{Place, PlaceKind, class};

const fn passing(name: &'static str, about: &'static str, what: (Category, Subject)) -> Place {
    let rests = (AtRest::Nowhere, Export::No, Erase::Drop);
    let class = class(what, DataPurpose::Delivery, Retention::Passing, rests);
    Place { kind: PlaceKind::Passing, name, about, class }
}

const MAIL: (Category, Subject) = (Category::PrivateContent, Subject::CustomerAndRecipient);

/// The list.
pub(super) const PLACES: &[Place] = &[
    passing("HTTP API, in", "requests: messages, addresses, options, an API key", MAIL),
    passing("HTTP API, out", "answers to the account whose data it is", MAIL),
    passing("SMTP submission, in", "messages, addresses, login and password", MAIL),
    passing("SMTP, out", "envelope and content, to the recipient's server or the smart host", MAIL),
    passing("HTTP, out", "copies of delivered mail, to the URLs that the customer named", MAIL),
    passing(
        "DNS, out",
        "domains of recipients, to the configured resolvers",
        (Category::Url, Subject::Recipient),
    ),
    passing(
        "policies, out",
        "domains of recipients, to the hosts that they name for what they ask of TLS",
        (Category::Url, Subject::Recipient),
    ),
    passing(
        "reports about TLS, out",
        "how connections to a recipients' domain went, to the places that it names for that",
        (Category::UniqueId, Subject::Recipient),
    ),
    passing(
        "control socket",
        "commands of the operator and their answers, on this machine",
        (Category::Account, Subject::CustomerAndRecipient),
    ),
    passing(
        "master key command",
        "the master key, from a command of the operator's",
        (Category::SystemAuthentication, Subject::Nobody),
    ),
];
