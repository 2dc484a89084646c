//! Administration beside a running server.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;

use crate::waxseal;

#[tokio::test]
async fn commands_work_beside_a_running_server_and_after_it() -> Result<()> {
    let binary = waxseal()?;
    let server = binary.serve().await?;
    let socket = binary.data_dir().join("control.sock");
    assert_eq!(std::fs::metadata(&socket)?.permissions().mode() & 0o777, 0o600, "for its owner alone");
    let (account, _) = binary.account().await?;
    binary.json(&["domain", "create", "mail.example.org", "--account", &account]).await?;
    let refused = binary.run(&["domain", "create", "mail.example.org", "--account", &account]).await?;
    assert_eq!(refused.status.code(), Some(1), "an error comes through as one");
    let (status, _) = server.terminate().await?;
    assert!(status.success() && !socket.exists());
    let domains = binary.json(&["domain", "list", "--account", &account]).await?;
    assert_eq!(domains["items"][0]["name"], "mail.example.org");
    Ok(())
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_says_so() -> Result<()> {
    let binary = waxseal()?;
    let server = binary.serve().await?;
    let second = binary.run(&["serve"]).await?;
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stderr.contains("in use by another waxseal process"), "{}", second.stderr);
    binary.account().await?;
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn commands_at_the_same_time_take_turns() -> Result<()> {
    let binary = waxseal()?;
    let made = futures_util::future::join_all((0..4).map(|_| binary.account())).await;
    assert_eq!(made.into_iter().filter(Result::is_ok).count(), 4);
    Ok(())
}

#[tokio::test]
async fn a_folder_with_a_long_name_is_no_obstacle() -> Result<()> {
    let binary = waxseal()?.set("data_dir", &"long-".repeat(40));
    let server = binary.serve().await?;
    binary.account().await?;
    assert!(server.terminate().await?.0.success());
    Ok(())
}

#[tokio::test]
async fn a_socket_left_behind_by_a_killed_server_is_no_obstacle() -> Result<()> {
    let binary = waxseal()?;
    binary.serve().await?.kill().await?;
    assert!(binary.data_dir().join("control.sock").exists());
    binary.account().await?;
    let server = binary.serve().await?;
    binary.account().await?;
    assert!(server.terminate().await?.0.success());
    Ok(())
}
