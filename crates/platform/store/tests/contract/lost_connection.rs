//! A connection to PostgreSQL that breaks.

use crate::cluster::{execute, name_of};

#[tokio::test]
async fn a_lost_connection_is_an_error_once_and_then_made_anew() {
    let Some(world) = crate::world::World::postgres().await else { return };
    let sender = world.sender().await;
    let waxseal_store::Engine::Postgres(url) = world.config.engine.clone() else { panic!("PostgreSQL") };
    for _ in 0..3 {
        let name = name_of(&url).expect("a name");
        execute(&url, &format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        ))
        .await;
        // The call at hand may fail; that it did must be true.
        let accept = world.accept(sender, world.message(&["bob@one.example"]));
        let before = world.store.queue_counts(&Default::default()).await.expect("counted").waiting;
        let answer = world.store.accept(accept).await;
        let after = world.store.queue_counts(&Default::default()).await.expect("counted").waiting;
        assert_eq!(after - before, u64::from(answer.is_ok()));
        world.send(sender, &["bob@one.example"]).await;
    }
    world.end().await;
}
