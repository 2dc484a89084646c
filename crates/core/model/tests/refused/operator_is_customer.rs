//! E0277: nor the access of a customer

use waxseal_model::{Access, actor, purpose};

fn main() {
    let _ = Access::new(actor::Operator, purpose::CustomerAccess);
}
