//! What somebody deleted, revoked or ended stays so when a backup from before is restored.

use anyhow::Result;
use waxseal_testkit::{Call, Server, binary::text};

use crate::{DOMAIN, World, access::kept, backup::lose_database};

/// A network and a key with its id, an open grant and a kept message of the account.
struct Belongings {
    network: &'static str,
    key_id: String,
    key: String,
    grant: String,
    message: String,
}

impl Belongings {
    async fn of(world: &World, server: &Server, network: &'static str, grant: &str) -> Result<Self> {
        let (binary, account) = (&world.binary, world.account.as_str());
        binary.json(&["credential", "create", "--network", network, "--account", account]).await?;
        let made = binary.json(&["key", "create", "--account", account, "--label", network]).await?;
        let reason = "Ticket 7: mail is missing";
        binary.json(&["access", "open", "--account", account, "--reason", reason, "--for", "4h"]).await?;
        let message = kept(world, server).await?;
        let (key_id, key) = (text(&made, "key_id")?, text(&made, "api_key")?);
        Ok(Self { network, key_id, key, grant: grant.to_owned(), message })
    }

    fn path(&self) -> String {
        format!("/v3/domains/{DOMAIN}/messages/{}", self.message)
    }

    /// Which of it is there: the message, the key, the network, the grant.
    async fn there(&self, world: &World, server: &Server) -> Result<[bool; 4]> {
        let binary = &world.binary;
        let message = Call::get(server.http(), &self.path()).key(&world.key).send().await?;
        let events = format!("/v3/{DOMAIN}/events");
        let key = Call::get(server.http(), &events).key(&self.key).send().await?;
        let networks = binary.json(&["credential", "list", "--account", &world.account]).await?;
        let grants = binary.json(&["access", "list"]).await?;
        let grants = grants["items"].as_array().cloned().unwrap_or_default();
        let open = |grant: &serde_json::Value| {
            let number = grant["grant"].as_u64().map(|number| number.to_string());
            number.as_deref() == Some(self.grant.as_str()) && grant["state"] == "open"
        };
        Ok([
            message.status == 200,
            key.status == 200,
            networks.to_string().contains(self.network),
            grants.iter().any(open),
        ])
    }
}

#[tokio::test]
async fn what_was_deleted_revoked_or_ended_since_a_backup_does_not_come_back_with_it() -> Result<()> {
    let world = World::new(&[]).await?;
    let (binary, account) = (&world.binary, world.account.as_str());
    let server = binary.serve().await?;
    let own = Belongings::of(&world, &server, "10.1.0.0/16", "1").await?;
    let others = Belongings::of(&world, &server, "10.2.0.0/16", "2").await?;
    let made = binary.json(&["backup", "create", "before.backup"]).await?;
    let backup = text(&made, "path")?;
    assert_eq!(own.there(&world, &server).await?, [true; 4]);

    let deleted = Call::delete(server.http(), &own.path()).key(&world.key).send().await?;
    assert_eq!(deleted.status, 200);
    binary.json(&["key", "delete", &own.key_id, "--account", account]).await?;
    binary.json(&["credential", "delete", own.network, "--account", account]).await?;
    binary.json(&["access", "close", &own.grant]).await?;
    assert_eq!(own.there(&world, &server).await?, [false; 4]);
    // Right after the answer: nothing of it waits to be written down.
    server.kill().await?;

    lose_database(binary)?;
    binary.json(&["backup", "restore", &backup]).await?;
    let server = binary.serve().await?;
    assert_eq!(own.there(&world, &server).await?, [false; 4]);
    assert_eq!(others.there(&world, &server).await?, [true; 4]);
    assert!(server.terminate().await?.0.success());
    let trail = binary.run(&["audit", "export"]).await?.stdout;
    assert_eq!(trail.matches("\"deletions_reapplied\"").count(), 1, "{trail}");
    Ok(())
}
