//! Personal values that cannot be printed or serialised, and the access that opens them.
//!
//! A [`Sealed`] value has no `Debug`, `Display` or `Serialize`. The only way to what it holds is
//! [`Sealed::open`] with an [`Access`], which names who looks and why.

/// Who opens a personal value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The customer itself, by API key, SMTP credential or panel session.
    Customer,
    /// A part of the system doing its job without a person watching.
    System,
    /// Somebody who runs the instance, by command or console.
    Operator,
}

/// Why a personal value is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To hand the message to its recipient's server.
    Delivery,
    /// To show the customer its own data through the API or panel.
    CustomerAccess,
    /// To check whether somebody may come in.
    Authentication,
    /// To honour a recipient's wish not to be written to.
    Suppression,
    /// To sign or build a message.
    Signing,
    /// To run the instance: queue commands, checks.
    Operation,
    /// To help with content, under a grant.
    Support,
    /// To give a copy of their data to whom it belongs.
    Export,
}

/// The right to open sealed values: an actor with a purpose. Made where the actor is known: by the
/// door that authenticated it, or by the worker that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    actor: Actor,
    purpose: Purpose,
}

impl Access {
    /// Access of `actor` for `purpose`.
    pub const fn new(actor: Actor, purpose: Purpose) -> Self {
        Self { actor, purpose }
    }

    /// Who looks.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// Why.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// A personal value on its way out of the store.
///
/// ```compile_fail
/// let sealed = waxseal_model::Sealed::new(String::from("alice@example.com"));
/// println!("{sealed:?}");
/// ```
///
/// ```compile_fail
/// let sealed = waxseal_model::Sealed::new(String::from("alice@example.com"));
/// println!("{sealed}");
/// ```
///
/// ```compile_fail
/// fn wants_serialize<T: serde::Serialize>(_: T) {}
/// wants_serialize(waxseal_model::Sealed::new(String::from("alice@example.com")));
/// ```
pub struct Sealed<T> {
    value: T,
}

impl<T> Sealed<T> {
    /// Seals `value`.
    pub const fn new(value: T) -> Self {
        Self { value }
    }

    /// Lends the value to somebody who says who they are and why.
    pub const fn open(&self, _access: &Access) -> &T {
        &self.value
    }

    /// Hands the value over to somebody who says who they are and why.
    pub fn into_open(self, _access: &Access) -> T {
        self.value
    }
}
