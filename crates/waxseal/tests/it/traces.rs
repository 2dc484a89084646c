//! What is left of a settled message: nothing that can be read in any file.

use std::path::Path;

use anyhow::Result;

use crate::{World, waxseal};

pub(crate) fn files_with(folder: &Path, words: &[&str], found: &mut Vec<String>) -> Result<usize> {
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files += files_with(&path, words, found)?;
        } else if path.is_file() {
            files += 1;
            let bytes = std::fs::read(&path)?;
            for word in words {
                if bytes.windows(word.len()).any(|window| window == word.as_bytes()) {
                    found.push(format!("{word} in {}", path.display()));
                }
            }
        }
    }
    Ok(files)
}

#[tokio::test]
async fn no_file_holds_the_text_of_a_message() -> Result<()> {
    let world = World::new(&[("retention.stored_message_days", "0")]).await?;
    let server = world.binary.serve().await?;
    let words = ["settledsubject", "settledcontent", "settledrecipient", "app@sender.test"];
    world.send(&server, "settledrecipient", "settledsubject", "settledcontent of the message").await?;
    world.peer.wait_for_messages(1).await;
    world.drained().await?;
    let mut found = Vec::new();
    let files = files_with(&world.binary.data_dir(), &words, &mut found)?;
    assert!(files >= 3, "there are files to look into");
    assert_eq!(found, Vec::<String>::new(), "while it runs");
    assert!(server.terminate().await?.0.success());
    files_with(&world.binary.data_dir(), &words, &mut found)?;
    assert_eq!(found, Vec::<String>::new(), "after it ended");
    Ok(())
}

#[tokio::test]
async fn keys_and_passwords_are_not_in_any_file() -> Result<()> {
    let binary = waxseal()?;
    let (account, key) = binary.account().await?;
    binary.json(&["domain", "create", "sender.test", "--account", &account]).await?;
    let made = binary.json(&["credential", "create", "app@sender.test", "--account", &account]).await?;
    let password = made["password"].as_str().expect("password");
    let mut found = Vec::new();
    files_with(&binary.data_dir(), &[&key, password, "tester@waxseal.test"], &mut found)?;
    assert_eq!(found, Vec::<String>::new());
    Ok(())
}
