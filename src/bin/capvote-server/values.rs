//! How the values of options are read.

use std::ffi::OsStr;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The names of the levels.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How alike a word is to the level that it may mean.
const ALIKE: f64 = 0.7;

/// Reads a filter of the log. A word that is no level would be taken for a part of the program, and
/// silence the others.
pub(crate) fn log_filter(text: &str) -> Result<EnvFilter, String> {
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    for directive in text.split(',').map(str::trim) {
        if directive.contains(['[', ']', '{', '}']) {
            continue;
        }
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level.trim());
        if !is_level(level) {
            return Err(no_level(level));
        }
    }
    text.trim().parse().map_err(|error| format!("{error}"))
}

fn no_level(word: &str) -> String {
    let similarity = |level: &&str| strsim::jaro_winkler(&word.to_ascii_lowercase(), level);
    let nearest = LEVELS.iter().copied().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let meant = match nearest.filter(|level| similarity(level) > ALIKE) {
        Some(level) => format!("; did you mean {level}?"),
        None => ".".into(),
    };
    format!(
        "{word:?} is no level of the log{meant} The levels are {}; a part of the program can have \
         its own, as in capvote::ledger=debug",
        LEVELS.join(", ")
    )
}

/// Reads a value without the blanks around it.
pub(crate) fn trimmed<T: FromStr>(text: &str) -> Result<T, T::Err> {
    text.trim().parse()
}

/// Reads a value without the blanks around it, by another parser.
#[derive(Clone)]
pub(crate) struct Trimmed<P>(pub(crate) P);

impl<P: TypedValueParser> TypedValueParser for Trimmed<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, Error> {
        let trimmed = value.to_str().map_or(value, |text| OsStr::new(text.trim()));
        self.0.parse_ref(command, option, trimmed)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.0.possible_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_the_log_has_levels() {
        let levels = ["info", "WARN", "off", " debug ", "capvote::ledger=debug"];
        for text in levels.into_iter().chain(["info,capvote::ledger=trace", "[vote]=debug"]) {
            assert!(log_filter(text).is_ok(), "{text}");
        }
        for (text, why) in [
            ("debgu", "\"debgu\" is no level of the log; did you mean debug?"),
            ("warning", "did you mean warn?"),
            ("Warning", "did you mean warn?"),
            ("err", "did you mean error?"),
            ("capvote::ledger", "is no level of the log. The levels are off, error, warn"),
            ("info,capvote=debgu", "did you mean debug?"),
            ("capvote=", "\"\" is no level"),
            ("info,", "\"\" is no level"),
            ("", "\"\" is no level"),
        ] {
            let told = log_filter(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
