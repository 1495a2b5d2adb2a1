//! The loopback server of the benchmarks, and what it counts.
pub mod answers;
pub mod counts;
pub mod serve;
pub mod tls;
pub mod verify;
