//! A wrong configuration ends every command before it does anything.

use anyhow::Result;

use crate::waxseal;

#[tokio::test]
async fn an_unknown_key_names_the_nearest() -> Result<()> {
    let binary = waxseal()?;
    std::fs::write(binary.folder().join("waxseal.toml"), "[htp]\nlisten = [\"127.0.0.1:0\"]\n")?;
    for arguments in [&["serve"][..], &["account", "list"], &["check"]] {
        let ended = binary.run(arguments).await?;
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains("there is no key `htp"), "{said}");
        assert!(said.contains("did you mean `http.listen`?"), "{said}");
    }
    assert!(!binary.data_dir().exists(), "nothing was made");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_not_there_is_an_error() -> Result<()> {
    let ended = waxseal()?.run(&["serve", "--config", "gone.toml"]).await?;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("gone.toml: No such file"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn the_environment_wins_over_the_file() -> Result<()> {
    let binary = waxseal()?;
    std::fs::write(binary.folder().join("mine.toml"), "data_dir = \"of-the-file\"\n")?;
    binary.json(&["account", "list", "--config", "mine.toml"]).await?;
    assert!(binary.folder().join("of-the-file").exists());
    let binary = binary.set("data_dir", "of-the-environment");
    binary.json(&["account", "list", "--config", "mine.toml"]).await?;
    assert!(binary.folder().join("of-the-environment").exists());
    Ok(())
}
