//! What the refused cases are compared with: this compiles.

use waxseal_model::{Access, Sealed, actor, category, purpose};

fn main() {
    let sealed: Sealed<String, category::Email> = Sealed::new(String::from("a@b.example"));
    println!("{}", sealed.open(&Access::new(actor::Operator, purpose::Operation)));
    let content: Sealed<Vec<u8>, category::PrivateContent> = Sealed::new(Vec::new());
    let _ = content.into_open(&Access::new(actor::Customer, purpose::CustomerAccess));
    let granted: Sealed<Vec<u8>, category::PrivateContent> = Sealed::new(Vec::new());
    let _ = granted.into_granted(&Access::new(actor::Operator, purpose::Support));
    let _ = serde_json::to_string("whole");
}
