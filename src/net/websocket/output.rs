//! The frames that leave: each message of Cap'n Proto is one binary message, in one frame.

use std::io;

use super::frame::{Mask, NORMAL, Written, write_head};
use super::input::Control;
use crate::net::transport::header;

/// What is framed and not yet written. At the maximum, writing waits.
pub const FRAMED_BYTES_MAX: usize = 16 << 10;

/// The buffer that is kept while nothing waits to be written.
const KEPT_BUFFER_BYTES_MAX: usize = 1 << 10;

/// What is framed and not yet written, and where the output stands in a message.
pub(super) struct Output {
    /// Whether this side is a client, which masks its frames.
    masks: bool,
    framed: Vec<u8>,
    /// The bytes of `framed` that are written.
    written: usize,
    /// The header of the next message, until it is complete.
    header: Vec<u8>,
    /// The bytes that are missing of the message that is being framed.
    rest: u64,
    mask: Option<Mask>,
    is_closed: bool,
}

impl Output {
    pub(super) fn new(masks: bool) -> Self {
        Self {
            masks,
            framed: Vec::new(),
            written: 0,
            header: Vec::new(),
            rest: 0,
            mask: None,
            is_closed: false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.framed.len() >= FRAMED_BYTES_MAX
    }

    /// What is framed and not yet written.
    pub(super) fn unwritten(&self) -> &[u8] {
        self.framed.get(self.written..).unwrap_or_default()
    }

    /// Removes this many bytes, which were written.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written >= self.framed.len() {
            // An outcome or a sheet may be in it.
            self.framed.fill(0);
            self.framed.clear();
            self.framed.shrink_to(KEPT_BUFFER_BYTES_MAX);
            self.written = 0;
        }
    }

    /// Frames bytes of messages. Returns how many.
    ///
    /// # Errors
    /// Where they are no messages.
    pub(super) fn frame(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while !self.is_full() {
            let rest = bytes.get(taken..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            if self.rest > 0 {
                let room = FRAMED_BYTES_MAX.saturating_sub(self.framed.len());
                let (here, _) = rest.split_at(self.in_message(rest.len()).min(room));
                self.push(here);
                self.rest -= here.len() as u64;
                taken += here.len();
            } else {
                taken += self.take_header(rest)?;
            }
        }
        Ok(taken)
    }

    /// How many of the next bytes belong to the message that is being framed.
    fn in_message(&self, bytes: usize) -> usize {
        usize::try_from(self.rest).unwrap_or(usize::MAX).min(bytes)
    }

    /// How many of the next bytes may be written as they are, if nothing is framed: this side's
    /// frames have no masks, and they belong to a message whose frame has begun.
    pub(super) fn plain(&self, bytes: usize) -> usize {
        if self.masks || !self.framed.is_empty() { 0 } else { self.in_message(bytes) }
    }

    /// Removes this many bytes from the message, which were written as they are.
    pub(super) fn advance_plain(&mut self, bytes: usize) {
        self.rest -= bytes as u64;
    }

    /// Takes bytes of a message's header, and begins the frame once it is complete.
    fn take_header(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let missing = header::missing(&self.header).map_err(io::Error::other)?;
        let (here, _) = bytes.split_at(missing.min(bytes.len()));
        self.header.extend_from_slice(here);
        if header::missing(&self.header).map_err(io::Error::other)? == 0 {
            self.rest = header::lengths(&self.header).map(|words| words as u64 * 8).sum();
            let header = std::mem::take(&mut self.header);
            self.begin(Written::Message, header.len() as u64 + self.rest)?;
            self.push(&header);
        }
        Ok(here.len())
    }

    fn begin(&mut self, what: Written, length: u64) -> io::Result<()> {
        self.mask = if self.masks { Some(new_mask()?) } else { None };
        write_head(&mut self.framed, what, length, self.mask);
        Ok(())
    }

    /// Appends bytes of a payload.
    fn push(&mut self, bytes: &[u8]) {
        let at = self.framed.len();
        self.framed.extend_from_slice(bytes);
        if let Some(mask) = &mut self.mask {
            mask.apply(self.framed.get_mut(at..).unwrap_or_default());
        }
    }

    /// Whether the output is between two messages, where other frames can go.
    pub(super) fn is_between_messages(&self) -> bool {
        self.rest == 0 && self.header.is_empty() && !self.is_closed
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, ping: &Control) -> io::Result<()> {
        let payload = ping.bytes();
        self.begin(Written::Pong, payload.len() as u64)?;
        self.push(payload);
        Ok(())
    }

    /// Closes this side, unless it is closed or within a message.
    pub(super) fn close(&mut self, code: Option<u16>) -> io::Result<()> {
        if self.is_between_messages() {
            self.begin(Written::Close, 2)?;
            self.push(&code.unwrap_or(NORMAL).to_be_bytes());
            self.is_closed = true;
        }
        Ok(())
    }
}

/// A mask that nobody can foresee.
#[cfg(feature = "client")]
fn new_mask() -> io::Result<Mask> {
    let mut key = [0; 4];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    Ok(Mask(key))
}

#[cfg(not(feature = "client"))]
fn new_mask() -> io::Result<Mask> {
    Err(io::Error::other("only a client masks its frames"))
}
