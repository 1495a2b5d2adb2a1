//! The store, with real files.
#![allow(clippy::disallowed_methods, reason = "what is tested are files")]
mod crash;
mod crowd;
mod damage;
mod lock;
mod memory;
mod places;
mod reading;
mod rescued;
mod round;
mod trouble;
mod world;
