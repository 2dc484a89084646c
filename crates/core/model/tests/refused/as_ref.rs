//! E0599: nor is it lent

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _: &str = sealed.as_ref();
}
