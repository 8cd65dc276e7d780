//! Errors of the command line, with what to write instead.

use std::borrow::Cow;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

/// An error of the command line `words` in one line, with a hint.
pub(super) fn with_hint(
    error: &clap::Error,
    words: &[OsString],
    command: &Command,
    subcommand: Option<&str>,
) -> String {
    let (what, tip) = parts(error);
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let hint = unexpected(error).and_then(|extra| {
        let subcommand = subcommand.and_then(|name| command.find_subcommand(name));
        let quoting = || quoting_hint(extra, &words, subcommand?.get_name());
        let hyphen = || hyphen_hint(extra, &words, command, subcommand);
        separator_hint(extra, &words).or_else(hyphen).or_else(quoting)
    });
    match hint.or(tip) {
        Some(hint) => format!("{what}; {hint}"),
        None => what,
    }
}

/// As clap tells it, in one line: without the usage, which `--help` shows, and with clap's tip.
pub fn told(error: &clap::Error) -> String {
    match parts(error) {
        (what, Some(tip)) => format!("{what}; {tip}"),
        (what, None) => what,
    }
}

/// What is wrong, and clap's tip.
fn parts(error: &clap::Error) -> (String, Option<String>) {
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_string()
    });
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what).to_string();
    (what, paragraphs.find_map(|paragraph| Some(paragraph.strip_prefix("tip: ")?.to_string())))
}

/// The argument that has no place, if that is the error. Of `-xyz` it may be `-x`.
fn unexpected(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(extra)) if error.kind() == ErrorKind::UnknownArgument => {
            Some(extra)
        }
        _ => None,
    }
}

/// A hint that options go before `--`.
fn separator_hint(extra: &str, words: &[Cow<'_, str>]) -> Option<String> {
    let mut behind = words.iter().skip_while(|word| *word != "--").skip(1);
    let is_option = extra.starts_with('-') && behind.any(|word| word == extra);
    is_option.then(|| "options go before \"--\", and names behind it".into())
}

/// How to write a value that begins with a hyphen. clap's tip is about the last argument only.
fn hyphen_hint(
    extra: &str,
    words: &[Cow<'_, str>],
    command: &Command,
    subcommand: Option<&Command>,
) -> Option<String> {
    let mut pairs = words.iter().zip(words.iter().skip(1));
    let (before, word) =
        pairs.find(|(_, word)| word.starts_with(extra) && word.starts_with('-'))?;
    let takes_value = |option: &&Arg| option.get_action().takes_values();
    let options = subcommand.into_iter().chain([command]).flat_map(Command::get_opts);
    let mut options = options.filter(takes_value);
    let option = options
        .find(|option| before.strip_prefix("--").is_some_and(|it| option.get_long() == Some(it)));
    match option {
        // It may be a secret.
        Some(option) if option.is_hide_env_values_set() => {
            Some(format!("a value that begins with \"-\" is written {before}=-..."))
        }
        Some(_) => Some(format!("a value that begins with \"-\" is written {before}=\"{word}\"")),
        None if !word.starts_with("--") && subcommand?.get_positionals().next().is_some() => {
            let name = subcommand?.get_name();
            Some(format!("what begins with \"-\" goes last, behind \"--\": {name} -- \"{word}\""))
        }
        None => None,
    }
}

/// A hint to quote a name, if words of it were taken for extra arguments.
fn quoting_hint(extra: &str, words: &[Cow<'_, str>], command: &str) -> Option<String> {
    let arguments = words.iter().skip_while(|word| *word != command).skip(1);
    let name: Vec<_> =
        arguments.take_while(|word| !word.starts_with('-')).map(|word| &**word).collect();
    name.iter()
        .skip(1)
        .any(|it| *it == extra)
        .then(|| format!("a name with a space needs quotes: {command} \"{}\"", name.join(" ")))
}
