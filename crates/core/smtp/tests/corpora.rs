//! Replays the corpora of the fuzz targets: what was found once does not come back.

#[path = "../../../../fuzz/oracles/dane.rs"]
mod dane;
#[path = "../../../../fuzz/oracles/mta_sts.rs"]
mod mta_sts;
#[path = "../../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../../fuzz/oracles/smtp_client_session.rs"]
mod smtp_client_session;
#[path = "../../../../fuzz/oracles/smtp_path.rs"]
mod smtp_path;
#[path = "../../../../fuzz/oracles/smtp_reply.rs"]
mod smtp_reply;
#[path = "../../../../fuzz/oracles/smtp_server_session.rs"]
mod smtp_server_session;
#[path = "../../../../fuzz/oracles/tls_rpt.rs"]
mod tls_rpt;

use replay::replay;

#[test]
fn client_sessions() {
    replay("smtp_client_session", smtp_client_session::check);
}

#[test]
fn server_sessions() {
    replay("smtp_server_session", smtp_server_session::check);
}

#[test]
fn replies() {
    replay("smtp_reply", smtp_reply::check);
}

#[test]
fn paths() {
    replay("smtp_path", smtp_path::check);
}

#[test]
fn mta_sts_policies() {
    replay("mta_sts", mta_sts::check);
}

#[test]
fn tls_rpt_records() {
    replay("tls_rpt", tls_rpt::check);
}

#[test]
fn tlsa_records() {
    replay("dane", dane::check);
}
