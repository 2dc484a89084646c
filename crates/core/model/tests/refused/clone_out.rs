//! E0308: cloning the borrow gives no value

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _: String = (&sealed).clone();
}
