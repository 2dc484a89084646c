//! E0599: a sealed value is not copied

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _ = sealed.clone();
}
