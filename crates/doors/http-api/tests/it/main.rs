//! The API as a client sees it, over real services and a real store.

mod auth;
mod encodings;
mod events;
mod inbox;
mod messages;
mod openapi;
mod paths;
mod stored;
mod tenancy;
mod world;
