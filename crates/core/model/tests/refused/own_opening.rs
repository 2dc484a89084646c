//! E0117: nor lets a purpose open more than the table says

use waxseal_model::{Opens, category, purpose};

impl Opens<category::PrivateContent> for purpose::Operation {}

fn main() {
}
