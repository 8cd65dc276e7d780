//! The header of a message in
//! [Cap'n Proto's stream format](https://capnproto.org/encoding.html#serialization-over-a-stream):
//! the number of segments less one and the length of each segment in words, as 32-bit little-endian
//! numbers, padded to whole words.

use capnp::{Error, Word};

/// The segments of a message. One more ends the connection.
pub(super) const SEGMENTS_MAX: usize = 512;

/// The first byte of a TLS record, its content type.
const TLS_ALERT: u8 = 21;
const TLS_HANDSHAKE: u8 = 22;

const WORD_BYTES: usize = size_of::<Word>();

/// The bytes missing from a header.
///
/// # Errors
/// Where it is not that of a message that is accepted.
pub(in crate::net) fn missing(header: &[u8]) -> Result<usize, Error> {
    let Some(segments) = segment_count(header) else { return Ok(WORD_BYTES - header.len()) };
    if segments > SEGMENTS_MAX {
        let why = match header {
            // A TLS record begins with its content type and the major version 3.
            [TLS_ALERT | TLS_HANDSHAKE, 3, ..] => {
                "the other side speaks TLS: its link begins with capvotes:// or https://".into()
            }
            [b'H', b'T', b'T', b'P', ..] => {
                "the other side serves pages: its link begins with https:// or http://".into()
            }
            _ => format!("a message of {segments} segments is not accepted"),
        };
        return Err(Error::failed(why));
    }
    let bytes = (4 + 4 * segments).next_multiple_of(WORD_BYTES);
    Ok(bytes - header.len())
}

/// The number of segments in a header, once it is received.
fn segment_count(header: &[u8]) -> Option<usize> {
    header.first_chunk().map(|&count| u32::from_le_bytes(count) as usize + 1)
}

/// The lengths of the segments, in words, by a complete header.
pub(in crate::net) fn lengths(header: &[u8]) -> impl ExactSizeIterator<Item = usize> {
    // The count keeps out the padding, which follows the lengths.
    let segments = segment_count(header).unwrap_or_default();
    let lengths = header.as_chunks::<4>().0.iter().skip(1).take(segments);
    lengths.map(|&words| u32::from_le_bytes(words) as usize)
}
