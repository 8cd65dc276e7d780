//! The output queue: serialized messages, as slices for vectored writes.
//!
//! Small messages are copied into a common buffer, and so many of them need few slices. Long ones
//! are written from the message itself. Those between are copied, each into a piece of its own: a
//! message's segments take up to twice its bytes, and the client may be slow to read it.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;

use capnp::message::{Builder, HeapAllocator};

/// A message to be sent.
pub(super) type Message = Builder<HeapAllocator>;

/// The longest message that shares a piece: copying it may move what is in the piece.
const SHARED_BYTES_MAX: usize = 16 * 1024;

/// The longest message that is copied, if it has one segment: one that is longer was expected to
/// be, and its segment is nearly full.
const COPIED_BYTES_MAX: usize = 128 * 1024;

/// The size from which a piece takes no further messages.
const PIECE_BYTES: usize = 256 * 1024;

/// The memory that an empty outbox keeps.
const KEPT_BYTES_MAX: usize = 4 * 1024;

/// The unwritten messages, in order.
#[derive(Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Piece>,
    /// The bytes of the first piece that are already written.
    written: usize,
    /// The bytes of all pieces, the written part included.
    bytes: usize,
    /// The bytes at the end that the peer does not need if nothing follows them.
    idle: usize,
    /// An empty buffer, to be reused.
    spare: Vec<u8>,
}

enum Piece {
    /// Small messages.
    Copied(Vec<u8>),
    /// The header of a large message, and the message.
    Message(Vec<u8>, Rc<Message>),
}

impl Outbox {
    /// Appends a message. One that is `idle` is not needed if the stream ends with it.
    pub(super) fn push(&mut self, message: &Rc<Message>, idle: bool) {
        let before = self.bytes;
        self.append(message);
        self.idle = if idle { self.idle + self.bytes - before } else { 0 };
    }

    fn append(&mut self, message: &Rc<Message>) {
        let segments = message.get_segments_for_output();
        let bytes: usize = segments.iter().map(|segment| segment.len()).sum();
        if bytes > COPIED_BYTES_MAX && segments.len() == 1 {
            let mut header = Vec::new();
            write_header(&segments, &mut header);
            self.bytes += header.len() + bytes;
            self.pieces.push_back(Piece::Message(header, message.clone()));
            return;
        }
        if bytes > SHARED_BYTES_MAX {
            let mut copied = Vec::with_capacity(bytes + header_bytes(segments.len()));
            write_header(&segments, &mut copied);
            segments.iter().for_each(|segment| copied.extend_from_slice(segment));
            self.bytes += copied.len();
            self.pieces.push_back(Piece::Copied(copied));
            return;
        }
        let full =
            |piece: &Piece| !matches!(piece, Piece::Copied(copied) if copied.len() < PIECE_BYTES);
        if self.pieces.back().is_none_or(full) {
            let spare = std::mem::take(&mut self.spare);
            self.pieces.push_back(Piece::Copied(spare));
        }
        if let Some(Piece::Copied(copied)) = self.pieces.back_mut() {
            let before = copied.len();
            write_header(&segments, copied);
            segments.iter().for_each(|segment| copied.extend_from_slice(segment));
            self.bytes += copied.len() - before;
        }
    }

    /// The unwritten bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes - self.written
    }

    /// The bytes in memory: the unwritten ones, the written part of the first piece, and half as
    /// many, since the allocator rounds up, and puts few large pieces on a page of its own.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.bytes / 2
    }

    /// Fills `slices` with the next unwritten bytes, and returns those that were filled.
    pub(super) fn next<'a, 's>(&'a self, slices: &'s mut [IoSlice<'a>]) -> &'s [IoSlice<'a>] {
        let mut skip = self.written;
        let mut filled = 0;
        let mut put = |bytes: &'a [u8]| {
            let (skipped, unwritten) = bytes.split_at(skip.min(bytes.len()));
            skip -= skipped.len();
            if !unwritten.is_empty() {
                let Some(slice) = slices.get_mut(filled) else { return false };
                *slice = IoSlice::new(unwritten);
                filled += 1;
            }
            true
        };
        for piece in &self.pieces {
            let more = match piece {
                Piece::Copied(copied) => put(copied),
                Piece::Message(header, message) => {
                    let segments = message.get_segments_for_output();
                    put(header) && segments.iter().all(|segment| put(segment))
                }
            };
            if !more {
                break;
            }
        }
        // Does not panic: `filled` is at most the number of slices.
        slices.split_at(filled).0
    }

    /// Removes this many bytes, which were written.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        while let Some(first) = self.pieces.front()
            && self.written >= first.len()
        {
            let length = first.len();
            self.written -= length;
            self.bytes -= length;
            if let Some(Piece::Copied(mut copied)) = self.pieces.pop_front()
                && copied.capacity() <= KEPT_BYTES_MAX.max(self.bytes)
            {
                copied.fill(0);
                copied.clear();
                self.spare = copied;
            }
        }
    }

    /// Drops what is not needed if nothing follows, unless some of it was written.
    pub(super) fn drop_idle(&mut self) {
        let mut idle = std::mem::take(&mut self.idle);
        if idle > self.len() {
            return;
        }
        // Only short messages are idle, and those are copied.
        while idle > 0
            && let Some(Piece::Copied(copied)) = self.pieces.back_mut()
        {
            let dropped = idle.min(copied.len());
            copied.truncate(copied.len() - dropped);
            idle -= dropped;
            self.bytes -= dropped;
            if copied.is_empty() {
                self.pieces.pop_back();
            }
        }
        self.advance(0);
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Copied(copied) => copied.len(),
            Self::Message(header, message) => {
                let segments = message.get_segments_for_output();
                header.len() + segments.iter().map(|segment| segment.len()).sum::<usize>()
            }
        }
    }
}

/// The length of a header.
fn header_bytes(segments: usize) -> usize {
    (4 + 4 * segments).next_multiple_of(8)
}

/// Appends a message's header: the segment count less one, each segment's length in words, padding.
fn write_header(segments: &[&[u8]], to: &mut Vec<u8>) {
    to.extend_from_slice(&(segments.len() as u32).wrapping_sub(1).to_le_bytes());
    for segment in segments {
        to.extend_from_slice(&((segment.len() / 8) as u32).to_le_bytes());
    }
    if segments.len().is_multiple_of(2) {
        to.extend_from_slice(&[0; 4]);
    }
}

#[cfg(test)]
mod tests {
    use capnp::message::AllocationStrategy;
    use capnp::serialize;

    use super::*;

    fn message(length: usize, segment_words: u32) -> Rc<Message> {
        let allocator = HeapAllocator::new()
            .first_segment_words(segment_words)
            .allocation_strategy(AllocationStrategy::FixedSize);
        let mut message = Builder::new(allocator);
        let mut list = message.initn_root::<capnp::text_list::Builder<'_>>(3);
        for index in 0..3 {
            list.set(index, "x".repeat(length).as_str());
        }
        Rc::new(message)
    }

    #[test]
    fn partial_writes_keep_messages_whole_and_in_order() {
        let messages: Vec<_> =
            [(0, 10), (5, 1), (30_000, 100), (9, 9), (10, 64), (20_000, 1_000_000)]
                .map(|(length, words)| message(length, words))
                .into();
        let expected: Vec<u8> =
            messages.iter().flat_map(|it| serialize::write_message_to_words(&**it)).collect();
        for step in [1, 7, 64, 5_000, usize::MAX] {
            let mut outbox = Outbox::default();
            let mut written = Vec::new();
            for message in &messages {
                outbox.push(message, false);
                // Interleaves pushes and partial writes.
                written.extend(write(&mut outbox, step));
            }
            while outbox.len() > 0 {
                written.extend(write(&mut outbox, step));
            }
            assert_eq!(outbox.len(), 0);
            assert!(written == expected, "{step} bytes at a time");
        }
    }

    /// Writes at most `limit` bytes, and returns them.
    fn write(outbox: &mut Outbox, limit: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = outbox.next(&mut slices);
        let bytes: Vec<u8> =
            filled.iter().flat_map(|slice| slice.iter().copied()).take(limit).collect();
        outbox.advance(bytes.len());
        bytes
    }

    #[test]
    fn what_is_idle_at_the_end_is_dropped_whole_and_nothing_else_is() {
        let mut seed = 7_u64;
        let mut random = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        for round in 0..500 {
            let mut outbox = Outbox::default();
            let (mut expected, mut ends, mut needed) = (Vec::new(), vec![0], 0);
            let mut written = Vec::new();
            for _ in 0..random(12) {
                let length = [0, 3, 100, 20_000, 60_000][random(5)];
                let message = message(length, [1, 64, 1_000_000][random(3)]);
                let is_idle = random(3) > 0;
                outbox.push(&message, is_idle);
                expected.extend(serialize::write_message_to_words(&*message));
                ends.push(expected.len());
                if !is_idle {
                    needed = expected.len();
                }
                if random(2) == 0 {
                    let limit = [1, 50, 300, usize::MAX][random(4)];
                    written.extend(write(&mut outbox, limit));
                }
            }
            outbox.drop_idle();
            while outbox.len() > 0 {
                written.extend(write(&mut outbox, 5_000));
            }
            assert!(outbox.pieces.is_empty() && outbox.bytes == 0, "round {round}");
            assert!(ends.contains(&written.len()) && written.len() >= needed, "round {round}");
            assert!(expected.starts_with(&written), "round {round}");
        }
    }

    #[test]
    fn small_messages_share_a_slice_and_their_memory_is_released() {
        let mut outbox = Outbox::default();
        for _ in 0..1_000 {
            outbox.push(&message(10, 100), false);
        }
        assert_eq!(outbox.next(&mut [IoSlice::new(&[]); 8]).len(), 1);
        outbox.advance(outbox.len());
        assert!(outbox.pieces.is_empty() && outbox.spare.capacity() <= KEPT_BYTES_MAX);
    }
}
