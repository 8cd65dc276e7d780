//! Bytes that arrive become messages.
//!
//! The format is Cap'n Proto's [for streams](https://capnproto.org/encoding.html#serialization-over-a-stream):
//! the number of segments less one, the length of each segment in words, and the segments. Every number has
//! 4 bytes, and the head of a message is filled up to whole words.

use std::collections::VecDeque;

use capnp::message::{Reader, ReaderOptions, ReaderSegments};
use capnp::{Error, Word};

use super::MESSAGE_WORDS_MAX;

/// The most segments of a message. A peer that sends more is dropped.
pub(super) const SEGMENTS_MAX: usize = 512;

/// What is set aside for a message before its bytes are there, in words: what a peer only announces takes no
/// more memory than this.
const ANNOUNCED_WORDS_MAX: usize = 64 * 1024;

/// How often all of a message may be read, and how much besides. A message whose pointers lead to the same words again and
/// again is longer when it is copied than when it arrives: what a copy takes is bounded by this.
const READINGS: usize = 8;
const READABLE_WORDS: usize = 4 * 1024;

/// How TLS begins what it says: what it is, and the version.
const TLS_ALERT: u8 = 21;
const TLS_HANDSHAKE: u8 = 22;

const WORD_BYTES: usize = size_of::<Word>();

/// A message that arrived.
pub(super) type Message = Reader<Segments>;

/// Takes bytes as they arrive, in pieces of any size, and gives messages.
#[derive(Default)]
pub(super) struct Decoder {
    complete: VecDeque<Message>,
    /// The words of all of these.
    complete_words: usize,
    partial: Partial,
}

/// The message of which a part has arrived.
enum Partial {
    Head(Vec<u8>),
    Body(Body),
}

struct Body {
    words: Vec<Word>,
    /// The bytes of `words` that have arrived.
    filled: usize,
    /// The words of the whole message.
    length: usize,
    ends: SegmentEnds,
}

/// The words of a message, and where its segments end.
pub(super) struct Segments {
    words: Vec<Word>,
    ends: SegmentEnds,
}

/// Where each segment ends, counted in words from the beginning of the first.
enum SegmentEnds {
    /// The only one ends with the words.
    One,
    Many(Vec<usize>),
}

impl Default for Partial {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Decoder {
    /// The next message, if it has arrived.
    pub(super) fn next(&mut self) -> Option<Message> {
        let next = self.complete.pop_front()?;
        self.complete_words -= next.size_in_words();
        Some(next)
    }

    /// Whether a message has arrived.
    pub(super) fn has_next(&self) -> bool {
        !self.complete.is_empty()
    }

    /// Whether the last byte that arrived is the last of a message.
    pub(super) fn is_between_messages(&self) -> bool {
        matches!(&self.partial, Partial::Head(head) if head.is_empty())
    }

    /// The bytes of the messages that have arrived, and that are set aside for the one of which more is to come.
    pub(super) fn bytes(&self) -> usize {
        let partial = match &self.partial {
            Partial::Head(head) => head.len(),
            Partial::Body(body) => body.words.len() * WORD_BYTES,
        };
        self.complete_words * WORD_BYTES + partial
    }

    /// Where the next bytes belong, if so many are missing of a message that they are better read there.
    pub(super) fn gap(&mut self, at_least: usize) -> Option<&mut [u8]> {
        match &mut self.partial {
            Partial::Body(body) => {
                let gap = body.gap();
                (gap.len() >= at_least).then_some(gap)
            }
            Partial::Head(_) => None,
        }
    }

    /// Takes note that this many bytes of the [`gap`](Self::gap) have arrived.
    pub(super) fn fill(&mut self, bytes: usize) {
        if let Partial::Body(body) = &mut self.partial {
            body.filled += bytes;
            self.complete_body();
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Where what arrives is no message, or one that is too large.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            match &mut self.partial {
                Partial::Head(head) => {
                    let missing = missing_of_head(head)?;
                    let (here, rest) = bytes.split_at(missing.min(bytes.len()));
                    bytes = rest;
                    head.extend_from_slice(here);
                    if missing_of_head(head)? == 0 {
                        self.partial = Partial::Body(Body::announced(head)?);
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
            // A message may have no words at all.
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
            let readable = body.length * READINGS + READABLE_WORDS;
            options.traversal_limit_in_words(Some(readable.min(MESSAGE_WORDS_MAX)));
            let segments = Segments { words: body.words, ends: body.ends };
            let message = Reader::new(segments, options);
            self.complete_words += message.size_in_words();
            self.complete.push_back(message);
        }
    }
}

/// How many bytes are missing of a message's head.
fn missing_of_head(head: &[u8]) -> Result<usize, Error> {
    let Some(count) = head.first_chunk::<4>() else { return Ok(WORD_BYTES - head.len()) };
    let segments = u32::from_le_bytes(*count) as usize + 1;
    if segments > SEGMENTS_MAX {
        if matches!(count, [TLS_ALERT | TLS_HANDSHAKE, 3, ..]) {
            let why = "the other side speaks TLS: its link begins with capvotes://";
            return Err(Error::failed(why.into()));
        }
        return Err(Error::failed(format!("a message of {segments} segments is not taken")));
    }
    let bytes = (4 + 4 * segments).next_multiple_of(WORD_BYTES);
    Ok(bytes - head.len())
}

impl Body {
    /// The body that a whole head announces.
    fn announced(head: &[u8]) -> Result<Self, Error> {
        let numbers =
            head.as_chunks::<4>().0.iter().map(|&number| u32::from_le_bytes(number) as usize);
        let mut numbers = numbers.skip(1);
        // A head tells how many lengths it has, and may have 4 bytes more than that to fill a word.
        let segments =
            head.first_chunk::<4>().map_or(0, |&count| u32::from_le_bytes(count) as usize + 1);
        let mut length = 0;
        let mut ends = Vec::new();
        for words in numbers.by_ref().take(segments) {
            length += words;
            if segments > 1 {
                ends.push(length);
            }
        }
        if length > MESSAGE_WORDS_MAX {
            let limit = MESSAGE_WORDS_MAX * WORD_BYTES;
            return Err(Error::failed(format!(
                "a message of more than {limit} bytes is not taken"
            )));
        }
        let words = Word::allocate_zeroed_vec(length.min(ANNOUNCED_WORDS_MAX));
        let ends = if segments > 1 { SegmentEnds::Many(ends) } else { SegmentEnds::One };
        Ok(Self { words, filled: 0, length, ends })
    }

    /// Where the next bytes belong.
    fn gap(&mut self) -> &mut [u8] {
        if self.filled == self.words.len() * WORD_BYTES {
            // What was announced has arrived so far: as much again is believed.
            let longer = (self.words.len() * 2).min(self.length);
            self.words.resize(longer, capnp::word(0, 0, 0, 0, 0, 0, 0, 0));
        }
        // What is filled was a part of this gap before.
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

    /// A message with a text of this length, in segments of at least this many words.
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
    fn messages_arrive_whole_however_they_are_cut() {
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
    fn a_large_message_can_be_read_where_it_belongs() {
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
    fn what_is_announced_is_not_believed_before_it_is_there() {
        let mut head = vec![0; 8];
        head[4..].copy_from_slice(&(MESSAGE_WORDS_MAX as u32).to_le_bytes());
        let mut decoder = Decoder::default();
        decoder.take(&head).unwrap();
        let Partial::Body(body) = &decoder.partial else { panic!("no body") };
        assert_eq!(body.words.len(), ANNOUNCED_WORDS_MAX);
        head[4..].copy_from_slice(&(MESSAGE_WORDS_MAX as u32 + 1).to_le_bytes());
        assert!(Decoder::default().take(&head).is_err());
        // Lengths that together overflow 32 bits, and too many of them.
        let mut many = 511_u32.to_le_bytes().to_vec();
        many.extend([0xff; 512 * 4 + 4]);
        assert!(Decoder::default().take(&many).is_err());
        for count in [512_u32, u32::MAX] {
            assert!(Decoder::default().take(&count.to_le_bytes()).is_err());
        }
    }

    #[test]
    fn what_leads_to_the_same_words_again_and_again_is_not_copied() {
        // A thousand texts of 8,000 bytes, all of which are the first.
        let mut built = Builder::new(HeapAllocator::new().first_segment_words(4_096));
        let mut list = built.initn_root::<capnp::text_list::Builder<'_>>(1_000);
        list.set(0, "x".repeat(8_000).as_str());
        let mut sent = serialize::write_message_to_words(&built);
        // Behind the head of the message and the pointer to the list.
        let list = &mut sent.as_chunks_mut::<8>().0[2..];
        let first = u64::from_le_bytes(list[0]);
        for (index, pointer) in list[..1_000].iter_mut().enumerate() {
            // Each stands a word further from it, which is told in the bits behind the first two.
            *pointer = (first - 4 * index as u64).to_le_bytes();
        }
        let mut decoder = Decoder::default();
        decoder.take(&sent).unwrap();
        let message = decoder.next().unwrap();
        let list = message.get_root::<capnp::text_list::Reader<'_>>().unwrap();
        assert_eq!(list.get(999).unwrap().len(), 8_000);
        assert!(Builder::new_default().set_root(list).is_err(), "it was copied");
        // Whatever is no fold can be read more than once.
        decoder.take(&self::message(1_000, 100)).unwrap();
        let message = decoder.next().unwrap();
        for _ in 0..4 {
            assert_eq!(lengths(&message), [1_000, 1_001, 1_002]);
        }
    }
}
