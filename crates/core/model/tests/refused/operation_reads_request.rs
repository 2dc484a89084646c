//! E0277: who asks about their data is known to who answers

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<String, category::Contact> = Sealed::new(String::new());
    let access = Access::new(actor::Operator, purpose::Operation);
    let _ = sealed.open(&access);
}
