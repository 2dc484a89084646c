//! Fields of the audit trail's entries that are about somebody. All others are kinds, numbers and times.

use waxseal_model::data_class::{AtRest, Category, DataPurpose, Erase, Export, Retention, Subject};

use super::{Place, PlaceKind, class};

const fn field(
    name: &'static str,
    about: &'static str,
    what: (Category, Subject),
    (at_rest, erase): (AtRest, Erase),
) -> Place {
    let rests = (at_rest, Export::No, erase);
    let class = class(what, DataPurpose::Operation, Retention::Operator, rests);
    Place { kind: PlaceKind::TrailField, name, about, class }
}

/// The list.
pub(super) const PLACES: &[Place] = &[
    field(
        "by",
        "who gave a command: a name out of `operators`, `owner`, `root`, or the number of a user of the system who was refused",
        (Category::Username, Subject::Operator),
        (AtRest::Clear, Erase::WithFile),
    ),
    field(
        "key",
        "with which API key a customer came, by a pseudonym that dies with the account's keys",
        (Category::UniqueId, Subject::Customer),
        (AtRest::Clear, Erase::DestroyKey),
    ),
    field(
        "account",
        "whose data it was, by a pseudonym that dies with the account's keys",
        (Category::UniqueId, Subject::Customer),
        (AtRest::Clear, Erase::DestroyKey),
    ),
    field(
        "subject",
        "whom an erasure was about, sealed under a key of the account",
        (Category::UniqueId, Subject::CustomerAndRecipient),
        (AtRest::SealedByAccount, Erase::DestroyKey),
    ),
];
