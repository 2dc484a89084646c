//! E0277: nor in any other way of `format!`

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<u64, category::Email> = Sealed::new(7);
    println!("{sealed:x}");
}
