//! What somebody may have meant who wrote a name that is not there.

/// How like a name has to be to be meant: as in the names of commands.
const ALIKE_ENOUGH: f64 = 0.7;

/// "`before`id you mean ...?", where one of the names is like what was written, and nothing where none is: `before` is
/// "; d" or " D".
pub(crate) fn did_you_mean<'a>(
    before: &str,
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> String {
    let alike = |name: &str| {
        let (written, name) = (written.to_lowercase(), name.to_lowercase());
        // Whoever leaves out a part of a name gets the rest right.
        let part = name.split_whitespace().any(|part| part == written);
        if part { 1.0 } else { strsim::jaro(&written, &name) }
    };
    let scored = names.into_iter().map(|name| (alike(name), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match best {
        Some((score, name)) if score > ALIKE_ENOUGH && !written.is_empty() => {
            format!("{before}id you mean \"{}\"?", capvote::election::printable(name))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant_if_any() {
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
