//! `waxseal privacy map`: every stored field with its class. It comes from the code, not from a store.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use waxseal_privacy::map;

use crate::output::{self, say};

/// Prints the map.
pub(crate) fn print(as_json: bool) -> Result<ExitCode> {
    if as_json {
        say!("{}", json!({ "columns": serde_json::to_value(map::rows())? }));
    } else {
        output::write(format_args!("{}", map::table()));
    }
    Ok(ExitCode::SUCCESS)
}
