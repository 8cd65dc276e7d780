//! Values of arguments that clap does not parse by itself.

use std::path::{Path, PathBuf};

use capvote::election::VOTERS_MAX;
use capvote::net::link::{LINK_BYTES_MAX, Link};
use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::failure::Failure;
use crate::secret;

/// A file to write, which is no stream.
pub(super) fn output_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.to_str() {
        Some(secret::STANDARD_INPUT) => Err("this is written to a file only: name one"),
        _ => Ok(path),
    })
}

/// How many numbers to issue.
pub(super) fn number_count(text: &str) -> Result<u32, String> {
    if text.is_empty() || !text.bytes().all(|it| it.is_ascii_digit()) {
        return Err("it takes a whole number, in digits without dots or commas".into());
    }
    let count = text.parse().ok().filter(|count| (1..=VOTERS_MAX as u32).contains(count));
    count.ok_or_else(|| format!("{text} is not in 1..={VOTERS_MAX}"))
}

/// Parses a link, or reads it from the file that the text names.
pub(crate) fn link(text: &str) -> Result<Link, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::Usage("there is no link: it is empty".into()));
    }
    // Errors must not repeat a token: a text that may have one is not taken for a file name.
    let is_link = text.contains("://") || text.contains('#');
    let text = if is_link {
        secret::warn_if_listed(text);
        text.to_string()
    } else {
        let read = read_link(text)?;
        if read.contains('#') {
            secret::warn_if_exposed(Path::new(text));
        }
        if read.trim().is_empty() {
            let why = format!("there is no link: {} is empty", secret::told(text));
            return Err(Failure::Usage(why));
        }
        read
    };
    text.trim().parse().map_err(|error| Failure::Usage(format!("{error}")))
}

fn read_link(path: &str) -> Result<String, Failure> {
    // A line ends with one byte or two.
    secret::read(path, LINK_BYTES_MAX as u64 + 2).map_err(|error| {
        Failure::Fault(format!("cannot read a link from {path}: {error}; nothing was sent"))
    })
}
