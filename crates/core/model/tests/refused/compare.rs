//! E0369: two sealed values are not compared

use waxseal_model::{Sealed, category};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::new());
    let _ = sealed == Sealed::new(String::from("a@b.example"));
}
