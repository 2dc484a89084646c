//! Replays the corpora of the fuzz targets: what was found once does not come back.

#[path = "../../../../../fuzz/oracles/mail_addresses.rs"]
mod mail_addresses;
#[path = "../../../../../fuzz/oracles/mail_build.rs"]
mod mail_build;
#[path = "../../../../../fuzz/oracles/mail_dates.rs"]
mod mail_dates;
#[path = "../../../../../fuzz/oracles/mail_inspect.rs"]
mod mail_inspect;
#[path = "../../../../../fuzz/oracles/mail_options.rs"]
mod mail_options;
#[path = "../../../../../fuzz/oracles/mail_patch.rs"]
mod mail_patch;
#[path = "../../../../../fuzz/oracles/mail_substitute.rs"]
mod mail_substitute;
#[path = "../../../../../fuzz/oracles/message_id.rs"]
mod message_id;
#[path = "../../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn addresses() {
    replay("mail_addresses", mail_addresses::check);
}

#[test]
fn patched_messages() {
    replay("mail_patch", mail_patch::check);
}

#[test]
fn option_headers() {
    replay("mail_options", mail_options::check);
}

#[test]
fn recipient_variables() {
    replay("mail_substitute", mail_substitute::check);
}

#[test]
fn inspected_messages() {
    replay("mail_inspect", mail_inspect::check);
}

#[test]
fn dates_and_ids() {
    replay("mail_dates", mail_dates::check);
}

#[test]
fn built_messages() {
    replay("mail_build", mail_build::check);
}

#[test]
fn message_ids() {
    replay("message_id", message_id::check);
}
