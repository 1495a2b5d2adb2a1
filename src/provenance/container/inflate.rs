//! Text that was compressed, to a bound.
use flate2::{Decompress, FlushDecompress, Status};

/// The text; nothing if the stream is broken, an error if it is longer than this many bytes.
pub(super) fn text(stream: &[u8], most: usize) -> Result<Option<Vec<u8>>, ()> {
    if most == 0 {
        return Err(());
    }
    let mut decoder = Decompress::new(true);
    let mut text = Vec::with_capacity(stream.len().saturating_mul(3).max(512).min(most));
    loop {
        let read = usize::try_from(decoder.total_in()).ok().and_then(|read| stream.get(read..));
        let before = (decoder.total_in(), text.len());
        match decoder.decompress_vec(read.unwrap_or_default(), &mut text, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Ok(Some(text)),
            Ok(_) if text.len() >= most => return Err(()),
            Ok(_) if text.len() == text.capacity() => text.reserve_exact(text.len().clamp(1, most - text.len())),
            // Neither more to read nor more to say.
            Ok(_) if before == (decoder.total_in(), text.len()) => return Ok(None),
            Ok(_) => {}
            Err(_) => return Ok(None),
        }
    }
}
