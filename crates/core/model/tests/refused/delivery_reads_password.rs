//! E0277: delivery does not open passwords

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<String, category::Password> = Sealed::new(String::new());
    let access = Access::new(actor::System, purpose::Delivery);
    let _ = sealed.open(&access);
}
