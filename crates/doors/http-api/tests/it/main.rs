//! The API as a client sees it, over real services and a real store.

mod access;
mod auth;
mod domains;
mod encodings;
mod erasure;
mod events;
mod exports;
mod imports;
mod inbox;
mod limits;
mod messages;
mod openapi;
mod paths;
mod privacy;
mod socket;
mod stored;
mod suppressions;
mod tenancy;
mod world;
