//! Sheets that an editor, a spreadsheet or a mail program has saved again: not to be trusted as
//! they are, and not forged either.

use csv::{ReaderBuilder, StringRecord};
use data_encoding::HEXLOWER_PERMISSIVE;

use super::{
    CSV_HEADING, InvalidSheet, MISMATCH, OTHER_RESTORE, SheetFlaw, SheetLine, TallySheet, changed,
    marked, unreadable,
};
use crate::election::restored::Restored;
use crate::election::{ElectionId, Nonce, Receipt};

const OTHER_SEPARATORS: &str = "other separators";

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// The separators that programs write.
pub(super) const SEPARATORS: [u8; 4] = *b",;\t|";

/// Where the ballots of a sheet in CSV are.
struct Form {
    /// The bytes before the heading.
    before: usize,
    separator: u8,
    /// The columns of [`CSV_HEADING`].
    columns: [usize; 4],
}

/// The error for a text that is not a sheet in its exact form: whether every ballot on it fits its
/// receipt all the same. `exact` is the error of reading it as it is.
pub(super) fn error(text: &str, exact: InvalidSheet) -> InvalidSheet {
    let plain = plain(text);
    if marked::is_marked(&plain) {
        return match marked::in_other_form(&plain) {
            Ok(separator) => saved_again(text, &[(separator != b',', OTHER_SEPARATORS)]),
            Err(error) => error,
        };
    }
    if plain.starts_with('{') {
        return match TallySheet::read_json(&plain, &mut |_, _| {}) {
            Ok(_) => saved_again(text, &[]),
            Err(error) => error,
        };
    }
    let Some(form) = Form::find(&plain) else {
        return InvalidSheet { flaw: SheetFlaw::Unreadable, ..exact };
    };
    match in_order(&plain, &form) {
        Ok(in_order) => {
            let more = [
                (form.separator != b',', OTHER_SEPARATORS),
                (form.columns != [0, 1, 2, 3], "other columns"),
                (!in_order, "the ballots in another order"),
            ];
            saved_again(text, &more)
        }
        Err(error) => error,
    }
}

/// The text without what programs put around it and at the ends of its lines.
fn plain(text: &str) -> String {
    let around = [BYTE_ORDER_MARK, ' ', '\t', '\r', '\n', '\0', '\u{1A}'];
    text.trim_matches(around).replace("\r\n", "\n").replace('\r', "\n") + "\n"
}

/// The error for a sheet whose ballots all fit their receipts.
fn saved_again(text: &str, more: &[(bool, &str)]) -> InvalidSheet {
    let found = [
        (text.starts_with(BYTE_ORDER_MARK), "a byte order mark"),
        (text.contains('\r'), "line ends of another system"),
        (text.contains("\n\n") || text.starts_with('\n'), "an empty line"),
        (!text.ends_with('\n'), "a last line without its end"),
    ];
    let found: Vec<_> = found.iter().chain(more).filter(|(is, _)| *is).map(|it| it.1).collect();
    let found = match found[..] {
        [] => "other separators, quotes or blanks".to_string(),
        _ => found.join(", "),
    };
    let what = format!(
        "it is not written in the exact form of a sheet: every ballot on it fits its receipt, but \
         a program has saved it again, with {found}"
    );
    InvalidSheet { line: 0, what, flaw: SheetFlaw::Rewritten }
}

impl Form {
    /// Finds the heading: the first line that has the names of all columns.
    fn find(text: &str) -> Option<Self> {
        let mut before = 0;
        for line in text.split_inclusive('\n') {
            for separator in SEPARATORS {
                let fields = line.split(char::from(separator));
                let fields: Vec<_> =
                    fields.map(|it| it.trim().trim_matches('"').to_ascii_lowercase()).collect();
                let columns = CSV_HEADING.map(|name| fields.iter().position(|it| it == name));
                if let [Some(a), Some(b), Some(c), Some(d)] = columns {
                    return Some(Self { before, separator, columns: [a, b, c, d] });
                }
            }
            before += line.len();
        }
        None
    }
}

/// Whether the ballots are in the order of their receipts. It is an error if one does not fit its
/// receipt, or if the line about a restore was changed.
fn in_order(text: &str, form: &Form) -> Result<bool, InvalidSheet> {
    let (head, rows) = text.split_at_checked(form.before).unwrap_or(("", text));
    let lines_before = head.lines().count() as u64;
    let restore = head.lines().find(|line| line.trim_start_matches('"').starts_with('#'));
    let restore = restore.map(|line| line.trim_matches(['"', ',', ';', '\t', '|', ' ']));
    let mut builder = ReaderBuilder::new();
    let mut reader = builder.delimiter(form.separator).flexible(true).from_reader(rows.as_bytes());
    let (mut in_order, mut election, mut last) = (true, None, None);
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(0, &error.to_string()))?;
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let line = lines_before + record.position().map_or(0, csv::Position::line);
        let line = usize::try_from(line).unwrap_or_default();
        let no_ballot = || unreadable(line, "there is no ballot in it");
        let (id, receipt, fits) = ballot(&record, form).ok_or_else(no_ballot)?;
        if !fits || *election.get_or_insert_with(|| id.clone()) != id {
            return Err(changed(line, MISMATCH));
        }
        in_order &= last.is_none_or(|last| last <= receipt);
        last = Some(receipt);
    }
    let id = election.as_ref().map_or("", ElectionId::as_str);
    let as_written = |line| Some(Restored::read_csv_line(line)?.csv_line(id).trim_end() == line);
    match restore {
        Some(line) if as_written(line) != Some(true) => Err(changed(1, OTHER_RESTORE)),
        _ => Ok(in_order),
    }
}

/// The ballot in a row, and whether it fits its receipt.
fn ballot(record: &StringRecord, form: &Form) -> Option<(ElectionId, Receipt, bool)> {
    let [id, candidate, nonce, receipt] = form.columns.map(|column| record.get(column));
    let id: ElectionId = id?.trim().parse().ok()?;
    let nonce = HEXLOWER_PERMISSIVE.decode(nonce?.trim().as_bytes()).ok()?;
    let nonce = Nonce::try_from(&nonce[..]).ok()?;
    let receipt: Receipt = receipt?.parse().ok()?;
    let fits = |name: &str| SheetLine::new(&id, name.to_string(), nonce).receipt == receipt;
    let candidate = candidate?;
    // Quotes after a blank are not those of CSV.
    let unquoted = candidate.trim().trim_matches('"').replace("\"\"", "\"");
    let fits = fits(candidate) || fits(candidate.trim()) || fits(&unquoted);
    Some((id, receipt, fits))
}
