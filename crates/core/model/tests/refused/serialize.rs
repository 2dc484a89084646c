//! E0277: a sealed value is not serialised

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _ = serde_json::to_string(&sealed);
}
