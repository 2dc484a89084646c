//! What the database itself lets a purpose read: every purpose, every column, as the inventory says.

use waxseal_model::Purpose;
use waxseal_store::Store;

use crate::world::World;

pub(crate) async fn each_purpose_reads_its_columns_and_no_others(world: World) {
    assert!(world.store.purposes_are_held());
    let (mut cells, mut closed) = (0, 0);
    for purpose in Purpose::ALL {
        for column in Store::data_map().iter().filter(|column| !column.table.starts_with("keys.")) {
            let declared = Store::is_declared_for(column, purpose);
            let reads = world.store.can_read(purpose, column.table, column.column).await.expect("an answer");
            assert_eq!(reads, declared, "{purpose:?} and {}.{}", column.table, column.column);
            cells += 1;
            closed += usize::from(!declared);
        }
    }
    assert!(cells > 8 * 100 && closed > 30, "{closed} of {cells} cells are closed");
}

pub(crate) async fn content_passwords_and_keys_are_for_few(world: World) {
    for (table, column, wanted) in [
        (
            "bodies",
            "mime",
            &[Purpose::Delivery, Purpose::CustomerAccess, Purpose::Export, Purpose::Support][..],
        ),
        ("smtp_credentials", "password_hash", &[Purpose::Authentication]),
        ("dkim_keys", "private_key", &[Purpose::Signing]),
        ("relays", "credentials", &[Purpose::Delivery]),
        ("domains", "return_path_key", &[Purpose::Signing]),
    ] {
        for purpose in Purpose::ALL {
            let reads = world.store.can_read(purpose, table, column).await.expect("an answer");
            assert_eq!(reads, wanted.contains(&purpose), "{purpose:?} and {table}.{column}");
        }
    }
}
