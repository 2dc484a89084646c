//! E0277: whoever checks a password does not open addresses of mail

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let access = Access::new(actor::System, purpose::Authentication);
    let _ = sealed.open(&access);
}
