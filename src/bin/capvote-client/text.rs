//! Texts in files, in the encodings that editors, spreadsheets and mail programs save them in.

use capvote::election::is_invisible;

/// Whether a text shows nothing.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|it| it.is_whitespace() || is_invisible(it))
}

/// The text of a file in UTF-8 or UTF-16, without its byte order mark. `None` if it is in neither.
pub(crate) fn decode(bytes: Vec<u8>) -> Option<String> {
    let text = match utf16(&bytes) {
        Some(units) => String::from_utf16(&units).ok()?,
        None => String::from_utf8(bytes).ok()?,
    };
    Some(text.strip_prefix('\u{FEFF}').map(str::to_string).unwrap_or(text))
}

/// The units of a text in UTF-16, if it begins as one: with a byte order mark, or with a character
/// of ASCII.
pub(crate) fn utf16(bytes: &[u8]) -> Option<Vec<u16>> {
    let read = match bytes {
        [0xFF, 0xFE, ..] => u16::from_le_bytes,
        [0xFE, 0xFF, ..] => u16::from_be_bytes,
        [1..=0x7F, 0, ..] => u16::from_le_bytes,
        [0, 1..=0x7F, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    Some(units.iter().map(|&unit| read(unit)).collect())
}

/// The text of a CSV file, with its byte order mark.
///
/// # Errors
/// Why it is none, and the way out.
pub(crate) fn of_table(bytes: Vec<u8>) -> Result<String, String> {
    if let Some(what) = other_kind(&bytes) {
        return Err(format!("{what}; {SAVE}"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to());
        let line = line_of(valid.unwrap_or_default());
        format!("line {line} is not in UTF-8, and perhaps in Windows-1252; {SAVE}")
    })?;
    let strange = text.char_indices().find(|(_, it)| it.is_ascii_control() && !it.is_whitespace());
    if let Some((at, character)) = strange {
        let line = line_of(text.as_bytes().get(..at).unwrap_or_default());
        let code = u32::from(character);
        return Err(format!("line {line} has U+{code:04X}, which no text has; {SAVE}"));
    }
    Ok(text)
}

const SAVE: &str = "save it as \"CSV UTF-8\" in Excel, or as \"Text CSV\" with the character set \
                    Unicode (UTF-8) in LibreOffice";

/// The beginnings of files that are no tables, and what they are.
const SIGNATURES: [(&[u8], &str); 16] = [
    (b"PK\x03\x04", "a spreadsheet"),
    (b"PK\x05\x06", "a spreadsheet"),
    (b"\xD0\xCF\x11\xE0", "a spreadsheet"),
    (b"\x1F\x8B", "a compressed file"),
    (b"BZh91AY&", "a compressed file"),
    (b"\xFD7zXZ", "a compressed file"),
    (b"7z\xBC\xAF", "a compressed file"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a text in RTF"),
    (b"BEGIN:VC", "a vCard or a calendar"),
    (b"<!", "a web page or XML"),
    (b"<?", "a web page or XML"),
    (b"<html", "a web page or XML"),
    (b"<table", "a web page or XML"),
    (b"[{", "JSON"),
    (b"{\"", "JSON"),
];

/// What a file is that is no text in UTF-8, or no table.
fn other_kind(bytes: &[u8]) -> Option<String> {
    let starts = |start: &[u8]| bytes.starts_with(start);
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let dense: Vec<_> =
        text.iter().copied().filter(|it| !it.is_ascii_whitespace()).take(8).collect();
    let begins = |&&(start, _): &&(&[u8], &str)| {
        dense.get(..start.len()).is_some_and(|dense| dense.eq_ignore_ascii_case(start))
    };
    if let Some((_, what)) = SIGNATURES.iter().find(begins) {
        return Some(format!("it is {what} and not a CSV file"));
    }
    let nul =
        |step: usize, at: usize| bytes.iter().skip(at).step_by(step).filter(|&&it| it == 0).count();
    let all = nul(1, 0);
    let wide = bytes.len() / 4;
    let is_wide = all > 0
        && bytes.len().is_multiple_of(4)
        && [[0, 1], [2, 3]].iter().any(|places| places.iter().all(|&at| nul(4, at) == wide));
    if is_wide || starts(b"\xFF\xFE\0\0") || starts(b"\0\0\xFE\xFF") {
        return Some("it is in UTF-32 and not in UTF-8".into());
    }
    // The line ends of every text in UTF-16 have zeros, all on one side.
    let in_pairs = all > 0 && bytes.len().is_multiple_of(2) && nul(2, 0).max(nul(2, 1)) == all;
    if in_pairs || utf16(bytes).is_some() || starts(b"\xFF\xFE") || starts(b"\xFE\xFF") {
        return Some("it is in UTF-16 and not in UTF-8".into());
    }
    (all > 0).then(|| "it is no text, as it has zero bytes".into())
}

/// The line that begins or goes on after these bytes, from 1.
fn line_of(before: &[u8]) -> usize {
    let ends = before.iter().filter(|&&byte| byte == b'\n').count();
    let lone = |pair: &&[u8]| matches!(pair, [b'\r', after] if *after != b'\n');
    1 + ends + before.windows(2).filter(lone).count() + usize::from(before.ends_with(b"\r"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16_of(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn texts_are_read_in_utf_8_and_utf_16() {
        for bytes in [
            b"cap\n".to_vec(),
            b"\xEF\xBB\xBFcap\n".to_vec(),
            utf16_of("cap\n", u16::to_le_bytes),
            utf16_of("cap\n", u16::to_be_bytes),
            utf16_of("\u{FEFF}cap\n", u16::to_le_bytes),
            utf16_of("\u{FEFF}cap\n", u16::to_be_bytes),
        ] {
            assert_eq!(decode(bytes.clone()).as_deref(), Some("cap\n"), "{bytes:?}");
        }
        for bytes in [&b"Jos\xE9"[..], b"\xFF\xFEa", b"\xFF\xFE\x00\xD8"] {
            assert_eq!(decode(bytes.to_vec()), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_table_in_another_encoding_is_refused_with_the_way_out() {
        for (bytes, why) in [
            (b"name\nAnn\nJos\xE9\n".to_vec(), "line 3 is not in UTF-8, and perhaps in Windows"),
            (utf16_of("\u{FEFF}name\nAnn", u16::to_le_bytes), "it is in UTF-16"),
            (utf16_of("name\nAnn", u16::to_be_bytes), "it is in UTF-16"),
            (utf16_of("Имя\nАня\n", u16::to_le_bytes), "it is in UTF-16"),
            (utf16_of("Ä\nAnn\n", u16::to_be_bytes), "it is in UTF-16"),
            (
                "Ä\nAnn\n".chars().flat_map(|it| u32::from(it).to_le_bytes()).collect(),
                "it is in UTF-32",
            ),
            (b"\xFF\xFE\0\0a\0\0\0".to_vec(), "it is in UTF-32"),
            (b"name\rAnn\rJos\xE9\r".to_vec(), "line 3 is not in UTF-8"),
            (b"\x1F\x8B\x08\0".to_vec(), "it is a compressed file"),
            (b"name\nA\0nn\0\n".to_vec(), "it is no text, as it has zero bytes"),
            (b"name\r\nAnn\r\n\x1A".to_vec(), "line 3 has U+001A"),
            (b"name\n\x1B$B4A\n".to_vec(), "line 2 has U+001B"),
            (b"%PDF-1.7\n".to_vec(), "it is a PDF"),
            (b"{\\rtf1 Ann}".to_vec(), "it is a text in RTF"),
            (b"BEGIN:VCARD\nFN:Ann\n".to_vec(), "it is a vCard"),
            (b"\xEF\xBB\xBF\n <!DOCTYPE html>\n".to_vec(), "it is a web page or XML"),
            (b"<?xml version=\"1.0\"?>\n".to_vec(), "it is a web page or XML"),
            (b"[\n  {\"name\": \"Ann\"}]".to_vec(), "it is JSON"),
            (b"PK\x03\x04...".to_vec(), "it is a spreadsheet"),
            (b"\xD0\xCF\x11\xE0...".to_vec(), "it is a spreadsheet"),
        ] {
            let error = of_table(bytes).unwrap_err();
            assert!(
                error.starts_with(why) && error.contains("save it as \"CSV UTF-8\""),
                "{error}"
            );
        }
        let text = "\u{FEFF}name\nJosé\x0BL\n";
        assert_eq!(of_table(text.as_bytes().to_vec()).as_deref(), Ok(text));
    }
}
