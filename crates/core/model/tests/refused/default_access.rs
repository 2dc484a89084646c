//! E0277: nor made out of nothing

use waxseal_model::{Access, purpose};

fn main() {
    let _: Access<purpose::Signing> = Default::default();
}
