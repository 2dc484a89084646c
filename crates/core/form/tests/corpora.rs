//! Replays the corpora of the fuzz targets: what was found once does not come back.

#[path = "../../../../fuzz/oracles/csv_rows.rs"]
mod csv_rows;
#[path = "../../../../fuzz/oracles/form_decoder.rs"]
mod form_decoder;
#[path = "../../../../fuzz/oracles/page_token.rs"]
mod page_token;
#[path = "../../../../fuzz/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn forms() {
    replay("form_decoder", form_decoder::check);
}

#[test]
fn page_tokens() {
    replay("page_token", page_token::check);
}

#[test]
fn csv_files() {
    replay("csv_rows", csv_rows::check);
}
