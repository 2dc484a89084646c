//! What may be opened for what: one table, for the compiler and for the inventory.

use super::{Purpose, PurposeMark, purpose};
use crate::data_class::Category;

/// A purpose that may open values of category `C`.
pub trait Opens<C>: PurposeMark {}

/// A purpose that may open values of category `C` for whoever holds a grant, and for nobody else.
pub trait OpensUnderGrant<C>: PurposeMark {}

macro_rules! openings {
    ($($category:ident: $($purpose:ident)* $(, granted $($granted:ident)*)?;)*) => {
        /// Categories as types.
        pub mod category {
            $(
                #[doc = concat!("[`Category::", stringify!($category), "`](crate::data_class::Category::", stringify!($category), ").")]
                #[derive(Debug, Clone, Copy)]
                pub struct $category;
            )*
        }

        $($(impl Opens<category::$category> for purpose::$purpose {})*)*
        $($($(impl OpensUnderGrant<category::$category> for purpose::$granted {})*)?)*

        /// The categories that rest sealed, each with the purposes for which it may be opened.
        pub const OPENINGS: &[(Category, &[Purpose])] =
            &[$((Category::$category, &[$(Purpose::$purpose,)* $($(Purpose::$granted,)*)?])),*];
    };
}

openings! {
    Operations: Delivery;
    Account: CustomerAccess Operation Export;
    Username: CustomerAccess Authentication Operation Export;
    Password: Authentication;
    SystemAuthentication: Signing;
    Credentials: Delivery;
    IpAddress: CustomerAccess Authentication Operation Export;
    Settings: CustomerAccess Authentication Signing Operation Export;
    UniqueId: CustomerAccess Delivery Export;
    Behaviour: CustomerAccess Delivery Operation Export;
    Contact: CustomerAccess Request Export;
    Url: CustomerAccess Delivery Export;
    Email: CustomerAccess Delivery Suppression Operation Export, granted Support;
    PrivateContent: CustomerAccess Delivery Export, granted Support;
    Preferences: CustomerAccess Delivery Suppression Operation Export;
}

/// The purposes for which what is sealed of a category may be opened; none if nothing of it is sealed.
pub fn opened_for(category: Category) -> &'static [Purpose] {
    OPENINGS.iter().find(|(listed, _)| *listed == category).map_or(&[], |(_, purposes)| purposes)
}
