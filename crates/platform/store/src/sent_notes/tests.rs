//! Notes come back after the process is gone, and a file that failed is not believed again.

use std::path::Path;

use super::*;

fn note(id: u128, attempts: u32) -> SentNote {
    SentNote { entry: RecipientId::from_u128(id), attempts }
}

fn found(path: &Path) -> Vec<SentNote> {
    let mut notes: Vec<_> = read(path).into_iter().map(|(note, _)| note).collect();
    notes.sort_by_key(|note| note.entry);
    notes.dedup();
    notes
}

fn read(path: &Path) -> Vec<(SentNote, Option<Delivered>)> {
    let records = file::read(path).expect("readable");
    records.iter().filter_map(Record::read).collect()
}

fn id(id: u128) -> RecipientId {
    RecipientId::from_u128(id)
}

#[tokio::test]
async fn what_was_noted_and_not_settled_is_found_by_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    notes.add(&[note(1, 0), note(2, 3), note(3, 0)]).await.expect("noted");
    assert_eq!(found(&path), [note(1, 0), note(2, 3), note(3, 0)], "on disk when it answers");
    notes.remove(&[RecipientId::from_u128(2)]);
    notes.add(&[note(4, 1), note(1, 1)]).await.expect("noted");
    assert_eq!(found(&path), [note(1, 1), note(3, 0), note(4, 1)]);
    drop(notes);
    let next = SentNotes::open(path).expect("notes");
    assert_eq!(next.get(id(1)).map(|noted| noted.attempts), Some(1));
    assert!(next.get(id(2)).is_none());
    next.close().await;
}

#[tokio::test]
async fn the_file_stays_as_small_as_what_is_under_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    for id in 0..2_000 {
        notes.add(&[note(id, 0)]).await.expect("noted");
        notes.remove(&[RecipientId::from_u128(id)]);
    }
    notes.close().await;
    assert_eq!(std::fs::metadata(&path).expect("the file").len(), 4_096);
    assert!(found(&path).is_empty(), "nothing is left of what was settled");
}

#[tokio::test]
async fn a_record_that_was_torn_is_no_note_and_the_others_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    for id in 1..=3 {
        notes.add(&[note(id, 0)]).await.expect("noted");
    }
    notes.close().await;
    let mut bytes = std::fs::read(&path).expect("the file");
    bytes[64 + 20..96].fill(0);
    std::fs::write(&path, bytes).expect("written");
    assert_eq!(found(&path).len(), 2);
}

#[tokio::test]
async fn after_a_fault_the_notes_are_in_a_new_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gone").join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    notes.add(&[note(1, 0)]).await.expect_err("there is no folder to write to");
    assert!(notes.get(id(1)).is_none(), "nobody relies on it");
    std::fs::create_dir(folder.path().join("gone")).expect("a folder");
    notes.add(&[note(2, 0)]).await.expect("noted");
    assert_eq!(found(&path), [note(2, 0)]);
    notes.close().await;
}

#[tokio::test]
async fn that_a_server_said_yes_is_in_the_file_when_it_is_noted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    notes.add(&[note(1, 0), note(2, 3), note(3, 0)]).await.expect("noted");
    let at = Timestamp::from_secs(1_795_000_000);
    let (first, second) = (Delivered::new(at, false), Delivered::new(at, true));
    notes.deliver(&[(id(1), first), (id(2), second), (id(9), first)]);
    let mut delivered: Vec<_> =
        read(&path).into_iter().filter(|(_, delivered)| delivered.is_some()).collect();
    delivered.sort_by_key(|(note, _)| note.entry);
    assert_eq!(delivered, [(note(1, 0), Some(first)), (note(2, 3), Some(second))], "without anybody waiting");
    assert!(first.at() == at && !first.is_second_copy() && second.at() == at && second.is_second_copy());
    drop(notes);
    let next = SentNotes::open(path.clone()).expect("notes");
    assert_eq!(next.get(id(1)).and_then(|noted| noted.delivered), Some(first));
    assert!(next.get(id(3)).is_some_and(|noted| noted.delivered.is_none()));
    next.remove(&[id(1)]);
    // Whoever takes its places has nothing of it.
    next.add(&[note(4, 0)]).await.expect("noted");
    assert_eq!(read(&path).iter().filter(|(of, _)| of.entry == id(4)).count(), 1);
    assert_eq!(read(&path).iter().filter(|(_, delivered)| delivered.is_some()).count(), 1, "the other one");
    next.close().await;
}

#[tokio::test]
async fn a_torn_second_note_leaves_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    notes.add(&[note(1, 0)]).await.expect("noted");
    notes.deliver(&[(id(1), Delivered::new(Timestamp::from_secs(1_795_000_000), false))]);
    notes.close().await;
    let mut bytes = std::fs::read(&path).expect("the file");
    bytes[32 + 20..64].fill(0);
    std::fs::write(&path, bytes).expect("written");
    assert_eq!(read(&path), [(note(1, 0), None)]);
}

#[tokio::test]
async fn what_was_delivered_is_in_the_new_file_after_a_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sent.notes");
    let notes = SentNotes::open(path.clone()).expect("notes");
    notes.add(&[note(1, 0)]).await.expect("noted");
    notes.state().file = None;
    let delivered = Delivered::new(Timestamp::from_secs(1_795_000_000), false);
    notes.deliver(&[(id(1), delivered)]);
    notes.add(&[note(2, 0)]).await.expect("noted");
    assert!(read(&path).contains(&(note(1, 0), Some(delivered))));
    notes.close().await;
}
