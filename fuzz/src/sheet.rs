//! Tally sheets: one that parses is written back byte for byte.

use capvote::election::TallySheet;

pub(crate) fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(sheet) = TallySheet::read(text) else { return };
    let again = if text.starts_with('{') { sheet.to_json() } else { sheet.to_csv() };
    assert_eq!(again, text);
    let counted: u64 = sheet.recount().values().sum();
    assert_eq!(counted, sheet.lines.len() as u64);
    assert!(sheet.repeated() <= sheet.lines.len());
    for line in sheet.lines.iter().take(3) {
        assert!(sheet.find(&line.receipt.to_string()).is_some());
    }
}
