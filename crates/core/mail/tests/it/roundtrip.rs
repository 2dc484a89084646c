//! What goes into a message comes out of it, and the message is fit for the wire.
