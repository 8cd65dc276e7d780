//! What people type and paste: digits of any script, hyphens of any kind, and characters that
//! nobody sees, as PDFs, word processors and messengers give them.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::printable::is_ignorable;

/// The pairs of marks that programs and people put around a text.
const QUOTES: [(char, &str); 17] = [
    ('"', "\""),
    ('\'', "'"),
    ('`', "`"),
    ('*', "*"),
    ('_', "_"),
    ('<', ">"),
    ('(', ")"),
    ('[', "]"),
    ('“', "”“"),
    ('”', "”"),
    ('„', "“”"),
    ('‘', "’‘"),
    ('’', "’"),
    ('‚', "‘’"),
    ('«', "»"),
    ('»', "«"),
    ('‹', "›"),
];

/// Whether nobody sees a character: a zero-width space, a soft hyphen, a byte order mark, a mark of
/// direction.
pub fn is_invisible(character: char) -> bool {
    !character.is_ascii()
        && (is_ignorable(character) || character.general_category() == GeneralCategory::Format)
}

/// Whether a character may be between the groups of a voter number or a receipt, and means nothing:
/// white space, a hyphen or a dash, or what nobody sees.
pub fn is_separator(character: char) -> bool {
    // A minus, a bullet, and what the key of the hyphen gives with Japanese input.
    matches!(character, '-' | '\u{2212}' | '\u{2043}' | '\u{30FC}')
        || character.is_whitespace()
        || is_invisible(character)
        || character.general_category() == GeneralCategory::DashPunctuation
}

/// The text without white space, quotes, angle brackets and other marks around it.
pub fn unquoted(text: &str) -> &str {
    let mut text = text.trim_matches(is_blank);
    while let Some((rest, closing)) =
        QUOTES.iter().find_map(|(opening, closing)| Some((text.strip_prefix(*opening)?, *closing)))
    {
        let inside = rest.rsplit_once(|it| closing.contains(it)).map_or(rest, |(inside, _)| inside);
        text = inside.trim_matches(is_blank);
    }
    text
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() || is_invisible(character)
}

/// The decimal digits in a text, of whatever script, in ASCII, and whether there are characters
/// other than digits and separators. Quotes around the text and the end of a sentence are neither.
pub fn typed_digits(text: &str) -> (String, bool) {
    let mut digits = String::new();
    let mut others = false;
    for character in unquoted(text).trim_end_matches(['.', ',', ';']).chars() {
        match decimal_digit(character) {
            Some(digit) => digits.push(digit),
            None => others |= !is_separator(character),
        }
    }
    (digits, others)
}

/// The character of ASCII that a digit of any script or a full-width letter stands for.
pub(super) fn plain_character(character: char) -> char {
    const WIDE: u32 = 0xFEE0;
    match character {
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
            char::from_u32(u32::from(character) - WIDE).unwrap_or(character)
        }
        other => decimal_digit(other).unwrap_or(other),
    }
}

fn decimal_digit(character: char) -> Option<char> {
    if character.is_ascii() {
        return Some(character).filter(char::is_ascii_digit);
    }
    let is_digit = |it: &char| it.general_category() == GeneralCategory::DecimalNumber;
    if !is_digit(&character) {
        return None;
    }
    // Unicode has the ten digits of each script in a row, from zero.
    let before = (0..u32::from(character)).rev().map_while(char::from_u32).take_while(is_digit);
    char::from_digit(u32::try_from(before.count() % 10).ok()?, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_every_script_are_ten_in_a_row() {
        let digits: Vec<_> = ('\u{80}'..=char::MAX).filter_map(decimal_digit).collect();
        assert!(digits.len() > 500, "{}", digits.len());
        for ten in digits.chunks(10) {
            assert_eq!(ten.iter().collect::<String>(), "0123456789");
        }
        for (digit, value) in [('٧', '7'), ('۷', '7'), ('७', '7'), ('７', '7'), ('𝟟', '7')]
        {
            assert_eq!(decimal_digit(digit), Some(value));
        }
    }

    #[test]
    fn marks_around_a_text_are_not_of_it() {
        for text in [
            "(a b)",
            "[a b].",
            "_a b_",
            "a b",
            " \"a b\"\n",
            "<a b>,",
            "„a b“.",
            "»a b«",
            "\u{FEFF}“<a b>”",
            "`a b`",
            "'a b",
        ] {
            assert_eq!(unquoted(text), "a b", "{text:?}");
        }
        assert_eq!(unquoted("\"\"\""), "");
        assert_eq!(unquoted("Ann's"), "Ann's");
    }
}
