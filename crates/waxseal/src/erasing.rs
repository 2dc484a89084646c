//! Commands that erase: asked for once, then followed to their end, in the server or, where none runs, right here.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{
    admin::{self, Request},
    config::Config,
    control,
    house::House,
    output::{self, say},
};

/// How often one looks how far it is.
const LOOK: Duration = Duration::from_millis(500);

/// Asks, follows what begins at once to its end, and prints how it ended.
pub(crate) async fn run(config: &Config, request: Request, as_json: bool) -> Result<ExitCode> {
    let mut answer = admin::ask(config, request).await?;
    let one = answer.get("erasure").and_then(Value::as_str).map(str::to_owned);
    let ids: Vec<String> = match (&one, answer.get("certificates").and_then(Value::as_array)) {
        (Some(id), _) => vec![id.clone()],
        (None, Some(ids)) => ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        (None, None) => Vec::new(),
    };
    if begins_now(&answer) {
        let mut erased = 0;
        let mut states = Vec::new();
        for id in &ids {
            let end = follow(config, id).await?;
            erased += end["rows"].as_u64().unwrap_or_default();
            states.push(end["state"].clone());
            if one.is_some() {
                let account = answer.get("account_id").cloned();
                answer = end;
                if let Some(account) = account {
                    answer["account_id"] = account;
                }
            }
        }
        if one.is_none() {
            answer["rows_erased"] = erased.into();
            let held = states.iter().filter(|state| *state == "held").count();
            answer["held"] = json!(held);
        }
    }
    if as_json {
        say!("{answer}");
    } else {
        output::write(format_args!("{}", admin::describe(&answer)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether its time has come: not if it can still be undone.
fn begins_now(answer: &Value) -> bool {
    match (answer["final_at"].as_str(), answer["requested_at"].as_str()) {
        (Some(last), Some(asked)) => last == asked || answer["state"] != "waiting",
        _ => true,
    }
}

/// Waits until it is done, or held; tells how far it is meanwhile.
async fn follow(config: &Config, id: &str) -> Result<Value> {
    let mut told = None;
    loop {
        let request = Request::ErasureShow { erasure: id.to_owned() };
        let Some(answer) = control::ask(&config.control_socket, &request).await? else {
            here(config, id, &mut told).await?;
            let answer = admin::ask(config, request).await?;
            is_over(&answer, &mut told);
            return Ok(answer);
        };
        if is_over(&answer, &mut told) {
            return Ok(answer);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Does it in this process, because no server runs.
async fn here(config: &Config, id: &str, told: &mut Option<u64>) -> Result<()> {
    let house = House::open_in_turn(config).await.context("the store cannot be opened")?;
    let outcome = async {
        let eraser = house.eraser.clone();
        // On its own: whoever looks how far it is must not stop it while it holds what the look needs.
        let mut work = tokio::spawn(async move { eraser.run_once().await });
        loop {
            tokio::select! {
                done = &mut work => return done?.map_err(anyhow::Error::from),
                () = tokio::time::sleep(LOOK) => {
                    is_over(&admin::show_erasure(&house, id).await?, told);
                }
            }
        }
    };
    let outcome = outcome.await;
    house.close().await;
    outcome
}

/// Whether nothing more comes; says how many rows went, if these are more than were told.
fn is_over(answer: &Value, told: &mut Option<u64>) -> bool {
    let rows = answer["rows"].as_u64().unwrap_or_default();
    match answer["state"].as_str().unwrap_or_default() {
        "done" => true,
        "held" => {
            eprintln!("waxseal: a legal hold puts it off: `waxseal privacy hold list`");
            true
        }
        _ => {
            if *told != Some(rows) {
                eprintln!("waxseal: erasing: {rows} rows so far");
                *told = Some(rows);
            }
            false
        }
    }
}
