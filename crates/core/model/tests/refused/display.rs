//! E0277: a sealed value is not printed for a person

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    println!("{sealed}");
}
