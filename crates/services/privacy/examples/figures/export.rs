//! How long an export takes, and taking it over.

use std::{error::Error, sync::Arc};

use waxseal_model::{Clock, Random};
use waxseal_privacy::{
    audit::{AuditConfig, AuditLog},
    export::{self, ExportGround, ExportOrder},
};
use waxseal_store::{Engine, export::ExportSubject, export_file::ExportKey};

use crate::{fill::fill, opened};

pub(crate) async fn figure(
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    events: usize,
    messages: usize,
) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = opened(Engine::Sqlite, folder.path().join("data"), &clock, &random).await?;
    let account = fill(&store, &*clock, &*random, events, messages).await?;

    let path = folder.path().join("account.export");
    let key = ExportKey::make(&*random);
    let same = ExportKey::parse(&key.text()).ok_or("a key")?;
    let order = ExportOrder {
        by: None,
        ground: ExportGround::Owner,
        subjects: vec![ExportSubject::Account(account)],
        requester: None,
        path: path.clone(),
        key,
    };
    let audit = AuditLog::open(store.clone(), clock.clone(), AuditConfig::in_folder(folder.path())).await?;
    let before = clock.monotonic();
    let made = export::make(&store, &*clock, &random, &audit, order).await?;
    let took = clock.monotonic() - before;
    println!(
        "export: {} rows ({} events) and {} messages in {:.1} s, {} bytes",
        made.total(),
        made.rows.get("events").copied().unwrap_or(0),
        made.messages,
        took.as_secs_f64(),
        made.bytes
    );
    store.close().await;

    let store = opened(Engine::Sqlite, folder.path().join("elsewhere"), &clock, &random).await?;
    let before = clock.monotonic();
    let imported = export::import(&store, path, Some(same), Arc::new(|_| None)).await?;
    let took = clock.monotonic() - before;
    println!(
        "import: {} rows and {} messages in {:.1} s",
        imported.rows,
        imported.messages,
        took.as_secs_f64()
    );
    store.close().await;
    Ok(())
}
