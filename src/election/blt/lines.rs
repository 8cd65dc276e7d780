//! The lines of a BLT file, without comments, and what is on them.

use super::InvalidBlt;

/// The lines that say something, with their numbers from 1.
pub(super) struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    /// The rest of the line under way.
    rest: &'a str,
    /// The number of the line under way.
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        // Programs of DOS end a text with this character.
        let text = text.trim_end().strip_suffix('\u{1A}').unwrap_or(text);
        Self { lines: text.lines().enumerate(), rest: "", number: 0 }
    }

    /// The next word, which ends before a blank or a quote.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        self.find_text()?;
        let end = self.rest.find(|it: char| it.is_whitespace() || it == '#').unwrap_or_default();
        let (word, rest) = match end {
            0 => (self.rest, ""),
            end => self.rest.split_at_checked(end)?,
        };
        self.rest = rest;
        Some(word)
    }

    /// The next name: in quotes, or all of a line.
    pub(super) fn name(&mut self) -> Option<Result<String, InvalidBlt>> {
        self.find_text()?;
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let name = std::mem::take(&mut self.rest).trim_end();
            if name.contains('#') {
                let what = "a name with \"#\" behind it or in it is not in quotes: put it in quotes, \
                            and a comment behind these";
                return Some(Err(self.error(what.into())));
            }
            return Some(Ok(name.to_owned()));
        };
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let Some((part, after)) = rest.split_once('"') else {
                return Some(Err(self.error("a quote is not closed on its line".into())));
            };
            name.push_str(part);
            match after.strip_prefix('"') {
                Some(after) => {
                    name.push('"');
                    rest = after;
                }
                None => {
                    self.rest = after;
                    return Some(Ok(name));
                }
            }
        }
    }

    /// The rest, from the next text that is no blank and no comment up to the end of its line.
    pub(super) fn rest(&mut self) -> Option<&'a str> {
        self.find_text()?;
        Some(self.rest)
    }

    /// The number of the line under way, from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn error(&self, what: String) -> InvalidBlt {
        InvalidBlt { line: self.number.max(1), what }
    }

    /// Goes to the next text that is no blank and no comment.
    fn find_text(&mut self) -> Option<()> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.is_empty() && !self.rest.starts_with('#') {
                return Some(());
            }
            let (index, line) = self.lines.next()?;
            (self.rest, self.number) = (line, index + 1);
        }
    }
}
