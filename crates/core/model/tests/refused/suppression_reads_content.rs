//! E0277: whoever looks up suppressions does not open content

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<Vec<u8>, category::PrivateContent> = Sealed::new(Vec::new());
    let access = Access::new(actor::System, purpose::Suppression);
    let _ = sealed.open(&access);
}
