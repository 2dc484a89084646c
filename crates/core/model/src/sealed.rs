//! Personal values that cannot be printed or serialised, and the access that opens them.
//!
//! A [`Sealed`] value has no `Debug`, `Display`, `Serialize`, `Clone` or `Deref`, and cannot be compared. The only way to
//! what it holds is [`Sealed::open`] with an [`Access`] of a purpose that may open its category: who looks and why is in
//! the access's type, and what may be opened for what is one table, [`OPENINGS`]. What must not compile is in
//! `tests/refused`.

mod access;
mod opens;

use std::marker::PhantomData;

pub use self::{
    access::{Access, Actor, ActorMark, ActsFor, Purpose, PurposeMark, actor, purpose},
    opens::{OPENINGS, Opens, OpensUnderGrant, category, opened_for},
};

/// A personal value of category `C` on its way out of the store.
pub struct Sealed<T, C> {
    value: T,
    category: PhantomData<fn() -> C>,
}

impl<T, C> Sealed<T, C> {
    /// Seals `value`.
    pub const fn new(value: T) -> Self {
        Self { value, category: PhantomData }
    }

    /// Lends the value to somebody who says who they are and why.
    pub const fn open<P: Opens<C>>(&self, _access: &Access<P>) -> &T {
        &self.value
    }

    /// Hands the value over to somebody who says who they are and why.
    pub fn into_open<P: Opens<C>>(self, _access: &Access<P>) -> T {
        self.value
    }

    /// Hands the value over to somebody who holds a grant; whoever calls this has seen it.
    pub fn into_granted<P: OpensUnderGrant<C>>(self, _access: &Access<P>) -> T {
        self.value
    }
}
