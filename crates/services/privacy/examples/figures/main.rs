//! Figures of privacy at a size that people have. Built with `--release`:
//!
//! - `figures export [EVENTS [MESSAGES]]`: how long an export takes and taking it over, on SQLite in a temporary folder;
//!   100,000 and 10,000 if not given.
//! - `figures fill FOLDER EVENTS MESSAGES [DATABASE_URL]`: fills the data folder of an instance and prints the account's
//!   id, for `cargo xtask bench erase`, which erases it with the real program.
#![expect(clippy::print_stdout, reason = "it prints its figures")]

mod export;
mod fill;

use std::{error::Error, path::PathBuf, sync::Arc};

use waxseal_model::{Clock, Random};
use waxseal_store::{Engine, MasterKey, Store, StoreConfig};
use waxseal_system::{SystemClock, SystemRandom};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export"] => export::figure(clock, random, 100_000, 10_000).await,
        ["export", events] => export::figure(clock, random, events.parse()?, 10_000).await,
        ["export", events, messages] => {
            export::figure(clock, random, events.parse()?, messages.parse()?).await
        }
        ["fill", folder, events, messages, ref url @ ..] if url.len() < 2 => {
            let engine = url.first().map_or(Engine::Sqlite, |url| Engine::Postgres((*url).to_owned()));
            let store = opened(engine, PathBuf::from(folder), &clock, &random).await?;
            let account = fill::fill(&store, &*clock, &*random, events.parse()?, messages.parse()?).await?;
            store.close().await;
            println!("{account}");
            Ok(())
        }
        _ => Err("figures export [EVENTS [MESSAGES]] | fill FOLDER EVENTS MESSAGES [DATABASE_URL]".into()),
    }
}

async fn opened(
    engine: Engine,
    data_dir: PathBuf,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> Result<Store, Box<dyn Error>> {
    let master_key = MasterKey::File(data_dir.join("master.key"));
    let config = StoreConfig { engine, data_dir, master_key, keys_dir: None };
    Ok(Store::open(config, clock.clone(), random.clone()).await?)
}
