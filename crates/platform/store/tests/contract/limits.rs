//! Limits of time at PostgreSQL itself.

use std::time::Duration;

use crate::cluster::execute;

const DAY: Duration = Duration::from_secs(86_400);

/// A statement that was given up on would keep all others from writing for as long as the server goes on with it.
#[tokio::test]
async fn the_server_gives_up_on_a_writer_before_we_do_but_not_on_what_goes_through_whole_tables() {
    let Some(world) = crate::world::World::postgres().await else { return };
    let sender = world.sender().await;
    let waxseal_store::Engine::Postgres(url) = world.config.engine.clone() else { panic!("PostgreSQL") };
    let limit = |name: &str| format!("extract(epoch FROM current_setting('{name}_timeout')::interval)");
    let limits = ["statement", "lock", "idle_in_transaction_session"].map(limit).join(", ");
    execute(
        &url,
        &format!(
            "CREATE TABLE seen (what text, statement float, lock float, idle float); \
             CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO seen VALUES (TG_OP, {limits}); RETURN NULL; END $$; \
             CREATE TRIGGER see AFTER INSERT OR UPDATE ON events FOR EACH ROW EXECUTE FUNCTION see(); \
             CREATE FUNCTION see_commit() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO seen VALUES ('COMMIT', {limits}); RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER see_commit AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION see_commit()"
        ),
    )
    .await;
    world.clock.advance(2 * DAY);
    world.send(sender, &["bob@one.example"]).await;
    assert!(world.store.redate_ahead(world.now() - DAY).await.expect("redated") > 0);
    // A commit that the server cuts off while it waits for a standby counts as done.
    let statement = [
        ("INSERT", "BETWEEN 1 AND 20 AND idle BETWEEN 1 AND 20"),
        ("UPDATE", "> 20 AND idle > 20"),
        ("COMMIT", "= 0"),
    ];
    for (what, statement) in statement {
        // Fails where there is none.
        execute(
            &url,
            &format!(
                "SELECT 1 / count(*) FROM seen WHERE what = '{what}' AND statement {statement} \
                 AND lock BETWEEN 1 AND 20"
            ),
        )
        .await;
    }
    world.end().await;
}
