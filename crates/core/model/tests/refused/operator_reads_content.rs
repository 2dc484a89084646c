//! E0277: an operator does not open content

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<Vec<u8>, category::PrivateContent> = Sealed::new(Vec::new());
    let access = Access::new(actor::Operator, purpose::Operation);
    let _ = sealed.open(&access);
}
