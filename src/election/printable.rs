//! Escaping untrusted text for display.

/// Escapes control characters, line and paragraph separators, and characters that change the
/// direction of text.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if must_escape(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn must_escape(character: char) -> bool {
    let separates = matches!(character, '\u{2028}' | '\u{2029}');
    let directs = matches!(
        character,
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || separates || directs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_separator_and_direction_characters_are_escaped() {
        assert_eq!(printable("Zoë 李四 🗳️ \"quoted\""), "Zoë 李四 🗳️ \"quoted\"");
        assert_eq!(printable("a\n\u{1b}[2J\u{202E}b\u{2028}"), "a\\n\\u{1b}[2J\\u{202e}b\\u{2028}");
    }
}
