//! E0277: nobody makes a purpose of their own

use waxseal_model::PurposeMark;

#[derive(Clone, Copy)]
struct Curiosity;

impl PurposeMark for Curiosity {
    const PURPOSE: waxseal_model::Purpose = waxseal_model::Purpose::Delivery;
}

fn main() {
}
