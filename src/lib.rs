//! The core of `aigclens`: a client for Alibaba Cloud's AIGC image detection.
//!
//! The rooms below are in order of dependency: a room may name only rooms above it. `tests/architecture.rs` holds the
//! order, `ARCHITECTURE.md` tells what each room is for. Python is known only to `bindings`, behind the feature `python`.
#![cfg_attr(not(feature = "python"), forbid(unsafe_code))]
#![cfg_attr(feature = "python", deny(unsafe_code))]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod ambient;
pub mod attempt;
pub mod budget;
pub mod encode;
pub mod error;
pub mod event;
pub mod evidence;
pub mod price;
pub mod redact;
pub mod standstill;

pub mod health;
pub mod pace;
pub mod retry;
pub mod skew;

pub mod config;
pub mod credential;
pub mod detection;
pub mod region;

pub mod image;

pub mod archive;
pub mod provenance;
pub mod store;

pub mod sign;
pub mod wire;

pub mod http;
pub mod identity;
pub mod service;
pub mod upload;

pub mod client;
pub mod scan;

pub mod emulator;

#[cfg(feature = "python")]
mod bindings;
