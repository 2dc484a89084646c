//! E0277: nor turned into it

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _: String = sealed.into();
}
