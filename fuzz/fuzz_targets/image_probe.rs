//! Whether the service will take an image, of arbitrary bytes, in each mode: what one says fits what the others say.
#![no_main]
use aigclens::image::{CheckImage, Format, Limits, check};
use aigclens_fuzz::invariants;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let [strict, lenient, off] =
        [CheckImage::Error, CheckImage::Warn, CheckImage::Off].map(|mode| check(bytes, mode, &limits));
    assert_eq!(bytes.is_empty(), off.is_err(), "off refuses nothing but emptiness");
    assert_eq!(off.is_err(), lenient.is_err(), "a warning is no refusal");
    if let (Ok(off), Ok(lenient)) = (&off, &lenient) {
        assert_eq!(off.format, lenient.format);
        assert_eq!(off.format, Format::sniff(bytes));
        match &strict {
            Ok(strict) => {
                assert_eq!(strict, lenient, "nothing is wrong, and both modes say the same");
                for side in [strict.width, strict.height].into_iter().flatten() {
                    assert!(side > 0 && side <= limits.max_side, "{side}");
                }
            }
            Err(error) => {
                let message = error.message();
                assert!(!message.is_empty() && !message.contains(char::is_control), "{message:?}");
                assert!(!lenient.warnings.is_empty(), "what is refused is warned of");
            }
        }
    }
    invariants::bounded(&aigclens::provenance::read(bytes), bytes.len());
});
