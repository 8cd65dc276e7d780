//! The settings: the command line, then the environment, then a file.
//!
//! A setting in the file is inserted into the command line as the option of the same name, unless
//! the command line or the environment has it. So clap validates all three alike, and the options
//! are declared once. (`figment` would need them declared a second time, as a type that it
//! deserializes.)

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use capvote::command_line::{self, Exit};
use capvote::private_file;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};
use toml::{Table, Value};

use crate::PROGRAM;
use crate::arguments::{self, Arguments};

/// Options that are about one run, and are not settings.
const NOT_SETTINGS: [&str; 4] = ["config", "print-config", "help", "version"];

/// Reads the settings. Returns them as arguments, and as `--print-config` prints them.
///
/// # Errors
/// The exit code, after an error was printed. `consequence` ends what is said of the file.
pub(crate) fn read(consequence: &str) -> Result<(Arguments, String), ExitCode> {
    let mut words: Vec<_> = std::env::args_os().collect();
    let mut command = command_line::command::<Arguments>(PROGRAM);
    // Until then, options do not know how they are displayed in errors.
    command.build();
    // Only to find out what is given: `command_line::read` reports errors.
    let given = command.clone().ignore_errors(true).try_get_matches_from(&words);
    let given = given.unwrap_or_default();
    let mut from_file = BTreeSet::new();
    let path = given.try_get_one::<PathBuf>("config").ok().flatten();
    // Subcommands have no settings.
    if let Some(path) = path.filter(|_| given.subcommand_name().is_none()) {
        let file = File { path, command: &command, given: &given };
        let settings = file.read().map_err(|(why, exit)| {
            command_line::end(PROGRAM, format_args!("{why}{consequence}"), exit)
        })?;
        let (keys, options): (_, Vec<_>) = settings.into_iter().unzip();
        from_file = keys;
        words.splice(1..1, options.into_iter().flatten());
    }
    let (arguments, matches) = command_line::read::<Arguments>(PROGRAM, words)?;
    Ok((arguments, printed(&matches, &from_file)))
}

/// Settings by name, each as command-line words.
type Settings = Vec<(String, Vec<OsString>)>;

/// A file of settings, and what it is checked against.
struct File<'a> {
    path: &'a Path,
    command: &'a Command,
    /// The command line and the environment.
    given: &'a ArgMatches,
}

impl File<'_> {
    /// The settings that only the file gives.
    fn read(&self) -> Result<Settings, (String, Exit)> {
        let path = self.path.display();
        let text = private_file::read_text(self.path)
            .map_err(|error| (format!("cannot read {path}: {error}"), Exit::Fault))?;
        self.parse(&text).map_err(|why| (format!("{path}: {why}"), Exit::Usage))
    }

    fn parse(&self, text: &str) -> Result<Settings, String> {
        let table: Table = text.parse().map_err(|error| located(&error, text))?;
        let options: Vec<_> = settings(self.command).collect();
        let mut added = Vec::new();
        for (key, value) in &table {
            let option = options.iter().find(|option| option.get_long() == Some(key));
            let option = option.ok_or_else(|| unknown(key, &options))?;
            let words = words(key, value, option)?;
            self.validate(option, &words)?;
            if !is_given(self.given, option) {
                added.push((key.clone(), words));
            }
        }
        Ok(added)
    }

    /// Validates the value of one option, so that the error names the file.
    fn validate(&self, option: &Arg, words: &[OsString]) -> Result<(), String> {
        let words = std::iter::once(PROGRAM.into()).chain(words.iter().cloned());
        let this_option = ContextValue::String(option.to_string());
        match self.command.clone().try_get_matches_from(words) {
            // Other errors are about the environment, which this reads too, or about combinations
            // of options. `command_line::read` reports those.
            Err(error)
                if matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation)
                    && error.get(ContextKind::InvalidArg) == Some(&this_option) =>
            {
                Err(command_line::told(&error))
            }
            _ => Ok(()),
        }
    }
}

fn located(error: &toml::de::Error, text: &str) -> String {
    let before = text.bytes().take(error.span().map_or(0, |span| span.start));
    let line = 1 + before.filter(|&byte| byte == b'\n').count();
    format!("line {line}: {}", error.message())
}

fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    let is_setting = |long: &str| !NOT_SETTINGS.contains(&long);
    command.get_arguments().filter(move |option| option.get_long().is_some_and(is_setting))
}

fn is_given(given: &ArgMatches, option: &Arg) -> bool {
    let id = option.get_id().as_str();
    let source = given.try_contains_id(id).ok().and_then(|_| given.value_source(id));
    matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

fn unknown(key: &str, options: &[&Arg]) -> String {
    let names = options.iter().filter_map(|option| option.get_long());
    let similarity = |name: &&str| strsim::jaro(key, name);
    let nearest = names.max_by(|a, b| similarity(a).total_cmp(&similarity(b))).unwrap_or_default();
    format!("there is no setting {key:?}; did you mean {nearest:?}?")
}

/// A setting as command-line words.
fn words(key: &str, value: &Value, option: &Arg) -> Result<Vec<OsString>, String> {
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

/// All settings as a TOML file, each with its source.
fn printed(matches: &ArgMatches, from_file: &BTreeSet<String>) -> String {
    let mut text = String::new();
    for option in settings(&Arguments::command()) {
        let (id, key) = (option.get_id().as_str(), option.get_long().unwrap_or_default());
        let source = match matches.value_source(id) {
            _ if from_file.contains(key) => "file",
            Some(ValueSource::CommandLine) => "command line",
            Some(ValueSource::EnvVariable) => "environment",
            _ => "default",
        };
        // Writing to a string cannot fail.
        let _ = match value(matches, option) {
            Some(value) => writeln!(text, "{key} = {value} # {source}"),
            None => writeln!(text, "# {key} is not set"),
        };
    }
    text
}

/// The value of a setting, if it is set.
fn value(matches: &ArgMatches, option: &Arg) -> Option<Value> {
    let id = option.get_id().as_str();
    if !option.get_action().takes_values() {
        return Some(Value::Boolean(matches.get_flag(id)));
    }
    let mut values = matches.get_raw(id)?.map(|value| value.to_string_lossy().into_owned());
    Some(match option.get_action() {
        ArgAction::Append => {
            let values = values.flat_map(|value| arguments::parts(id, &value));
            Value::Array(values.map(Value::String).collect())
        }
        _ => number_or_text(values.next_back()?),
    })
}

fn number_or_text(text: String) -> Value {
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    number.map_or(Value::String(text), Value::Integer)
}
