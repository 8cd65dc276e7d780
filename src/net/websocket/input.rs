//! The frames that arrive, taken apart where they were read: no message and no frame is gathered.

use super::frame::{CONTROL_BYTES_MAX, Head, Heading, Kind, Violation};

/// The frames in a row without a byte of a message: pings, pongs, and parts that are empty. One more
/// ends the connection. (Browsers ping never, and libraries once in 20 s or so.)
pub const EMPTY_FRAMES_MAX: u32 = 1_000;

/// The payload of a ping, which its pong repeats.
#[derive(Clone, Copy)]
pub(super) struct Control {
    bytes: [u8; CONTROL_BYTES_MAX],
    length: usize,
}

impl Control {
    const EMPTY: Self = Self { bytes: [0; CONTROL_BYTES_MAX], length: 0 };

    fn extend(&mut self, bytes: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(self.length).zip(bytes) {
            *to = *from;
        }
        self.length += bytes.len();
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// What has arrived of a frame.
pub(super) struct Input {
    /// Whether the peer is a client, whose frames have masks.
    is_masked: bool,
    heading: Heading,
    frame: Option<Head>,
    /// Whether a message has begun and not ended.
    in_message: bool,
    control: Control,
    /// The last ping that is not answered.
    ping: Option<Control>,
    /// The frames since the last byte of a message.
    empty: u32,
    has_ended: bool,
}

impl Input {
    pub(super) fn new(is_masked: bool) -> Self {
        Self {
            is_masked,
            heading: Heading::default(),
            frame: None,
            in_message: false,
            control: Control::EMPTY,
            ping: None,
            empty: 0,
            has_ended: false,
        }
    }

    /// Whether the peer has closed its side.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The last ping that is not answered: RFC 6455 allows to leave out those before it.
    pub(super) fn take_ping(&mut self) -> Option<Control> {
        self.ping.take()
    }

    pub(super) fn has_ping(&self) -> bool {
        self.ping.is_some()
    }

    /// Moves what these bytes have of messages to their front, and returns how much that is. The
    /// rest is overwritten. What follows a close is dropped.
    ///
    /// # Errors
    /// [`Violation`].
    pub(super) fn unframe(&mut self, bytes: &mut [u8]) -> Result<usize, Violation> {
        let (mut read, mut kept) = (0, 0);
        while read < bytes.len() && !self.has_ended {
            let rest = bytes.get_mut(read..).unwrap_or_default();
            let Some(frame) = &mut self.frame else {
                let (taken, head) = self.heading.take(rest, self.is_masked, self.in_message)?;
                read += taken;
                if let Some(head) = head {
                    self.begin(head)?;
                }
                continue;
            };
            let length = usize::try_from(frame.length).unwrap_or(usize::MAX).min(rest.len());
            let (here, _) = rest.split_at_mut(length);
            frame.mask.apply(here);
            if let Kind::Part { .. } = frame.kind {
                bytes.copy_within(read..read + length, kept);
                kept += length;
                self.empty = 0;
            } else {
                self.control.extend(here);
            }
            read += length;
            frame.length -= length as u64;
            if frame.length == 0 {
                self.end();
            }
        }
        bytes.get_mut(kept..).unwrap_or_default().fill(0);
        Ok(kept)
    }

    fn begin(&mut self, head: Head) -> Result<(), Violation> {
        self.empty += 1;
        if self.empty > EMPTY_FRAMES_MAX {
            return Err(Violation::Empty);
        }
        self.control = Control::EMPTY;
        self.frame = Some(head);
        if head.length == 0 {
            self.end();
        }
        Ok(())
    }

    fn end(&mut self) {
        match self.frame.take().map(|frame| frame.kind) {
            Some(Kind::Part { is_last }) => self.in_message = !is_last,
            Some(Kind::Ping) => self.ping = Some(self.control),
            Some(Kind::Close) => self.has_ended = true,
            Some(Kind::Pong) | None => {}
        }
    }
}
