//! E0277: an operator does not open what a relay is told to let us in

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<String, category::Credentials> = Sealed::new(String::new());
    let access = Access::new(actor::Operator, purpose::Operation);
    let _ = sealed.open(&access);
}
