//! Texts that come again and again, as Python has them: all answers have the same keys and words, and those of one client
//! the same service and region. What stands only once, such as the id of a request, is not kept here.
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::Mutex;

/// How many are kept, and how long the longest of them is.
const PLACES: usize = 256;
const LONGEST: usize = 64;

/// Each text has one place, where it takes that of the one before.
static KEPT: Mutex<[Option<Py<PyString>>; PLACES]> = Mutex::new([const { None }; PLACES]);

/// The text as Python has it, made once as long as it is kept.
pub fn word<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    // Never waited for: after a fork its holder may not exist.
    let Ok(mut kept) = KEPT.try_lock() else {
        return PyString::new(py, text);
    };
    let Some(place) = kept.get_mut(place(text)).filter(|_| text.len() <= LONGEST) else {
        return PyString::new(py, text);
    };
    if let Some(known) = place.as_ref().map(|known| known.bind(py))
        && known.to_str().is_ok_and(|known| known == text)
    {
        return known.clone();
    }
    let new = PyString::new(py, text);
    *place = Some(new.clone().unbind());
    new
}

/// Where a text is kept: by its two ends, in which keys and words differ.
fn place(text: &str) -> usize {
    let bytes = text.as_bytes();
    let ends = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first).rotate_left(23) ^ u64::from_le_bytes(*last),
        _ => bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
    };
    // The upper bits of a product depend on all of its factor's.
    let [upper, ..] = ends.wrapping_add(bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    usize::from(upper)
}
