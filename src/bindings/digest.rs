//! BLAKE3 for the face: what a list of inputs was, as a manifest of a run names it.
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// BLAKE3 of bytes that come piece by piece.
#[pyclass(module = "aigclens._native")]
#[derive(Default)]
pub struct Blake3(blake3::Hasher);

#[pymethods]
impl Blake3 {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Takes in further bytes.
    #[pyo3(signature = (piece, /))]
    fn update(&mut self, piece: &Bound<'_, PyBytes>) {
        self.0.update(piece.as_bytes());
    }

    /// Of all bytes so far, 64 hexadecimal digits.
    fn hexdigest(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
