//! E0277: nor made out of nothing

use waxseal_model::{Sealed, category};

fn main() {
    let _: Sealed<String, category::Email> = Default::default();
}
