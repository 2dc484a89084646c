//! E0117: nor lets an actor act for more

use waxseal_model::{actor, purpose};
use waxseal_model::sealed::ActsFor;

impl ActsFor<purpose::Delivery> for actor::Operator {}

fn main() {
}
