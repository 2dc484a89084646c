//! E0277: a sealed value is not read from outside

use waxseal_model::{Sealed, category};

fn main() {
    let _: Sealed<String, category::Email> = serde_json::from_str("").unwrap();
}
