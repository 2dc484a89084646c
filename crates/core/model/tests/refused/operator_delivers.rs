//! E0277: an operator has no access for delivery

use waxseal_model::{Access, actor, purpose};

fn main() {
    let _ = Access::new(actor::Operator, purpose::Delivery);
}
