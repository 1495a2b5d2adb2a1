//! The store, with real files.
#![allow(clippy::disallowed_methods, reason = "what is tested are files")]
mod crash;
mod round;
mod world;
