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
    const SAVE: &str = "save it as \"CSV UTF-8\" in Excel, or as \"Text CSV\" with the character \
                        set Unicode (UTF-8) in LibreOffice";
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        return Err(format!("it is a spreadsheet and not a CSV file; {SAVE}"));
    }
    if utf16(&bytes).is_some() || bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(format!("it is in UTF-16 and not in UTF-8; {SAVE}"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = 1 + valid.filter(|&&byte| byte == b'\n').count();
        format!("line {line} is not in UTF-8, and perhaps in Windows-1252; {SAVE}")
    })
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
            (b"PK\x03\x04...".to_vec(), "it is a spreadsheet"),
            (b"\xD0\xCF\x11\xE0...".to_vec(), "it is a spreadsheet"),
        ] {
            let error = of_table(bytes).unwrap_err();
            assert!(
                error.starts_with(why) && error.contains("save it as \"CSV UTF-8\""),
                "{error}"
            );
        }
        let text = "\u{FEFF}name\nJosé\n";
        assert_eq!(of_table(text.as_bytes().to_vec()).as_deref(), Ok(text));
    }
}
