//! Fields of what is logged. One that is not here is not written: the log leaves it out.

use waxseal_model::data_class::{AtRest, Category, DataPurpose, Erase, Export, Retention, Subject};

use super::{Place, PlaceKind, SYSTEM, class};

/// A word of the code, a number, a time.
const fn word(name: &'static str, about: &'static str) -> Place {
    field(name, about, SYSTEM, Erase::Keep)
}

/// A random number that stands for something of somebody in the store.
const fn id(name: &'static str, about: &'static str) -> Place {
    field(name, about, (Category::UniqueId, Subject::CustomerAndRecipient), Erase::LeadsNowhere)
}

/// Text that is not the code's own: addresses in it are taken out before it is written.
const fn text(name: &'static str, about: &'static str) -> Place {
    field(name, about, (Category::UniqueId, Subject::CustomerAndRecipient), Erase::LeadsNowhere)
}

const fn field(name: &'static str, about: &'static str, what: (Category, Subject), erase: Erase) -> Place {
    let rests = (AtRest::Clear, Export::No, erase);
    let class = class(what, DataPurpose::Operation, Retention::Collected, rests);
    Place { kind: PlaceKind::LogField, name, about, class }
}

/// The list.
pub(super) const PLACES: &[Place] = &[
    word("actor", "who looks: a word"),
    word("attempt", "number of the attempt"),
    word("bytes", "a number"),
    word("code", "code of an SMTP reply"),
    word("connections", "a number"),
    word("ending", "how a transaction ended: a word"),
    word("entries", "a number"),
    id("entry", "number of a queue entry or of an entry of the audit trail"),
    id("erasure", "number of an erasure"),
    word("erasures", "a number"),
    text("error", "what went wrong, as the machine or a library says it"),
    word("expected", "a time: what the clock should show"),
    word("failure", "kind of an input or output error"),
    word("found", "a time: what the clock shows"),
    id("grant", "number of a grant for an account's content"),
    word("head", "hash of the audit trail's end"),
    word("held", "whether messages are held"),
    word("hits", "a number"),
    word("keys", "a number"),
    word("kind", "kind of an input or output error"),
    word("level", "`ERROR` to `TRACE`"),
    word("listener", "which listener: `starttls` or `implicit_tls`"),
    id("mail", "number of a message"),
    word("message", "what happened: a sentence of the code"),
    word("ms", "milliseconds"),
    word("note", "a key of the configuration and what is odd about it"),
    word("peer", "class of a caller's address: `loopback`, `private`, `public`"),
    id("person_request", "number of what a person asked about their data"),
    word("place", "file and line of the code"),
    word("purged", "numbers of rows, by kind"),
    word("purpose", "what for: a word"),
    id("recipient", "number of a recipient of a message"),
    id("request", "number of a call of the API"),
    word("route", "a route of the API as the code spells it, without what stands in its places"),
    word("rows", "a number"),
    word("status", "status of an HTTP answer"),
    word("target", "which part of the code"),
    word("timestamp", "when"),
    word("tls", "whether the connection was under TLS"),
    word("unlisted", "how many fields were left out because the inventory does not know them"),
    text("to", "an address as its mark of the day"),
    word("version", "version of Waxseal"),
    word("why", "why a copy was not taken or a policy not fetched: words of the code and a status"),
];
