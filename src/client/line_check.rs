//! Checks that the lines a server passes back are those of the file, one by one.

use std::collections::VecDeque;

use super::Error;

/// The bytes of a file that a server may have read and not passed back, beyond which it gets no
/// more. It has room for the longest line, and for what a server has in flight: 64 reads of
/// 256 KiB, and a window of 16 MiB.
pub(super) const UNRETURNED_BYTES_MAX: usize = 64 << 20;

/// The part of a file that the server has read and not passed back yet.
#[derive(Debug, Default)]
pub(super) struct LineCheck {
    pieces: VecDeque<Vec<u8>>,
    /// The bytes of the first piece that came back.
    used: usize,
    /// The bytes that did not come back.
    bytes: usize,
    /// Whether the server has seen the file's end.
    ended: bool,
    /// The lines that came back.
    lines: u64,
}

impl LineCheck {
    /// Whether the server has to pass lines back before it may read on.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= UNRETURNED_BYTES_MAX
    }

    /// Notes what the server was given: nothing at the file's end.
    pub(super) fn read(&mut self, piece: Vec<u8>) {
        self.ended |= piece.is_empty();
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Checks a line that came back.
    ///
    /// # Errors
    /// [`Error::Protocol`] unless it is the next line of the file, whole and with its newline.
    pub(super) fn returned(&mut self, line: &[u8]) -> Result<(), Error> {
        self.lines += 1;
        let newline = memchr::memchr(b'\n', line);
        let is_one_line = !line.is_empty() && newline.is_none_or(|at| at + 1 == line.len());
        let is_next = is_one_line && self.take(line);
        // A line without a newline is the last one.
        if is_next && (newline.is_some() || (self.bytes == 0 && self.ended)) {
            return Ok(());
        }
        Err(Error::Protocol(format!("line {} is not that of the file", self.lines)))
    }

    /// Checks the count, after the last line.
    ///
    /// # Errors
    /// [`Error::Protocol`] unless every line of the file came back, and was counted.
    pub(super) fn counted(&self, count: u64) -> Result<(), Error> {
        if self.ended && self.bytes == 0 && count == self.lines {
            return Ok(());
        }
        let lines = self.lines;
        Err(Error::Protocol(format!("it counts {count} lines, after {lines} lines of the file")))
    }

    /// Takes these bytes off the front, if they are there.
    fn take(&mut self, mut line: &[u8]) -> bool {
        while !line.is_empty() {
            let Some(piece) = self.pieces.front() else { return false };
            let unused = piece.get(self.used..).unwrap_or_default();
            let common = unused.len().min(line.len());
            let (here, rest) = line.split_at(common);
            if unused.get(..common) != Some(here) {
                return false;
            }
            line = rest;
            self.used += common;
            self.bytes -= common;
            if self.used == piece.len() {
                self.pieces.pop_front();
                self.used = 0;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a server that was given these pieces may pass these lines back, and this count.
    fn accepts(pieces: &[&str], lines: &[&str], count: u64) -> bool {
        let mut check = LineCheck::default();
        pieces.iter().for_each(|piece| check.read(piece.as_bytes().to_vec()));
        check.read(Vec::new());
        lines.iter().all(|line| check.returned(line.as_bytes()).is_ok())
            && check.counted(count).is_ok()
    }

    #[test]
    fn the_lines_of_the_file_are_accepted_however_it_was_read() {
        for pieces in [&["a\nbc\n\nd"][..], &["a", "\nb", "c\n\n", "d"], &["a\nbc\n", "\nd"]] {
            assert!(accepts(pieces, &["a\n", "bc\n", "\n", "d"], 4));
        }
        assert!(accepts(&[], &[], 0));
    }

    #[test]
    fn any_other_lines_are_refused() {
        for (lines, count) in [
            (&["a\n", "bc\n"][..], 3),
            (&["a\n", "bc\n"], 1),
            (&["a\n"], 1),
            (&["a\n", "bX\n"], 2),
            (&["bc\n", "a\n"], 2),
            (&["a\nbc\n"], 1),
            (&["a\n", "b", "c\n"], 3),
            (&["a\n", "bc"], 2),
            (&["a\n", "bc\n", "bc\n"], 3),
            (&["", "a\n", "bc\n"], 3),
        ] {
            assert!(!accepts(&["a\nb", "c\n"], lines, count), "{lines:?}");
        }
        assert!(accepts(&["a\nb", "c\n"], &["a\n", "bc\n"], 2));
    }

    #[test]
    fn a_line_may_come_back_before_the_end_was_read_unless_it_is_the_last() {
        let mut check = LineCheck::default();
        check.read(b"a\nb".to_vec());
        assert!(check.returned(b"a\n").is_ok() && check.counted(1).is_err());
        assert!(check.returned(b"b").is_err());
    }
}
