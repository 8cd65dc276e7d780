//! Escaping untrusted text for display.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Escapes what a reader cannot see, or what acts on a terminal: control characters, line and
/// paragraph separators, characters that change the direction of text, and the other characters
/// that Unicode calls default ignorable, such as zero-width spaces, soft hyphens and tags.
///
/// Characters that writing needs stay where they belong: variation selectors and joiners in emoji,
/// and joiners between letters of Arabic and Indic scripts.
pub fn printable(text: &str) -> String {
    as_printable(text).into_owned()
}

/// As [`printable`], without a copy of a text that has nothing to escape.
pub(crate) fn as_printable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.into();
    }
    let mut printable = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut before = None;
    while let Some(character) = characters.next() {
        if is_visible(character) || belongs_between(before, character, characters.peek().copied()) {
            printable.push(character);
        } else {
            printable.extend(character.escape_default());
        }
        before = Some(character);
    }
    printable.into()
}

/// As [`printable`], for a JSON document: its escapes are those of JSON, so that it still means the
/// same.
pub fn printable_json(document: &str) -> String {
    let mut printable = String::with_capacity(document.len());
    for character in document.chars() {
        if is_visible(character) || character == '\n' {
            printable.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                printable.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    printable
}

/// Whether a character shows something of its own, wherever it is.
fn is_visible(character: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Unassigned,
    };

    // Letters and digits are in none of the categories below, and to find a category takes long.
    if character.is_alphanumeric() {
        return !is_ignorable(character);
    }
    let hidden = matches!(
        character.general_category(),
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Unassigned
    );
    !hidden && !is_ignorable(character)
}

/// The characters with the property `Default_Ignorable_Code_Point` (Unicode, chapter 5.21) that are
/// in none of the categories above.
pub(super) fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{034F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0100}'..='\u{E01EF}'
    )
}

/// Whether an invisible character has an effect here that a writer wants.
fn belongs_between(before: Option<char>, character: char, after: Option<char>) -> bool {
    let is_before = |of: fn(char) -> bool| before.is_some_and(of);
    let is_after = |of: fn(char) -> bool| after.is_some_and(of);
    match character {
        '\u{FE0E}' | '\u{FE0F}' => is_before(is_pictograph),
        ZERO_WIDTH_JOINER if is_after(is_pictograph) => {
            is_before(|it| is_pictograph(it) || it == '\u{FE0F}')
        }
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => is_before(may_join) && is_after(may_join),
        _ => false,
    }
}

/// A letter, or a sign on one, of the scripts from Arabic to Sinhala, whose letters join.
fn may_join(character: char) -> bool {
    ('\u{0600}'..='\u{0DFF}').contains(&character) && is_visible(character)
}

/// An emoji that is not also a digit or a sign of ASCII.
fn is_pictograph(character: char) -> bool {
    !character.is_ascii() && character.is_emoji_char()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays() {
        for text in [
            "Zoë 李四 🗳️ \"quoted\"",
            "👩‍💻 and 👨‍👩‍👧‍👦 and ❤️",
            "می‌خواهم",
            "क्‍ष",
            "Müller-Lüdenscheidt; a\u{0301}",
        ] {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        assert_eq!(printable("a\n\u{1b}[2J\u{202E}b\u{2028}"), "a\\n\\u{1b}[2J\\u{202e}b\\u{2028}");
        assert_eq!(printable("\u{9b}2J"), "\\u{9b}2J");
    }

    #[test]
    fn every_character_that_nobody_sees_is_escaped() {
        let ranges = [
            0x00..=0x1F,
            0x7F..=0x9F,
            0xAD..=0xAD,
            0x34F..=0x34F,
            0x61C..=0x61C,
            0x115F..=0x1160,
            0x17B4..=0x17B5,
            0x180B..=0x180F,
            0x200B..=0x200F,
            0x2028..=0x202E,
            0x2060..=0x206F,
            0x3164..=0x3164,
            0xE000..=0xE001,
            0xFE00..=0xFE0F,
            0xFEFF..=0xFEFF,
            0xFFA0..=0xFFA0,
            0xFFF0..=0xFFFB,
            0x1BCA0..=0x1BCA3,
            0x1D173..=0x1D17A,
            0xE0000..=0xE0FFF,
        ];
        for hidden in ranges.into_iter().flatten().filter_map(char::from_u32) {
            let (inside, last) = (format!("a{hidden}b"), format!("a{hidden}"));
            assert!(!printable(&inside).contains(hidden), "{hidden:?}");
            assert!(!printable(&last).contains(hidden), "{hidden:?}");
        }
    }

    #[test]
    fn no_letter_or_digit_is_in_a_hidden_category() {
        use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse};

        for letter in ('\0'..=char::MAX).filter(|it| it.is_alphanumeric()) {
            let category = letter.general_category();
            let hidden = [Control, Format, LineSeparator, ParagraphSeparator, PrivateUse];
            assert!(!hidden.contains(&category), "{letter:?}");
        }
    }

    #[test]
    fn a_json_document_means_the_same() {
        let text = "a\u{1b}\u{9b}\u{202E}\u{200B}\u{E0041}é\n\u{FEFF}";
        let document = serde_json::to_string_pretty(&[text]).unwrap();
        let shown = printable_json(&document);
        assert!(shown.chars().all(|it| it == '\n' || is_visible(it)), "{shown:?}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [text]);
    }
}
