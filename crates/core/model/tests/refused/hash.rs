//! E0277: nor hashed

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _ = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), &sealed);
}
