//! E0451: nor is it taken apart

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let Sealed { value, .. } = sealed;
    drop(value);
}
