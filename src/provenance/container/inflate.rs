//! Text that was compressed, to a bound.
use flate2::{Decompress, FlushDecompress, Status};

/// One decoder for all the texts of a file; its tables are made when the first one needs them.
#[derive(Default)]
pub(super) struct Inflater(Option<Decompress>);

impl Inflater {
    /// The text; nothing if the stream is broken, an error if it is longer than this many bytes.
    pub(super) fn run(&mut self, stream: &[u8], most: usize) -> Result<Option<Vec<u8>>, ()> {
        let decoder = self.0.get_or_insert_with(|| Decompress::new(true));
        decoder.reset(true);
        let mut text = Vec::with_capacity(stream.len().saturating_mul(3).clamp(512, most.max(512)));
        loop {
            let read = usize::try_from(decoder.total_in()).ok().and_then(|read| stream.get(read..));
            let before = (decoder.total_in(), text.len());
            match decoder.decompress_vec(read.unwrap_or_default(), &mut text, FlushDecompress::None) {
                Ok(Status::StreamEnd) if text.len() <= most => return Ok(Some(text)),
                Ok(_) if text.len() >= most => return Err(()),
                Ok(_) if text.len() == text.capacity() => {
                    text.reserve_exact(text.len().min(most - text.len()));
                }
                // Neither more to read nor more to say.
                Ok(_) if before == (decoder.total_in(), text.len()) => return Ok(None),
                Ok(_) => {}
                Err(_) => return Ok(None),
            }
        }
    }
}
