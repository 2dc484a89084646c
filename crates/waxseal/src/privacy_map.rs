//! `waxseal privacy map`: every place of data with its class. It comes from the code, not from a store.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use waxseal_privacy::{map, pages};

use crate::{
    cli::Page,
    output::{self, say},
};

/// Prints the map, or a page made from it.
pub(crate) fn print(page: Option<Page>, as_json: bool) -> Result<ExitCode> {
    match page {
        Some(Page::Keep) => output::write(format_args!("{}", pages::keep())),
        Some(Page::Handover) => output::write(format_args!("{}", pages::handover())),
        None if as_json => {
            let (columns, places) =
                (serde_json::to_value(map::rows())?, serde_json::to_value(map::places())?);
            say!("{}", json!({ "columns": columns, "places": places }));
        }
        None => output::write(format_args!("{}", map::table())),
    }
    Ok(ExitCode::SUCCESS)
}
