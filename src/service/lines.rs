//! Splits a stream of bytes into batches of whole lines.

use memchr::memchr_iter;

/// The lines of one batch.
const BATCH_LINES_MAX: usize = 16_384;
/// The size from which a batch is full. Its last line may exceed it.
const BATCH_BYTES: usize = 256 * 1024;

/// Splits the pieces of a file into whole lines, each with its newline.
///
/// After every [`push`](Self::push), call [`next_batch`](Self::next_batch) until it returns `None`.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    /// Bytes of returned batches, then the bytes that are not yet returned.
    buffer: Vec<u8>,
    /// The beginning of the next line in the buffer.
    start: usize,
    /// The buffer is searched for the line's end up to here.
    searched: usize,
}

#[expect(
    clippy::indexing_slicing,
    reason = "`start` <= `searched` <= the buffer's length, and newlines are found within it"
)]
impl LineSplitter {
    /// Appends the next piece of the file.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.drop_returned();
        // Releases the memory of a long line.
        self.buffer.shrink_to(4 * BATCH_BYTES);
        self.buffer.extend_from_slice(piece);
    }

    /// Drops the lines of returned batches.
    fn drop_returned(&mut self) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
    }

    /// Releases unneeded memory, and returns the bytes left.
    pub(super) fn shrink(&mut self) -> usize {
        self.drop_returned();
        self.buffer.shrink_to_fit();
        self.bytes()
    }

    /// The next whole lines; `None` if the next line is incomplete.
    pub(super) fn next_batch(&mut self) -> Option<Vec<&[u8]>> {
        let mut lines = Vec::new();
        let mut line_start = self.start;
        for newline in memchr_iter(b'\n', &self.buffer[self.searched..]) {
            let line_end = self.searched + newline + 1;
            lines.push(&self.buffer[line_start..line_end]);
            line_start = line_end;
            if lines.len() == BATCH_LINES_MAX || line_end - self.start >= BATCH_BYTES {
                break;
            }
        }
        if lines.is_empty() {
            self.searched = self.buffer.len();
            return None;
        }
        self.start = line_start;
        self.searched = line_start;
        Some(lines)
    }

    /// The allocated bytes.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// The incomplete line. At the end of the file, this is the last line, unless it is empty.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits `file` in pieces of `size` bytes, and checks that nothing is lost.
    fn split(file: &[u8], size: usize) -> Vec<Vec<u8>> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in file.chunks(size) {
            splitter.push(piece);
            while let Some(batch) = splitter.next_batch() {
                assert!(batch.len() <= BATCH_LINES_MAX);
                lines.extend(batch.into_iter().map(<[u8]>::to_vec));
            }
        }
        lines.extend(Some(splitter.rest().to_vec()).filter(|rest| !rest.is_empty()));
        assert_eq!(lines.concat(), file);
        lines
    }

    #[test]
    fn lines_do_not_depend_on_the_size_of_the_pieces() {
        let table: [(&[u8], &[&[u8]]); 7] = [
            (b"", &[]),
            (b"\n", &[b"\n"]),
            (b"a", &[b"a"]),
            (b"a\nb\n", &[b"a\n", b"b\n"]),
            (b"a\r\nb", &[b"a\r\n", b"b"]),
            (b"\n\n\nx\0\xff\n", &[b"\n", b"\n", b"\n", b"x\0\xff\n"]),
            (b"no newline", &[b"no newline"]),
        ];
        for (file, lines) in table {
            for size in 1..=file.len().max(1) {
                assert_eq!(split(file, size), lines, "{file:?} by {size}");
            }
        }
    }

    #[test]
    fn many_and_long_lines_make_several_batches() {
        let empty_lines = vec![b'\n'; 3 * BATCH_LINES_MAX + 5];
        assert_eq!(split(&empty_lines, empty_lines.len()).len(), empty_lines.len());
        let mut long_lines = Vec::new();
        for length in [BATCH_BYTES - 1, 3 * BATCH_BYTES, 1, BATCH_BYTES] {
            long_lines.extend(vec![b'x'; length]);
            long_lines.push(b'\n');
        }
        assert_eq!(split(&long_lines, 1_000).len(), 4);
        assert_eq!(split(&long_lines, long_lines.len()).len(), 4);
    }
}
