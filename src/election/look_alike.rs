//! Names that voters would take for one another.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

use super::typed::is_invisible;
use super::{InvalidSlate, Slate, printable};

/// The marks that show the letters after them from right to left, or from left to right, whatever
/// their script: with them, another name is shown as "Ada".
const OVERRIDES: [char; 2] = ['\u{202D}', '\u{202E}'];

impl Slate {
    /// Checks that voters can tell the candidates apart. This is for a slate that is to be created:
    /// a ledger may have others from before there was this check.
    ///
    /// # Errors
    /// [`InvalidSlate::ShowsNothing`], [`InvalidSlate::TurnsText`] or [`InvalidSlate::LookAlike`].
    pub fn check_looks(&self) -> Result<(), InvalidSlate> {
        let mut looks = HashMap::with_capacity(self.names().len());
        for (name, place) in self.names().iter().zip(1..) {
            if name.contains(OVERRIDES) {
                return Err(InvalidSlate::TurnsText(place));
            }
            let look = look(name);
            if look.is_empty() {
                return Err(InvalidSlate::ShowsNothing(place));
            }
            if let Some((other, first)) = looks.insert(look, (name, place)) {
                return Err(InvalidSlate::LookAlike {
                    first,
                    second: place,
                    names: format!("\"{}\" and \"{}\"", printable(other), printable(name)),
                    difference: difference(other, name),
                });
            }
        }
        Ok(())
    }
}

/// What a voter sees of a name: its skeleton, as in Unicode Technical Standard 39, without blanks
/// around it and with one blank for several.
fn look(name: &str) -> String {
    one_blank(&skeleton(name).collect::<String>())
}

/// A text as people read it: composed (NFC), without characters that nobody sees, without blanks
/// around it and with one blank for several. Texts that are the same in this form are the same to
/// whoever types them.
pub fn same_text(text: &str) -> String {
    one_blank(&text.chars().filter(|&it| !is_invisible(it)).nfc().collect::<String>())
}

fn one_blank(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// In what two names differ that look alike.
fn difference(first: &str, second: &str) -> String {
    let (first, second): (String, String) = (first.nfc().collect(), second.nfc().collect());
    if first == second {
        return "only in how their accents are stored (NFC or NFD)".into();
    }
    let visible = |name: &str| name.chars().filter(|&it| !is_invisible(it)).collect::<String>();
    if visible(&first) == visible(&second) {
        let all = || first.chars().chain(second.chars());
        let hidden = all().find(|&it| is_invisible(it)).map_or(0, u32::from);
        return format!("only in characters that nobody sees, such as U+{hidden:04X}");
    }
    if same_text(&first) == same_text(&second) {
        return "only in their blanks".into();
    }
    let (first, second) = (same_text(&first), same_text(&second));
    let mut pairs =
        first.chars().map(Some).chain([None]).zip(second.chars().map(Some).chain([None]));
    let code =
        |it: Option<char>| it.map_or("the end".into(), |it| format!("U+{:04X}", u32::from(it)));
    match pairs.find(|(a, b)| a != b) {
        Some((a, b)) => format!("in {} and {}", code(a), code(b)),
        None => "in characters that look the same".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&str]) -> Result<(), String> {
        let slate = Slate::new(names.iter().map(|name| name.to_string()).collect()).unwrap();
        slate.check_looks().map_err(|error| error.to_string())
    }

    #[test]
    fn names_that_look_alike_are_refused_with_their_difference() {
        for (names, says) in [
            (["José", "Jose\u{301}"], "NFC or NFD"),
            (["Ada", "A\u{200B}da"], "nobody sees, such as U+200B"),
            (["Ada", "Ad\u{AD}a"], "U+00AD"),
            (["Ada", "Ada\u{FE0F}"], "U+FE0F"),
            (["Ada", "\u{202A}Ada"], "U+202A"),
            (["Ada", "\u{410}da"], "in U+0041 and U+0410"),
            (["Ada", "Ad\u{251}"], "in U+0061 and U+0251"),
            (["Ada", "Ａda"], "in U+0041 and U+FF21"),
            (["Ada", "Ada "], "only in their blanks"),
            (["Ada", "\tAda"], "only in their blanks"),
            (["Ada L", "Ada  L"], "only in their blanks"),
            (["Ada L", "Ada\u{A0}L"], "only in their blanks"),
            (["List I", "List l"], "in U+0049 and U+006C"),
            (["List 10", "List 1O"], "in U+0030 and U+004F"),
            (["Bernd", "Bemd"], "in U+0072 and U+006D"),
        ] {
            let why = check(&["Grace", names[0], names[1]]).unwrap_err();
            assert!(why.starts_with("candidates 2 and 3 look alike: "), "{why}");
            assert!(why.contains(says), "{names:?}: {why}");
            assert!(!why.contains(['\u{200B}', '\u{202A}', '\u{AD}']), "{why}");
        }
    }

    #[test]
    fn a_name_that_shows_nothing_is_refused() {
        for name in [" ", "\u{200B}", "\u{A0}\u{2060}", "\t\n"] {
            let why = check(&["Ada", name]).unwrap_err();
            assert!(why.starts_with("candidate 2 has a name that shows nothing"), "{why}");
        }
    }

    #[test]
    fn a_name_that_turns_text_around_is_refused() {
        for name in ["\u{202E}adA", "Ada \u{202D}L"] {
            let why = check(&["Grace", name]).unwrap_err();
            assert!(why.starts_with("candidate 2 has a name with a hidden character"), "{why}");
        }
    }

    #[test]
    fn names_that_people_tell_apart_are_accepted() {
        for names in [
            &["Ada", "ada", "ADA", "Adam"][..],
            &["José", "Jose", "Josè"],
            &["Müller", "Muller", "Mueller"],
            &["李四", "李三", "王五"],
            &["Yes", "No", "List 1", "List 2", "List 11"],
            &["می‌خواهم", "Ελένη", "Ольга"],
            &["👩‍💻", "👨‍💻"],
            &[" Ada"],
        ] {
            assert_eq!(check(names), Ok(()), "{names:?}");
        }
    }

    #[test]
    fn texts_are_the_same_to_whoever_types_them() {
        for text in ["José L", "Jose\u{301} L", " José\u{A0} L", "Jo\u{200B}sé L\u{FEFF}"] {
            assert_eq!(same_text(text), "José L");
        }
        assert_ne!(same_text("Jose"), same_text("José"));
    }
}
