//! Messages that are to be sent, as the bytes that they become.
//!
//! Small messages are copied one behind another, so that many of them leave in one write; large ones are
//! kept as they are and written from where they lie.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;

use capnp::message::{Builder, HeapAllocator};

/// A message as it is built.
pub(super) type Message = Builder<HeapAllocator>;

/// Messages of up to this many bytes are copied. Copying more costs more than a piece of its own.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// How much is copied into one piece before the next is begun.
const PIECE_BYTES: usize = 256 * 1024;

/// The memory that an outbox keeps when it is empty.
const KEPT_BYTES_MAX: usize = 4 * 1024;

/// What is to be written, in order.
#[derive(Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Piece>,
    /// The bytes of the first piece that are written.
    written: usize,
    /// The bytes of all pieces.
    bytes: usize,
    /// An empty piece, whose memory is used again.
    spare: Vec<u8>,
}

enum Piece {
    /// Many small messages.
    Copied(Vec<u8>),
    /// A large one, behind its head.
    Message(Vec<u8>, Rc<Message>),
}

impl Outbox {
    /// Puts a message behind the others.
    pub(super) fn push(&mut self, message: &Rc<Message>) {
        let segments = message.get_segments_for_output();
        let bytes: usize = segments.iter().map(|segment| segment.len()).sum();
        if bytes > COPIED_BYTES_MAX {
            let mut head = Vec::new();
            write_head(&segments, &mut head);
            self.bytes += head.len() + bytes;
            self.pieces.push_back(Piece::Message(head, message.clone()));
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
            write_head(&segments, copied);
            segments.iter().for_each(|segment| copied.extend_from_slice(segment));
            self.bytes += copied.len() - before;
        }
    }

    /// The bytes that are not written.
    pub(super) fn len(&self) -> usize {
        self.bytes - self.written
    }

    /// The bytes that are kept: also those of a message of which a part is written.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is to be written next, as far as there are places for it.
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
                Piece::Message(head, message) => {
                    let segments = message.get_segments_for_output();
                    put(head) && segments.iter().all(|segment| put(segment))
                }
            };
            if !more {
                break;
            }
        }
        // As many were there to be filled.
        slices.split_at(filled).0
    }

    /// Takes note that this many bytes are written.
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
                copied.clear();
                self.spare = copied;
            }
        }
    }

    /// Forgets everything that is not written.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Copied(copied) => copied.len(),
            Self::Message(head, message) => {
                let segments = message.get_segments_for_output();
                head.len() + segments.iter().map(|segment| segment.len()).sum::<usize>()
            }
        }
    }
}

/// Writes what comes before a message's segments.
fn write_head(segments: &[&[u8]], to: &mut Vec<u8>) {
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
    fn messages_leave_in_order_however_little_is_written_at_a_time() {
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
                outbox.push(message);
                // One comes while others are on their way.
                written.extend(write(&mut outbox, step));
            }
            while outbox.len() > 0 {
                written.extend(write(&mut outbox, step));
            }
            assert_eq!(outbox.len(), 0);
            assert!(written == expected, "{step} bytes at a time");
        }
    }

    /// Writes at most so many bytes, and returns them.
    fn write(outbox: &mut Outbox, most: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = outbox.next(&mut slices);
        let bytes: Vec<u8> =
            filled.iter().flat_map(|slice| slice.iter().copied()).take(most).collect();
        outbox.advance(bytes.len());
        bytes
    }

    #[test]
    fn many_small_messages_are_one_piece_and_leave_no_memory() {
        let mut outbox = Outbox::default();
        for _ in 0..1_000 {
            outbox.push(&message(10, 100));
        }
        assert_eq!(outbox.next(&mut [IoSlice::new(&[]); 8]).len(), 1);
        outbox.advance(outbox.len());
        assert!(outbox.pieces.is_empty() && outbox.spare.capacity() <= KEPT_BYTES_MAX);
    }
}
