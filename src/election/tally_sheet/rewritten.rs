//! Sheets that an editor, a spreadsheet or a mail program has saved again: not to be trusted as
//! they are, and not forged either.

use super::{CSV_HEADING, InvalidSheet};

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// The text without a byte order mark, line ends of Windows, and blanks and empty lines around it.
/// `None` if it has none of these.
pub(super) fn undone(text: &str) -> Option<String> {
    let plain = text.trim_matches([BYTE_ORDER_MARK, ' ', '\t', '\r', '\n']);
    let plain = plain.replace("\r\n", "\n").replace('\r', "\n");
    let plain = match plain.split_once('\n') {
        Some((first, rest)) if first.to_ascii_lowercase().starts_with("sep=") => rest.to_string(),
        _ => plain,
    } + "\n";
    (plain != text).then_some(plain)
}

/// The separator of a sheet in CSV, by its heading.
pub(super) fn separator(text: &str) -> u8 {
    let heading = text.trim_start_matches(['\r', '\n']).lines().next().unwrap_or_default();
    let heading = heading.replace('"', "");
    let separates =
        |&separator: &u8| heading == CSV_HEADING.join(&*char::from(separator).to_string());
    b";\t".iter().copied().find(separates).unwrap_or(b',')
}

/// The error for a sheet whose ballots all fit their receipts.
pub(super) fn error(text: &str) -> InvalidSheet {
    let found = [
        (text.starts_with(BYTE_ORDER_MARK), "a byte order mark"),
        (text.contains('\r'), "line ends of another system"),
        (text.contains("\n\n") || text.starts_with('\n'), "an empty line"),
        (!text.ends_with('\n'), "a last line without its end"),
    ];
    let found: Vec<_> = found.iter().filter(|(is, _)| *is).map(|(_, what)| *what).collect();
    let found = match found[..] {
        [] => "other separators, quotes or blanks".to_string(),
        _ => found.join(", "),
    };
    let what = format!(
        "it is not written in the exact form of a sheet: every ballot on it fits its receipt, but \
         a program has saved it again, with {found}"
    );
    InvalidSheet { line: 0, what, rewritten: true }
}
