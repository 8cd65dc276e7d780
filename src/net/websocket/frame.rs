//! The frames of a WebSocket (RFC 6455, section 5): their heads, masks and rules.

/// The longest payload of a ping, a pong or a close.
pub const CONTROL_BYTES_MAX: usize = 125;

/// The longest head of a frame: two bytes, a length of eight, and a mask.
const HEAD_BYTES: usize = 14;

/// The bits of the first byte: whether the frame ends its message, and three that are reserved.
const LAST: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;

/// The bit of the second byte that says whether the payload is masked. The others are its length,
/// or say how long the length is that follows.
const MASKED: u8 = 0x80;
const LENGTH_OF_TWO_BYTES: u8 = 126;
const LENGTH_OF_EIGHT_BYTES: u8 = 127;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Why a WebSocket is closed (RFC 6455, section 7.4.1).
pub(super) const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const UNSUPPORTED_DATA: u16 = 1003;

/// A rule that a peer has broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    #[error("a WebSocket frame has reserved bits set, and no extension was agreed on")]
    Reserved,
    #[error("a WebSocket message is text, and Cap'n Proto's are binary")]
    Text,
    #[error("a WebSocket frame is of an unknown kind")]
    Opcode,
    #[error("a WebSocket frame of a client has no mask, or one of a server has one")]
    Mask,
    #[error("a WebSocket frame is longer than there are bytes")]
    Length,
    #[error("a WebSocket ping, pong or close is too long, or in pieces")]
    Control,
    #[error("a WebSocket message begins within another, or goes on before it began")]
    Order,
    #[error("too many WebSocket frames in a row have no part of a message")]
    Empty,
}

impl Violation {
    /// The code that tells the peer.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Text => UNSUPPORTED_DATA,
            _ => PROTOCOL_ERROR,
        }
    }
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a message, and whether it is the last.
    Part {
        is_last: bool,
    },
    Close,
    Ping,
    Pong,
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    /// The bytes of the payload.
    pub(super) length: u64,
    pub(super) mask: Mask,
}

/// The head of the next frame, as far as it has arrived.
#[derive(Default)]
pub(super) struct Heading {
    bytes: [u8; HEAD_BYTES],
    length: usize,
}

impl Heading {
    /// Takes bytes of a head. Returns how many it took, and the head once it is complete.
    ///
    /// # Errors
    /// [`Violation`] as soon as a byte shows one. `is_masked` says whether the peer masks its
    /// frames, and `in_message` whether a message has begun and not ended.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        is_masked: bool,
        in_message: bool,
    ) -> Result<(usize, Option<Head>), Violation> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let missing = self.whole().saturating_sub(self.length).min(rest.len());
            let (here, _) = rest.split_at(missing);
            for (to, from) in self.bytes.iter_mut().skip(self.length).zip(here) {
                *to = *from;
            }
            self.length += missing;
            taken += missing;
            let [first, second, ..] = self.bytes;
            if self.length >= 2 {
                check(first, second, is_masked, in_message)?;
            }
            if self.length == self.whole() {
                let head = self.parse(first, second)?;
                *self = Self::default();
                return Ok((taken, Some(head)));
            }
            if missing == 0 {
                return Ok((taken, None));
            }
        }
    }

    /// The bytes of the whole head, as far as it is known.
    fn whole(&self) -> usize {
        let [_, second, ..] = self.bytes;
        if self.length < 2 {
            return 2;
        }
        let length = match second & !MASKED {
            LENGTH_OF_TWO_BYTES => 2,
            LENGTH_OF_EIGHT_BYTES => 8,
            _ => 0,
        };
        2 + length + if second & MASKED == 0 { 0 } else { 4 }
    }

    fn parse(&self, first: u8, second: u8) -> Result<Head, Violation> {
        let [_, _, a, b, c, d, e, f, g, h, ..] = self.bytes;
        let (length, mask_at) = match second & !MASKED {
            LENGTH_OF_TWO_BYTES => (u64::from(u16::from_be_bytes([a, b])), 4),
            LENGTH_OF_EIGHT_BYTES => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 10),
            length => (u64::from(length), 2),
        };
        if length > i64::MAX as u64 {
            return Err(Violation::Length);
        }
        let key = match second & MASKED {
            0 => [0; 4],
            _ => {
                self.bytes.get(mask_at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default()
            }
        };
        let kind = match first & OPCODE {
            CLOSE => Kind::Close,
            PING => Kind::Ping,
            PONG => Kind::Pong,
            _ => Kind::Part { is_last: first & LAST != 0 },
        };
        Ok(Head { kind, length, mask: Mask(key) })
    }
}

/// Checks the first two bytes of a frame.
fn check(first: u8, second: u8, is_masked: bool, in_message: bool) -> Result<(), Violation> {
    if first & RESERVED != 0 {
        return Err(Violation::Reserved);
    }
    match first & OPCODE {
        CONTINUATION if in_message => {}
        BINARY if !in_message => {}
        CONTINUATION | BINARY => return Err(Violation::Order),
        TEXT => return Err(Violation::Text),
        CLOSE | PING | PONG => {
            let length = usize::from(second & !MASKED);
            if first & LAST == 0 || length > CONTROL_BYTES_MAX {
                return Err(Violation::Control);
            }
        }
        _ => return Err(Violation::Opcode),
    }
    if (second & MASKED != 0) == is_masked { Ok(()) } else { Err(Violation::Mask) }
}

/// A frame that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// A whole message.
    Message,
    Close,
    Pong,
}

/// Appends the head of a frame with so many bytes of payload; with a mask, if there is one.
pub(super) fn write_head(to: &mut Vec<u8>, what: Written, length: u64, mask: Option<Mask>) {
    let opcode = match what {
        Written::Message => BINARY,
        Written::Close => CLOSE,
        Written::Pong => PONG,
    };
    let masked = if mask.is_some() { MASKED } else { 0 };
    to.push(LAST | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < LENGTH_OF_TWO_BYTES => to.push(masked | short),
        (_, Ok(middle)) => {
            to.push(masked | LENGTH_OF_TWO_BYTES);
            to.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            to.push(masked | LENGTH_OF_EIGHT_BYTES);
            to.extend_from_slice(&length.to_be_bytes());
        }
    }
    if let Some(Mask(key)) = mask {
        to.extend_from_slice(&key);
    }
}

/// The mask of a payload, from where it has been applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask(pub(super) [u8; 4]);

impl Mask {
    /// Masks or unmasks the next bytes of the payload.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let Self(key) = self;
        let [a, b, c, d] = *key;
        let word = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let length = bytes.len();
        let (words, rest) = bytes.as_chunks_mut::<8>();
        for bytes in words {
            *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
        key.rotate_left(length % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_goes_on_where_it_was() {
        let key = [1, 2, 4, 8];
        let plain: Vec<u8> = (0..100).collect();
        let expected: Vec<u8> =
            plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        for cut in [1, 2, 3, 5, 7, 8, 9, 31, 100] {
            let (mut bytes, mut mask) = (plain.clone(), Mask(key));
            bytes.chunks_mut(cut).for_each(|piece| mask.apply(piece));
            assert_eq!(bytes, expected, "cut by {cut}");
        }
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, i64::MAX as u64] {
            for mask in [None, Some(Mask([9, 8, 7, 6]))] {
                let mut bytes = Vec::new();
                write_head(&mut bytes, Written::Message, length, mask);
                for cut in [1, 2, 3, bytes.len()] {
                    let (mut heading, mut head) = (Heading::default(), None);
                    for piece in bytes.chunks(cut) {
                        assert_eq!(head, None);
                        let (taken, found) = heading.take(piece, mask.is_some(), false).unwrap();
                        assert_eq!(taken, piece.len());
                        head = found;
                    }
                    let mask = mask.unwrap_or(Mask([0; 4]));
                    let expected = Head { kind: Kind::Part { is_last: true }, length, mask };
                    assert_eq!(head, Some(expected), "{length} cut by {cut}");
                }
            }
        }
    }

    #[test]
    fn each_rule_has_its_violation() {
        let of = |bytes: &[u8], in_message| {
            Heading::default().take(bytes, true, in_message).unwrap_err()
        };
        for (bytes, in_message, violation) in [
            (&[0xc2, 0x80][..], false, Violation::Reserved),
            (&[0x92, 0x80], false, Violation::Reserved),
            (&[0x81, 0x80], false, Violation::Text),
            (&[0x83, 0x80], false, Violation::Opcode),
            (&[0x8b, 0x80], false, Violation::Opcode),
            (&[0x82, 0x05], false, Violation::Mask),
            (&[0x89, 0x05], false, Violation::Mask),
            (&[0x09, 0x80], false, Violation::Control),
            (&[0x89, 0xfe], false, Violation::Control),
            (&[0x80, 0x80], false, Violation::Order),
            (&[0x02, 0x80], true, Violation::Order),
            (&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], false, Violation::Length),
        ] {
            assert_eq!(of(bytes, in_message), violation, "{bytes:x?}");
        }
        // A server's frames have no masks.
        let masked = Heading::default().take(&[0x82, 0x80], false, false);
        assert_eq!(masked, Err(Violation::Mask));
    }
}
