//! The emulator as Python sees it: start, ask its pages, stop. Its face is `aigclens.testing.Emulator`.
use super::{errors, interpreter};
use crate::ambient::Ambient;
use crate::emulator::{self as core, Config};
use pyo3::prelude::*;

/// A running emulator; see `aigclens.testing.Emulator`.
#[pyclass(frozen, module = "aigclens._native")]
pub struct Emulator {
    core: core::Emulator,
}

#[pymethods]
impl Emulator {
    /// Starts with a JSON object of options.
    #[new]
    #[pyo3(signature = (options, /))]
    fn new(py: Python<'_>, options: &str) -> PyResult<Self> {
        let start = || core::Emulator::start(Config::parse(options)?, Ambient::system());
        let core = interpreter::detached(py, start).map_err(|error| errors::raise(py, &error))?;
        Ok(Self { core })
    }

    #[getter]
    fn url(&self) -> String {
        self.core.url()
    }

    #[getter]
    fn port(&self) -> u16 {
        self.core.port()
    }

    #[getter]
    fn access_key_id(&self) -> String {
        self.core.access_key_id()
    }

    #[getter]
    fn access_key_secret(&self) -> String {
        self.core.access_key_secret()
    }

    #[getter]
    fn security_token(&self) -> Option<String> {
        self.core.security_token()
    }

    /// Asks one of the emulator's pages: status and JSON.
    #[pyo3(signature = (method, target, body, /))]
    fn control(&self, py: Python<'_>, method: &str, target: &str, body: &str) -> (u16, String) {
        interpreter::detached(py, || self.core.control(method, target, body))
    }

    /// Stops; harmless when repeated.
    fn stop(&self, py: Python<'_>) {
        interpreter::detached(py, || self.core.stop());
    }
}
