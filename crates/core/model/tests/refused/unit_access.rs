//! E0308: nor with something else

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _ = sealed.open(&());
}
