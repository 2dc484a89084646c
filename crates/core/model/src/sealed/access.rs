//! Who looks, and why: as types, so that what does not fit does not compile.

use std::marker::PhantomData;

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
    /// To give a copy of their data to whom it belongs.
    Export,
    /// To help with content, under a grant.
    Support,
    /// To answer what people ask about their data.
    Request,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Delivery,
        Self::CustomerAccess,
        Self::Authentication,
        Self::Suppression,
        Self::Signing,
        Self::Operation,
        Self::Export,
        Self::Support,
        Self::Request,
    ];
}

mod private {
    /// Implemented here and nowhere else: nobody makes a purpose or an actor of their own.
    pub trait Listed {}
}

/// A purpose as a type.
pub trait PurposeMark: Copy + private::Listed {
    /// The purpose.
    const PURPOSE: Purpose;
}

/// An actor as a type.
pub trait ActorMark: Copy + private::Listed {
    /// The actor.
    const ACTOR: Actor;
}

/// An actor who may come with purpose `P`.
pub trait ActsFor<P: PurposeMark>: ActorMark {}

macro_rules! marks {
    ($module:ident, $about:literal: $trait:ident, $constant:ident, $enum:ident: $($name:ident)*) => {
        #[doc = $about]
        pub mod $module {
            $(
                #[doc = concat!("[`", stringify!($enum), "::", stringify!($name), "`](super::", stringify!($enum), "::", stringify!($name), ").")]
                #[derive(Debug, Clone, Copy)]
                pub struct $name;

                impl super::private::Listed for $name {}

                impl super::$trait for $name {
                    const $constant: super::$enum = super::$enum::$name;
                }
            )*
        }
    };
}

marks!(actor, "Actors as types.": ActorMark, ACTOR, Actor: Customer System Operator);
marks!(purpose, "Purposes as types.": PurposeMark, PURPOSE, Purpose:
    Delivery CustomerAccess Authentication Suppression Signing Operation Export Support Request);

macro_rules! acts {
    ($($actor:ident: $($purpose:ident)*;)*) => {
        $($(impl ActsFor<purpose::$purpose> for actor::$actor {})*)*
    };
}

acts! {
    Customer: Delivery CustomerAccess Export;
    System: Delivery CustomerAccess Authentication Suppression Signing Operation Export Request;
    Operator: Operation Support Request;
}

/// The right to open sealed values: an actor with a purpose. Made where the actor is known: by the
/// door that authenticated it, or by the worker that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access<P> {
    actor: Actor,
    purpose: PhantomData<fn() -> P>,
}

impl<P: PurposeMark> Access<P> {
    /// Access of an actor for a purpose: `Access::new(actor::System, purpose::Delivery)`.
    pub const fn new<A: ActsFor<P>>(_actor: A, _purpose: P) -> Self {
        Self { actor: A::ACTOR, purpose: PhantomData }
    }

    /// Who looks.
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// Why.
    pub const fn purpose(&self) -> Purpose {
        P::PURPOSE
    }
}
