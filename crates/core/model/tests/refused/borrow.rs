//! E0308: nor borrowed

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _: &str = std::borrow::Borrow::borrow(&sealed);
}
