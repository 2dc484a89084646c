//! E0277: a grant is for support

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let access = Access::new(actor::Operator, purpose::Operation);
    let sealed: Sealed<String, category::PrivateContent> = Sealed::new(String::new());
    let _ = sealed.into_granted(&access);
}
