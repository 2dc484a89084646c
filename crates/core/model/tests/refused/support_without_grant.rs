//! E0277: support opens under a grant only

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let access = Access::new(actor::Operator, purpose::Support);
    let sealed: Sealed<String, category::PrivateContent> = Sealed::new(String::new());
    let _ = sealed.open(&access);
}
