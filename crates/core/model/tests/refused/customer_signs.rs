//! E0277: a customer has no access for signing

use waxseal_model::{Access, actor, purpose};

fn main() {
    let _ = Access::new(actor::Customer, purpose::Signing);
}
