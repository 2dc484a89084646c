//! E0451: access is not put together by hand

use waxseal_model::{Access, actor, purpose};

fn main() {
    let _ = Access::<purpose::Signing> { actor: waxseal_model::Actor::System, purpose: std::marker::PhantomData };
}
