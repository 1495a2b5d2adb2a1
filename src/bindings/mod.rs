//! The door to Python, and the only room that knows of it. What users hold is Python; what happens is Rust; here one is
//! turned into the other.
#![allow(missing_debug_implementations, reason = "Python prints its own face of these")]
#![allow(unreachable_pub, reason = "pyo3's macros export what they wrap")]
mod archive;
mod bridge;
mod client;
mod convert;
mod desk;
mod digest;
mod emulator;
mod errors;
mod events;
mod forking;
mod identity;
mod interpreter;
mod known;
mod options;
mod provenance;
mod rows;
mod runtime;
mod scan;
mod store;
mod survey;
mod terms;
mod words;

use pyo3::prelude::*;

/// A call makes a hundred small allocations, and what the I/O thread makes the event loop's thread frees: docs/decisions/0028.
#[cfg(feature = "allocator")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The compiled part of `aigclens`. Private: its public face is the package.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::archive::{Archive, Member, image_suffixes};
    #[pymodule_export]
    use super::bridge::{Handle, Port};
    #[pymodule_export]
    use super::client::{Client, check_credentials, redacted_id};
    #[pymodule_export]
    use super::digest::Blake3;
    #[pymodule_export]
    use super::emulator::Emulator;
    #[pymodule_export]
    use super::provenance::{inspect, read};
    #[pymodule_export]
    use super::scan::Scan;
    #[pymodule_export]
    use super::store::{StoreReader, is_written_here};
    #[pymodule_export]
    use super::survey::Survey;
    #[pymodule_export]
    use super::terms::terms;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::interpreter::claim(module.py())?;
        super::interpreter::watch_end(module.py())?;
        super::forking::watch_forks(module.py())
    }

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name is Python's")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
