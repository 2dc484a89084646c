//! Files of suppressions: taken once, imported to their end whatever happens.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};
use waxseal_testkit::{Call, Server, binary::text};

use crate::{DOMAIN, World};

const ADDRESSES: u64 = 6_000;

/// What is told of an import.
async fn told(world: &World, server: &Server, id: &str) -> Result<Value> {
    let path = format!("/v3/{DOMAIN}/unsubscribes/import/{id}");
    Ok(Call::get(server.http(), &path).key(&world.key).send().await?.json())
}

/// Asks until more than so many rows are on the list, or all.
async fn until_past(world: &World, server: &Server, id: &str, rows: u64) -> Result<Value> {
    loop {
        let told = told(world, server, id).await?;
        if told["added"].as_u64() > Some(rows) || told["state"] == "done" {
            return Ok(told);
        }
        assert_ne!(told["state"], "failed", "{told}");
    }
}

#[tokio::test]
async fn a_file_that_was_taken_is_imported_to_its_end_whatever_kills_the_server() -> Result<()> {
    let world = World::new(&[]).await?;
    let mut file = "address,tag\n".to_owned();
    // The second half adds to the entries of the first: a row that is left out or taken for another one shows.
    for number in 0..ADDRESSES * 2 {
        let _ = writeln!(file, "r{}@one.example,t{}", number % ADDRESSES, number / ADDRESSES);
    }
    let mut server = world.binary.serve().await?;
    let path = format!("/v3/{DOMAIN}/unsubscribes/import");
    let taken = Call::file(server.http(), &path, &file).key(&world.key).send().await?;
    assert_eq!(taken.status, 202, "{}", taken.text());
    let id = text(&taken.json(), "id")?;
    // At once, so that nothing is read of it yet, and twice amid it.
    let mut killed = 0;
    for rows in [None, Some(0), Some(4_000)] {
        if let Some(rows) = rows {
            let told = until_past(&world, &server, &id, rows).await?;
            killed += u64::from(told["state"] == "running");
        }
        server.kill().await?;
        server = world.binary.serve().await?;
    }
    assert_eq!(killed, 2, "it was under way");
    let done = until_past(&world, &server, &id, u64::MAX).await?;
    assert_eq!(
        (&done["rows"], &done["added"], &done["refused"]),
        (&json!(12_000), &json!(12_000), &json!(0))
    );
    assert_eq!((&done["bytes_done"], &done["bytes_total"]), (&json!(file.len()), &json!(file.len())));
    for number in (0..ADDRESSES).step_by(97) {
        let path = format!("/v3/{DOMAIN}/unsubscribes/r{number}%40one.example");
        let entry = Call::get(server.http(), &path).key(&world.key).send().await?.json();
        assert_eq!(entry["tags"], json!(["t1", "t0"]), "{number}: {entry}");
    }
    let left = std::fs::read_dir(world.binary.data_dir().join("imports"))?.count();
    assert_eq!(left, 0, "the file is gone");
    assert!(server.terminate().await?.0.success());
    Ok(())
}
