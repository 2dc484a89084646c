//! E0614: a sealed value does not stand for what is in it

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _ = *sealed;
}
