//! EXIF fields.
use super::Provenance;
use crate::image::Reach;

pub(super) fn read(_tiff: &dyn Reach, _place: &str, _found: &mut Provenance) {}
