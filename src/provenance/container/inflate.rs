//! Text that was compressed, to a bound.
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

const FLAGS: u32 =
    inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;

/// The text; nothing if the stream is broken, an error if it is longer than this many bytes.
///
/// The decoder looks back into what it has written, and needs no window of its own: with one it would take more memory
/// than most texts do.
pub(super) fn text(stream: &[u8], most: usize) -> Result<Option<Vec<u8>>, ()> {
    if most == 0 {
        return Err(());
    }
    let mut decoder = Box::<DecompressorOxide>::default();
    let mut text = vec![0; stream.len().saturating_mul(3).max(512).min(most)];
    let (mut read, mut written) = (0, 0);
    loop {
        let rest = stream.get(read..).unwrap_or_default();
        let (status, more, wrote) = decompress(&mut decoder, rest, &mut text, written, FLAGS);
        read += more;
        written += wrote;
        match status {
            TINFLStatus::Done => {
                text.truncate(written);
                return Ok(Some(text));
            }
            TINFLStatus::HasMoreOutput if text.len() >= most => return Err(()),
            TINFLStatus::HasMoreOutput => {
                let room = text.len().clamp(1, most - text.len());
                text.reserve_exact(room);
                text.resize(text.len() + room, 0);
            }
            _ => return Ok(None),
        }
    }
}
