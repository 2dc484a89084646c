//! Files of suppressions: each row goes onto its list once, whatever comes in between.

use std::{path::PathBuf, time::Duration};

use waxseal_model::{ImportId, suppression::SuppressionKind};
use waxseal_store::{
    Engine, StoreError,
    suppression::{NewSuppression, SuppressionDetails},
    suppression_import::{ImportProblem, ImportState, ImportStep, NewImport, SuppressionImport},
};

use crate::{
    backups::{backed_up, restore},
    erasing::{customer, erase},
    world::{ACCESS, Sender, World},
};

const MOST: u64 = 2;
const FILE: &[u8] = b"address\na@one.example\nb@one.example\n";

pub(crate) async fn begun(
    world: &World,
    sender: Sender,
    kind: SuppressionKind,
) -> (SuppressionImport, PathBuf) {
    let id = ImportId::new(world.clock(), world.random());
    let Sender { account, domain, .. } = sender;
    let new = NewImport { id, account, domain, kind, created_at: world.now() };
    assert!(world.store.begin_import(new, FILE.to_vec(), MOST).await.expect("taken"));
    (told(world, sender, id).await, world.config.data_dir.join(format!("imports/{id}.import")))
}

async fn told(world: &World, sender: Sender, id: ImportId) -> SuppressionImport {
    world.store.suppression_import(sender.account, id).await.expect("read").expect("it is told of")
}

/// A step to this place with this unsubscription, and a row that was refused.
fn step(import: &SuppressionImport, done: u64, tag: &str, is_last: bool) -> ImportStep {
    let entry = |tag: &str| NewSuppression {
        account: import.account,
        domain: import.domain,
        kind: import.kind,
        address: "a@one.example".into(),
        details: SuppressionDetails { tags: vec![tag.to_owned()], ..SuppressionDetails::default() },
        created_at: import.created_at,
    };
    ImportStep {
        done,
        line: import.line + 2,
        entries: vec![entry(tag), entry("twice")],
        refused: 1,
        problems: vec![ImportProblem { line: import.line, reason: "wrong".into() }],
        is_last,
    }
}

pub(crate) async fn rows_go_onto_a_list_together_with_the_note_of_how_far_it_is(mut world: World) {
    let sender = world.sender().await;
    let (import, file) = begun(&world, sender, SuppressionKind::Unsubscribe).await;
    let sealed = std::fs::read(&file).expect("there");
    assert!(!sealed.windows(5).any(|bytes| bytes == b"one.e"), "it rests sealed");
    assert_eq!(
        world.store.read_import(&import, 8, 13).await.expect("read").expect("there").as_slice(),
        &FILE[8..21]
    );
    assert!(world.store.apply_import(&import, step(&import, 22, "first", false)).await.expect("applied"));
    let again = world.store.apply_import(&import, step(&import, 36, "never", true)).await.expect("asked");
    assert!(!again, "somebody took that step");
    world.reopen().await;

    let open = world.store.open_imports(None, 9).await.expect("listed");
    let import = open.first().expect("it goes on").clone();
    assert_eq!((import.state, import.done, import.line), (ImportState::Running, 22, 3));
    assert!(world.store.apply_import(&import, step(&import, 36, "second", true)).await.expect("applied"));
    assert!(!file.exists() && world.store.open_imports(None, 9).await.expect("listed").is_empty());
    let done = told(&world, sender, import.id).await;
    assert_eq!((done.state, done.rows, done.added, done.refused), (ImportState::Done, 6, 4, 2));
    assert_eq!((done.problems.len(), done.finished_at), (2, Some(world.now())));
    let of = (sender.account, sender.domain);
    let found =
        world.store.suppression(of, SuppressionKind::Unsubscribe, "A@one.example").await.expect("read");
    let tags = found.expect("on the list").details.open(&ACCESS).tags.clone();
    assert_eq!(tags, ["second", "twice", "first"], "of all rows about one address");

    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.store.purge_imports(done.finished_at.expect("done"), 9).await.expect("purged"), 0);
    assert_eq!(world.store.purge_imports(world.now(), 9).await.expect("purged"), 1);
}

pub(crate) async fn of_an_account_few_are_under_way_and_none_without_its_file(world: World) {
    let (mine, other) = (world.sender().await, world.sender().await);
    let (lost, file) = begun(&world, mine, SuppressionKind::Bounce).await;
    let (kept, _) = begun(&world, mine, SuppressionKind::Bounce).await;
    begun(&world, other, SuppressionKind::Bounce).await;
    let id = ImportId::new(world.clock(), world.random());
    let new = NewImport {
        id,
        account: mine.account,
        domain: mine.domain,
        kind: lost.kind,
        created_at: world.now(),
    };
    assert!(!world.store.begin_import(new, FILE.to_vec(), MOST).await.expect("asked"), "as many as may be");
    let folder = file.parent().expect("a folder");
    assert_eq!(std::fs::read_dir(folder).expect("read").count(), 3, "what was not taken is not kept");
    let list =
        world.store.suppression_imports((mine.account, mine.domain), lost.kind, 9).await.expect("listed");
    assert_eq!(
        list.iter().map(|import| import.id).collect::<Vec<_>>(),
        [kept.id.max(lost.id), kept.id.min(lost.id)]
    );

    std::fs::rename(&file, folder.join(format!("{id}.import"))).expect("renamed");
    assert!(world.store.read_import(&lost, 0, 9).await.expect("asked").is_none());
    world.store.settle_imports().await.expect("settled");
    assert_eq!(told(&world, mine, lost.id).await.state, ImportState::Failed);
    assert_eq!(told(&world, mine, kept.id).await.state, ImportState::Queued);
    assert_eq!(std::fs::read_dir(folder).expect("read").count(), 2, "a file that nobody waits for goes");
}

pub(crate) async fn an_erased_accounts_files_go_and_none_that_was_put_aside_opens(world: World) {
    let (mine, other) = (customer(&world).await, customer(&world).await);
    let (import, file) = begun(&world, mine, SuppressionKind::Bounce).await;
    let (_, theirs) = begun(&world, other, SuppressionKind::Bounce).await;
    let aside = std::fs::read(&file).expect("read");
    let asked = world.store.ask_account_erasure(mine.account, world.now()).await.expect("asked");
    let open = world.store.open_imports(None, 9).await.expect("listed");
    assert_eq!(open.len(), 1, "the closed one waits");
    erase(&world, &asked).await;
    assert!(!file.exists() && theirs.exists());
    std::fs::write(&file, aside).expect("put back");
    assert!(matches!(world.store.read_import(&import, 0, 9).await, Err(StoreError::Erased)));
    let entries = world.store.apply_import(&import, step(&import, 36, "late", true)).await;
    assert!(!matches!(entries, Ok(true)), "nothing of it gets onto a list any more");
}

pub(crate) async fn a_restored_database_goes_on_with_no_file(world: World) {
    let sender = world.sender().await;
    let (import, _) = begun(&world, sender, SuppressionKind::Bounce).await;
    let (backup, _, _folder) = backed_up(&world).await;
    let (config, _keys) = world.elsewhere(Engine::Sqlite).await;
    restore(&world, &backup, &config).await.expect("restored");
    // Even where the files lie: what was taken off the list since would come back with them.
    let (from, to) = (world.config.data_dir.join("imports"), config.data_dir.join("imports"));
    std::fs::create_dir_all(&to).expect("a folder");
    for file in std::fs::read_dir(from).expect("read") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
    }
    let restored = world.over(config).await;
    assert_eq!(told(&restored, sender, import.id).await.state, ImportState::Failed);
    assert_eq!(std::fs::read_dir(to).expect("read").count(), 0);
    restored.end().await;
}
