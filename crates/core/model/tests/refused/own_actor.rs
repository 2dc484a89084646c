//! E0277: nor an actor

use waxseal_model::sealed::ActorMark;

#[derive(Clone, Copy)]
struct Nobody;

impl ActorMark for Nobody {
    const ACTOR: waxseal_model::Actor = waxseal_model::Actor::System;
}

fn main() {
}
