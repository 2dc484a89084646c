//! E0277: a customer does not open the keys that sign for it

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<Vec<u8>, category::SystemAuthentication> = Sealed::new(Vec::new());
    let access = Access::new(actor::Customer, purpose::CustomerAccess);
    let _ = sealed.into_open(&access);
}
