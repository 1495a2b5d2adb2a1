//! The service's terms in numbers, for the face to name.
use crate::image::memory::MEMORY;
use crate::image::{LIMITS_AS_OF, Limits};
use crate::price;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Price and limits, with the dates of their pages.
#[pyfunction]
pub fn terms(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let limits = Limits::default();
    let terms = PyDict::new(py);
    terms.set_item("micro_dollars", price::LIST.micro_dollars)?;
    terms.set_item("price_date", price::LIST.as_of)?;
    terms.set_item("limits_date", LIMITS_AS_OF)?;
    terms.set_item("max_bytes", limits.max_bytes)?;
    terms.set_item("max_side", limits.max_side)?;
    terms.set_item("max_pixels", limits.max_pixels)?;
    terms.set_item("heic_max_side", limits.heic_max_side)?;
    terms.set_item("memory", MEMORY)?;
    Ok(terms)
}
