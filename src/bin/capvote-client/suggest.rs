//! Suggestions for mistyped names.

/// The least Jaro similarity of a suggestion: the value that clap has for commands.
const SIMILARITY_MIN: f64 = 0.7;

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
