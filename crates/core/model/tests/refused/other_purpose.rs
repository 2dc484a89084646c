//! E0308: access for one purpose is none for another

use waxseal_model::{Access, actor, purpose};

fn main() {
    let access = Access::new(actor::System, purpose::Delivery);
    let _: Access<purpose::Signing> = access;
}
