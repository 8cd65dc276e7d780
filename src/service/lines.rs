//! Splitting bytes, as they arrive, into batches of whole lines.

use memchr::memchr_iter;

/// The lines in one batch at most.
const BATCH_LINES_MAX: usize = 16_384;
/// The bytes after which a batch is full. Its last line may go beyond.
const BATCH_BYTES: usize = 256 * 1024;

/// Cuts a file that comes in pieces into whole lines, each with its newline.
///
/// After every [`push`](Self::push), [`next_batch`](Self::next_batch) is to be called until it has no more.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    /// Bytes that came and were not handed out, behind some that were.
    buffer: Vec<u8>,
    /// Where in the buffer the next line begins.
    start: usize,
    /// Up to where the buffer was searched for its end.
    searched: usize,
}

#[expect(
    clippy::indexing_slicing,
    reason = "`start` is never beyond `searched`, nor that beyond the buffer, in which newlines are found"
)]
impl LineSplitter {
    /// Takes in the next piece of the file.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.forget();
        // The memory of a long line is not kept.
        self.buffer.shrink_to(4 * BATCH_BYTES);
        self.buffer.extend_from_slice(piece);
    }

    /// Lets go of the lines that were handed out.
    fn forget(&mut self) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
    }

    /// Takes no more memory than it needs, and returns how much that is, in bytes.
    pub(super) fn give_back(&mut self) -> usize {
        self.forget();
        self.buffer.shrink_to_fit();
        self.bytes()
    }

    /// The next whole lines, or nothing when the next line's end is still to come.
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

    /// The memory that this takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// The beginning of the line whose end is still to come. At the end of the file, that is the last line,
    /// unless it is empty.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splits `file` as it comes in pieces of `size` bytes, and checks that nothing is lost.
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
    fn lines_do_not_depend_on_how_the_file_comes_in() {
        let table: [(&[u8], &[&[u8]]); 7] = [
            (b"", &[]),
            (b"\n", &[b"\n"]),
            (b"a", &[b"a"]),
            (b"a\nb\n", &[b"a\n", b"b\n"]),
            (b"a\r\nb", &[b"a\r\n", b"b"]),
            (b"\n\n\nx\0\xff\n", &[b"\n", b"\n", b"\n", b"x\0\xff\n"]),
            (b"no end", &[b"no end"]),
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
