//! Text of strangers, made fit to be shown.

/// The text with everything escaped that could break a line, reach into a terminal, or make text run the
/// other way.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if is_mischief(character) {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

fn is_mischief(character: char) -> bool {
    let separates = matches!(character, '\u{2028}' | '\u{2029}');
    let directs = matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    character.is_control() || separates || directs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mischief_is_escaped_and_nothing_else() {
        assert_eq!(printable("Zoë 李四 🗳️ \"quoted\""), "Zoë 李四 🗳️ \"quoted\"");
        assert_eq!(printable("a\n\u{1b}[2J\u{202E}b\u{2028}"), "a\\n\\u{1b}[2J\\u{202e}b\\u{2028}");
    }
}
