//! The settings in a file. They become words of the command line, those that are said nowhere else, so that
//! they mean what the options of their names mean, and are checked like these.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::ExitCode;

use capvote::command_line::{self, Exit};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};
use toml::{Table, Value};

use crate::PROGRAM;
use crate::arguments::Arguments;

/// What is about this run, and no setting.
const NO_SETTINGS: [&str; 4] = ["config", "print-config", "help", "version"];

/// Reads the command line, and the file that it names. Returns what they say, and the settings in words.
pub(crate) fn read() -> Result<(Arguments, String), ExitCode> {
    let mut words: Vec<_> = std::env::args_os().collect();
    let mut command = Arguments::command();
    // Only then do options know how they are written.
    command.build();
    // What is wrong, and what asks for help, is told of below.
    let said = command.clone().ignore_errors(true).try_get_matches_from(&words);
    let said = said.unwrap_or_default();
    let mut from_file = BTreeSet::new();
    // What needs no server takes no settings.
    let serves = said.subcommand_name().is_none();
    let path = said.try_get_one::<std::path::PathBuf>("config").ok().flatten();
    if let Some(path) = path.filter(|_| serves) {
        let wrong = |why: String| {
            let why = format!("{}: {why}; nothing was started", path.display());
            command_line::end(PROGRAM, why, Exit::Usage)
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            let why = format!("cannot read {}: {error}; nothing was started", path.display());
            command_line::end(PROGRAM, why, Exit::Fault)
        })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error
                .span()
                .map_or(0, |span| text.bytes().take(span.start).filter(|&it| it == b'\n').count());
            wrong(format!("line {}: {}", line + 1, error.message()))
        })?;
        let options: Vec<_> = command.get_arguments().filter(|option| is_setting(option)).collect();
        let mut added = Vec::new();
        for (key, value) in &table {
            let option = options.iter().find(|option| option.get_long() == Some(key));
            let option = option.ok_or_else(|| wrong(unknown(key, &options)))?;
            let in_words = in_words(key, value, option).map_err(wrong)?;
            check(&command, option, &in_words).map_err(wrong)?;
            if !is_said(&said, option) {
                from_file.insert(key.clone());
                added.extend(in_words);
            }
        }
        words.splice(1..1, added);
    }
    let (arguments, matches) = command_line::read::<Arguments>(PROGRAM, words)?;
    Ok((arguments, print(&matches, &from_file)))
}

fn is_setting(option: &Arg) -> bool {
    option.get_long().is_some_and(|long| !NO_SETTINGS.contains(&long))
}

fn is_said(matches: &ArgMatches, option: &Arg) -> bool {
    let source = matches.try_contains_id(option.get_id().as_str());
    let source = source.ok().and_then(|_| matches.value_source(option.get_id().as_str()));
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

fn unknown(key: &str, options: &[&Arg]) -> String {
    let names = options.iter().filter_map(|option| option.get_long());
    let alike = |name: &&str| strsim::jaro(key, name);
    let nearest = names.max_by(|a, b| alike(a).total_cmp(&alike(b))).unwrap_or_default();
    format!("there is no setting {key:?}; did you mean {nearest:?}?")
}

/// A setting, as the command line would say it.
fn in_words(key: &str, value: &Value, option: &Arg) -> Result<Vec<OsString>, String> {
    let takes_values = option.get_action().takes_values();
    let word = |value: &Value| match value {
        Value::String(text) if takes_values => Ok(format!("--{key}={text}").into()),
        Value::Integer(number) if takes_values => Ok(format!("--{key}={number}").into()),
        _ if takes_values => Err(format!("{key} is a text or a number")),
        _ => Err(format!("{key} is true or false")),
    };
    match value {
        Value::Boolean(true) if !takes_values => Ok(vec![format!("--{key}").into()]),
        Value::Boolean(false) if !takes_values => Ok(Vec::new()),
        Value::Array(values) => values.iter().map(word).collect(),
        value => Ok(vec![word(value)?]),
    }
}

/// Whether a setting may have its value, seen by itself: who gave a wrong one is to hear which file it is in.
fn check(command: &Command, option: &Arg, words: &[OsString]) -> Result<(), String> {
    let words = std::iter::once(PROGRAM.into()).chain(words.iter().cloned());
    // The environment is read, too, and what is wrong there is not in the file.
    let of_option = ContextValue::String(option.to_string());
    match command.clone().try_get_matches_from(words) {
        Err(error)
            if matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation)
                && error.get(ContextKind::InvalidArg) == Some(&of_option) =>
        {
            Err(command_line::told(&error))
        }
        // What is wrong with settings beside each other is told of all of them together.
        _ => Ok(()),
    }
}

/// All settings, in the form of a file of them.
fn print(matches: &ArgMatches, from_file: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for option in Arguments::command().get_arguments().filter(|option| is_setting(option)) {
        let (id, key) = (option.get_id().as_str(), option.get_long().unwrap_or_default());
        let values = matches.get_raw(id).into_iter().flatten();
        let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
        let value = match &values[..] {
            _ if !option.get_action().takes_values() => Value::Boolean(matches.get_flag(id)),
            [] => {
                text.push_str(&format!("# {key} is not set\n"));
                continue;
            }
            [value] if !matches!(option.get_action(), clap::ArgAction::Append) => one(value),
            values => Value::Array(values.iter().cloned().map(Value::String).collect()),
        };
        let source = match matches.value_source(id) {
            _ if from_file.contains(key) => "file",
            Some(ValueSource::CommandLine) => "command line",
            Some(ValueSource::EnvVariable) => "environment",
            _ => "default",
        };
        text.push_str(&format!("{key} = {value} # {source}\n"));
    }
    text
}

fn one(text: &str) -> Value {
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    number.map_or_else(|| Value::String(text.into()), Value::Integer)
}
