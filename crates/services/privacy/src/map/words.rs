//! The words of the map.

use waxseal_model::{
    Purpose,
    data_class::{AtRest, DataPurpose, Erase, Export, Ground, Retention, Subject},
};

pub(crate) const fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Nobody => "nobody",
        Subject::Customer => "customer",
        Subject::Recipient => "recipient",
        Subject::CustomerAndRecipient => "customer and recipient",
        Subject::Operator => "operator",
    }
}

pub(crate) const fn purpose(purpose: DataPurpose) -> &'static str {
    match purpose {
        DataPurpose::Account => "account",
        DataPurpose::Delivery => "delivery",
        DataPurpose::Log => "event log",
        DataPurpose::Suppression => "suppression",
        DataPurpose::Operation => "operation",
        DataPurpose::Erasure => "erasure",
        DataPurpose::Request => "people's requests",
    }
}

pub(crate) const fn retention(retention: Retention) -> &'static str {
    match retention {
        Retention::Account => "as long as the account",
        Retention::Owner => "until its owner is deleted",
        Retention::Message => "until settled or the stored-message limit",
        Retention::Events => "retention.events_days",
        Retention::OneDay => "one day",
        Retention::Export => "privacy.export_hours",
        Retention::Import => "until the file is done, what is told of it 30 days longer",
        Retention::Pause => "until an operator ends it or its time is over",
        Retention::Policy => "as long as its domain said, a year at most",
        Retention::Report => "until it is told, three days at most",
        Retention::Backups => "backup.keep_days and a day",
        Retention::Requests => "until answered, then retention.request_days",
        Retention::Instance => "as long as the instance",
        Retention::Process => "in memory, at most until the process ends",
        Retention::Passing => "while it passes",
        Retention::Collected => "as long as the log is kept by whoever collects it",
        Retention::Operator => "as long as the operator keeps the file",
    }
}

pub(crate) const fn export(export: Export) -> &'static str {
    match export {
        Export::Yes => "yes",
        Export::No => "no",
    }
}

pub(crate) const fn erase(erase: Erase) -> &'static str {
    match erase {
        Erase::DeleteRow => "deleting the row",
        Erase::DestroyKeyAndDeleteRow => "destroying the key, deleting the row",
        Erase::Keep => "stays, not personal",
        Erase::DestroyKey => "destroying the key",
        Erase::Drop => "dropping it from memory",
        Erase::LeadsNowhere => "stays, leads to nobody once the rows are gone",
        Erase::WithFile => "deleting the file",
        Erase::AsColumns => "as its columns",
    }
}

pub(crate) const fn at_rest(at_rest: AtRest) -> &'static str {
    match at_rest {
        AtRest::Clear => "clear",
        AtRest::KeyedHash => "keyed hash",
        AtRest::SealedByAccount => "sealed, account key",
        AtRest::SealedByDay => "sealed, key of the day",
        AtRest::SealedByMaster => "wrapped, master key",
        AtRest::AsColumns => "as its columns",
        AtRest::Nowhere => "nowhere",
    }
}

pub(crate) const fn ground(ground: Ground) -> &'static str {
    match ground {
        Ground::NotPersonal => "none needed",
        Ground::Contract => "contract",
        Ground::OnBehalf => "on the customer's behalf",
        Ground::LegalDuty => "legal duty",
        Ground::LegitimateInterest => "legitimate interest",
    }
}

pub(crate) const fn opening(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Delivery => "delivery",
        Purpose::CustomerAccess => "customer access",
        Purpose::Authentication => "authentication",
        Purpose::Suppression => "suppression",
        Purpose::Signing => "signing",
        Purpose::Operation => "operation",
        Purpose::Export => "export",
        Purpose::Support => "support under a grant",
        Purpose::Request => "requests",
    }
}
