//! Generation parameters in the last bits of the pixels.
use super::Provenance;

pub(super) fn read(_bytes: &[u8], _found: &mut Provenance) {}
