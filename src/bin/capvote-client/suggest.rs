//! Names as they are typed: found where they are the same to the eye, and suggested where they are
//! similar.

use capvote::election::same_text;

/// The least Jaro similarity of a suggestion: the value that clap has for commands.
const SIMILARITY_MIN: f64 = 0.7;

/// The one name that is the same text as the written one, but for how it is stored: composed or
/// decomposed, with other blanks, or with characters that nobody sees.
pub(crate) fn same_name<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let text = same_text(written);
    let mut same = names.into_iter().filter(|name| !text.is_empty() && same_text(name) == text);
    let name = same.next()?;
    same.next().is_none().then_some(name)
}

/// "`before`id you mean ...?" with the most similar of the names, or an empty text if none is
/// similar. `before` is "; d" or " D".
pub(crate) fn did_you_mean<'a>(
    before: &str,
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    let similarity = |name: &str| {
        let (written, name) = (written.to_lowercase(), name.to_lowercase());
        // A whole part of a name is a match.
        let part = name.split_whitespace().any(|part| part == written);
        if part { 1.0 } else { strsim::jaro(&written, &name) }
    };
    let scored = names.into_iter().map(|name| (similarity(name), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match best {
        Some((score, name)) if score > SIMILARITY_MIN && !written.is_empty() => {
            format!("{before}id you mean \"{}\"?", name)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_stored() {
        let slate = ["Jos\u{e9} L", "Ada", "Ada\u{200B}", " Eve"];
        for (written, found) in [
            ("Jose\u{301} L", Some("Jos\u{e9} L")),
            ("Jos\u{e9}\u{a0}L ", Some("Jos\u{e9} L")),
            ("\u{FEFF}Jo\u{AD}s\u{e9} L", Some("Jos\u{e9} L")),
            ("Eve", Some(" Eve")),
            ("Jose L", None),
            ("jos\u{e9} l", None),
            ("Ad\u{200B}a", None),
            ("", None),
            ("\u{200B}", None),
        ] {
            assert_eq!(same_name(written, slate), found, "{written:?}");
        }
    }

    #[test]
    fn the_most_similar_name_is_suggested() {
        let slate = ["Ada Lovelace", "Grace Hopper", "Edsger Dijkstra"];
        for (written, meant) in [
            ("Ada Lovelaze", "; did you mean \"Ada Lovelace\"?"),
            ("lovelace", "; did you mean \"Ada Lovelace\"?"),
            ("grace hopper", "; did you mean \"Grace Hopper\"?"),
            ("Edsgar Dykstra", "; did you mean \"Edsger Dijkstra\"?"),
            ("Zoë", ""),
            ("", ""),
        ] {
            assert_eq!(did_you_mean("; d", written, slate), meant, "{written}");
        }
    }
}
