//! An incremental decoder of
//! [Cap'n Proto's stream format](https://capnproto.org/encoding.html#serialization-over-a-stream).

use std::collections::VecDeque;

use capnp::message::{Reader, ReaderOptions, ReaderSegments};
use capnp::{Error, Word, serialize};

use super::prices::MESSAGE_BYTES;
use super::{MESSAGE_WORDS_MAX, header, outbox};

/// The memory allocated for a message before its bytes arrive, in words: announcing a longer
/// message takes no more.
const ANNOUNCED_WORDS_MAX: usize = 64 * 1024;

/// The same while memory is scarce.
const FRUGAL_WORDS_MAX: usize = 2 * 1024;

/// The messages that an empty decoder keeps room for.
const KEPT_MESSAGES_MAX: usize = 64;

/// The traversal limit of a message is its length times the factor, plus the words. It bounds the
/// copy of a message whose pointers share words, which is longer than the message itself.
const TRAVERSAL_FACTOR: usize = 8;
const TRAVERSAL_WORDS: usize = 4 * 1024;

const WORD_BYTES: usize = size_of::<Word>();

/// A received message.
pub(super) type Message = Reader<Segments>;

/// A message that was built here, as if it had been received.
pub(super) fn received(built: &outbox::Message) -> Option<Message> {
    let mut decoder = Decoder::default();
    decoder.take(&serialize::write_message_to_words(built)).ok()?;
    decoder.next()
}

/// Assembles messages from pieces of any size.
#[derive(Default)]
pub(super) struct Decoder {
    complete: VecDeque<Message>,
    /// The words of all complete messages.
    complete_words: usize,
    partial: Partial,
    /// Whether a message that is announced gets little memory before its bytes arrive.
    is_frugal: bool,
}

/// The incomplete message.
enum Partial {
    Header(Vec<u8>),
    Body(Body),
}

struct Body {
    words: Vec<Word>,
    /// The bytes of `words` that are received.
    filled: usize,
    /// The length of the complete message, in words.
    length: usize,
    ends: SegmentEnds,
}

/// The segments of a message, in one buffer.
pub(super) struct Segments {
    words: Vec<Word>,
    ends: SegmentEnds,
}

/// The end of each segment, in words from the beginning of the first.
enum SegmentEnds {
    /// A single segment that ends with the buffer.
    One,
    Many(Vec<usize>),
}

impl Default for Partial {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

impl Decoder {
    /// The next complete message.
    pub(super) fn next(&mut self) -> Option<Message> {
        let next = self.complete.pop_front()?;
        self.complete_words -= next.size_in_words();
        if self.complete.is_empty() && self.complete.capacity() > KEPT_MESSAGES_MAX {
            self.complete = VecDeque::new();
        }
        Some(next)
    }

    pub(super) fn set_frugal(&mut self, is_frugal: bool) {
        self.is_frugal = is_frugal;
    }

    /// Whether there is a complete message.
    pub(super) fn has_next(&self) -> bool {
        !self.complete.is_empty()
    }

    /// Whether no message is incomplete.
    pub(super) fn is_between_messages(&self) -> bool {
        matches!(&self.partial, Partial::Header(header) if header.is_empty())
    }

    /// The memory of the complete messages and of the incomplete one, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let partial = match &self.partial {
            Partial::Header(header) => header.len(),
            Partial::Body(body) => body.words.len() * WORD_BYTES,
        };
        let complete = self.complete_words * WORD_BYTES + self.complete.len() * MESSAGE_BYTES;
        let places = self.complete.capacity() * size_of::<Message>();
        complete + places + partial
    }

    /// The buffer for the next bytes of the incomplete message, if it is at least so long.
    pub(super) fn gap(&mut self, at_least: usize) -> Option<&mut [u8]> {
        match &mut self.partial {
            Partial::Body(body) => {
                let gap = body.gap();
                (gap.len() >= at_least).then_some(gap)
            }
            Partial::Header(_) => None,
        }
    }

    /// Records that this many bytes were read into the [`gap`](Self::gap).
    pub(super) fn fill(&mut self, bytes: usize) {
        if let Partial::Body(body) = &mut self.partial {
            body.filled += bytes;
            self.complete_body();
        }
    }

    /// Decodes the next bytes.
    ///
    /// # Errors
    /// Where they are not a message, or one that is too large.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            match &mut self.partial {
                Partial::Header(header) => {
                    let missing = header::missing(header)?;
                    let (here, rest) = bytes.split_at(missing.min(bytes.len()));
                    bytes = rest;
                    header.extend_from_slice(here);
                    if header::missing(header)? == 0 {
                        let most =
                            if self.is_frugal { FRUGAL_WORDS_MAX } else { ANNOUNCED_WORDS_MAX };
                        self.partial = Partial::Body(Body::announced(header, most)?);
                    }
                }
                Partial::Body(body) => {
                    let gap = body.gap();
                    let fit = gap.len().min(bytes.len());
                    let (here, rest) = bytes.split_at(fit);
                    bytes = rest;
                    gap.split_at_mut(fit).0.copy_from_slice(here);
                    body.filled += fit;
                }
            }
            // Also after a header: a message may be empty.
            self.complete_body();
        }
        Ok(())
    }

    fn complete_body(&mut self) {
        if let Partial::Body(body) = &mut self.partial
            && body.filled == body.length * WORD_BYTES
            && let Partial::Body(body) = std::mem::take(&mut self.partial)
        {
            let mut options = ReaderOptions::new();
            let limit = body.length * TRAVERSAL_FACTOR + TRAVERSAL_WORDS;
            options.traversal_limit_in_words(Some(limit.min(MESSAGE_WORDS_MAX)));
            let segments = Segments { words: body.words, ends: body.ends };
            let message = Reader::new(segments, options);
            self.complete_words += message.size_in_words();
            self.complete.push_back(message);
        }
    }
}

impl Body {
    /// The empty body that a complete header announces, with memory for at most so many words.
    fn announced(header: &[u8], allocated_max: usize) -> Result<Self, Error> {
        let mut length = 0;
        let mut ends = Vec::new();
        let lengths = header::lengths(header);
        let segments = lengths.len();
        for words in lengths {
            length += words;
            if segments > 1 {
                ends.push(length);
            }
        }
        if length > MESSAGE_WORDS_MAX {
            let limit = MESSAGE_WORDS_MAX * WORD_BYTES;
            let why = format!("a message of more than {limit} bytes is not accepted");
            return Err(Error::failed(why));
        }
        let words = Word::allocate_zeroed_vec(length.min(allocated_max));
        let ends = if segments > 1 { SegmentEnds::Many(ends) } else { SegmentEnds::One };
        Ok(Self { words, filled: 0, length, ends })
    }

    /// The buffer for the next bytes.
    fn gap(&mut self) -> &mut [u8] {
        if self.filled == self.words.len() * WORD_BYTES {
            // All of the buffer is received: it may double.
            let longer = (self.words.len() * 2).min(self.length);
            self.words.reserve_exact(longer - self.words.len());
            self.words.resize(longer, capnp::word(0, 0, 0, 0, 0, 0, 0, 0));
        }
        // Does not panic: `filled` bytes were written into `words`.
        Word::words_to_bytes_mut(&mut self.words).split_at_mut(self.filled).1
    }
}

impl ReaderSegments for Segments {
    fn get_segment(&self, index: u32) -> Option<&[u8]> {
        let index = index as usize;
        let words = match &self.ends {
            SegmentEnds::One => (index == 0).then_some(&self.words[..])?,
            SegmentEnds::Many(ends) => {
                let begin = if index == 0 { 0 } else { *ends.get(index - 1)? };
                self.words.get(begin..*ends.get(index)?)?
            }
        };
        Some(Word::words_to_bytes(words))
    }

    fn len(&self) -> usize {
        match &self.ends {
            SegmentEnds::One => 1,
            SegmentEnds::Many(ends) => ends.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use capnp::message::{Builder, HeapAllocator};
    use capnp::serialize;

    use super::*;

    /// A message with texts of about this length, in segments of at least this many words.
    fn message(length: usize, segment_words: u32) -> Vec<u8> {
        let allocator = HeapAllocator::new()
            .first_segment_words(segment_words)
            .allocation_strategy(capnp::message::AllocationStrategy::FixedSize);
        let mut message = Builder::new(allocator);
        let mut list = message.initn_root::<capnp::text_list::Builder<'_>>(3);
        for index in 0..3 {
            list.set(index, "x".repeat(length + index as usize).as_str());
        }
        serialize::write_message_to_words(&message)
    }

    fn lengths(message: &Message) -> Vec<usize> {
        let list = message.get_root::<capnp::text_list::Reader<'_>>().unwrap();
        list.iter().map(|text| text.unwrap().len()).collect()
    }

    #[test]
    fn messages_are_decoded_from_pieces_of_any_size() {
        let sent: Vec<_> =
            [(0, 100), (5, 1), (1_000, 2), (70, 64), (0, 0)].map(|(a, b)| message(a, b)).concat();
        let expected = [[0, 1, 2], [5, 6, 7], [1_000, 1_001, 1_002], [70, 71, 72], [0, 1, 2]];
        for cut in [1, 3, 4, 7, 8, 9, 64, 1_000, sent.len()] {
            let mut decoder = Decoder::default();
            for piece in sent.chunks(cut) {
                decoder.take(piece).unwrap();
            }
            assert!(decoder.is_between_messages());
            let arrived: Vec<_> = std::iter::from_fn(|| decoder.next()).collect();
            assert_eq!(arrived.iter().map(lengths).collect::<Vec<_>>(), expected, "cut by {cut}");
        }
    }

    #[test]
    fn a_large_message_is_read_into_its_gap() {
        let sent = message(3_000_000, 1_000);
        let mut decoder = Decoder::default();
        let (begin, mut rest) = sent.split_at(30);
        assert!(decoder.gap(1).is_none());
        decoder.take(begin).unwrap();
        while let Some(gap) = decoder.gap(1) {
            assert!(gap.len() <= ANNOUNCED_WORDS_MAX * WORD_BYTES * 32);
            let piece = gap.len().min(rest.len()).min(100_000);
            gap[..piece].copy_from_slice(&rest[..piece]);
            rest = &rest[piece..];
            decoder.fill(piece);
        }
        assert!(rest.is_empty());
        assert_eq!(lengths(&decoder.next().unwrap()), [3_000_000, 3_000_001, 3_000_002]);
    }

    #[test]
    fn an_announced_length_allocates_no_more_than_its_bound() {
        let mut header = vec![0; 8];
        header[4..].copy_from_slice(&(MESSAGE_WORDS_MAX as u32).to_le_bytes());
        let mut decoder = Decoder::default();
        decoder.take(&header).unwrap();
        let Partial::Body(body) = &decoder.partial else { panic!("no body") };
        assert_eq!(body.words.len(), ANNOUNCED_WORDS_MAX);
        header[4..].copy_from_slice(&(MESSAGE_WORDS_MAX as u32 + 1).to_le_bytes());
        assert!(Decoder::default().take(&header).is_err());
        // Lengths whose sum overflows 32 bits, and too many of them.
        let mut many = 511_u32.to_le_bytes().to_vec();
        many.extend([0xff; 512 * 4 + 4]);
        assert!(Decoder::default().take(&many).is_err());
        for count in [512_u32, u32::MAX] {
            assert!(Decoder::default().take(&count.to_le_bytes()).is_err());
        }
    }

    #[test]
    fn a_message_that_grows_when_copied_exceeds_the_traversal_limit() {
        // A list of a thousand texts of 8,000 bytes, whose pointers all lead to the first.
        let mut built = Builder::new(HeapAllocator::new().first_segment_words(4_096));
        let mut list = built.initn_root::<capnp::text_list::Builder<'_>>(1_000);
        list.set(0, "x".repeat(8_000).as_str());
        let mut sent = serialize::write_message_to_words(&built);
        // Skips the header of the message and the pointer to the list.
        let list = &mut sent.as_chunks_mut::<8>().0[2..];
        let first = u64::from_le_bytes(list[0]);
        for (index, pointer) in list[..1_000].iter_mut().enumerate() {
            // An offset counts from its pointer, and is above the two lowest bits.
            *pointer = (first - 4 * index as u64).to_le_bytes();
        }
        let mut decoder = Decoder::default();
        decoder.take(&sent).unwrap();
        let message = decoder.next().unwrap();
        let list = message.get_root::<capnp::text_list::Reader<'_>>().unwrap();
        assert_eq!(list.get(999).unwrap().len(), 8_000);
        assert!(Builder::new_default().set_root(list).is_err(), "it was copied");
        // Any other message can be read more than once.
        decoder.take(&self::message(1_000, 100)).unwrap();
        let message = decoder.next().unwrap();
        for _ in 0..4 {
            assert_eq!(lengths(&message), [1_000, 1_001, 1_002]);
        }
    }
}
