//! Writing a BLT file.

use std::fmt::Write;

use super::super::{Choice, Slate, printable};
use super::Blt;

impl Blt {
    /// The file of an election with these ballots: how many are equal, and their names by rank.
    ///
    /// Names and the title are written as they can be shown, so that each is one line.
    pub fn write(
        slate: &Slate,
        seats: u16,
        title: &str,
        ballots: impl Iterator<Item = (u64, Vec<Vec<Choice>>)>,
    ) -> String {
        let mut text = format!("{} {seats}\n", slate.names().len());
        for (number, ranks) in ballots {
            // Writing to a string cannot fail.
            let _ = write!(text, "{number} ");
            for rank in &ranks {
                for (place, name) in rank.iter().enumerate() {
                    let equals = if place > 0 { "=" } else { "" };
                    let _ = write!(text, "{equals}{}", name.index() + 1);
                }
                text.push(' ');
            }
            text.push_str("0\n");
        }
        text.push_str("0\n");
        for name in slate.names().iter().map(String::as_str).chain([title]) {
            let _ = writeln!(text, "\"{}\"", printable(name).replace('"', "\"\""));
        }
        text
    }
}
