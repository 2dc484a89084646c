//! Labels of metrics. None is about anybody: values are words out of short lists of the code.

use waxseal_model::data_class::{AtRest, DataPurpose, Erase, Export, Retention};

use super::{Place, PlaceKind, SYSTEM, class};

const fn label(name: &'static str, about: &'static str) -> Place {
    let rests = (AtRest::Nowhere, Export::No, Erase::Keep);
    let class = class(SYSTEM, DataPurpose::Operation, Retention::Process, rests);
    Place { kind: PlaceKind::MetricLabel, name, about, class }
}

/// The list.
pub(super) const PLACES: &[Place] = &[
    label("class", "what a failed attempt was about: `rate`, `full`, and so on"),
    label("door", "which door: `http` or `smtp`"),
    label("le", "upper bound of a histogram's bucket"),
    label("listener", "which listener: `starttls` or `implicit_tls`"),
    label("mode", "what a domain's policy asks for: `enforce` or `testing`"),
    label("outcome", "how an attempt ended"),
    label("reason", "why a connection was refused"),
    label("result", "what became of a log-in or a message"),
    label("route", "a route of the API as the code spells it, without what stands in its places"),
    label("status", "class of an answer: `2xx`"),
    label("what", "which kind of rows retention deleted"),
];
