//! E0277: whoever signs does not open profiles

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<String, category::Account> = Sealed::new(String::new());
    let access = Access::new(actor::System, purpose::Signing);
    let _ = sealed.open(&access);
}
