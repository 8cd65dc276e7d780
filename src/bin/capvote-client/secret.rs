//! Secrets for a command: links, voter numbers and receipts, in a file or on standard input.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Stdin, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use capvote::net::link::Link;
use capvote::private_file::{OTHERS, exposed};

use crate::text;

/// What stands for standard input in place of a file.
pub(crate) const STANDARD_INPUT: &str = "-";

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Standard input, which one argument of a command can be read from.
fn standard_input() -> io::Result<Stdin> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::Error::other("another argument is read from standard input"));
    }
    Ok(io::stdin())
}

/// What a text was read from.
pub(crate) fn told(path: &str) -> &str {
    if path == STANDARD_INPUT { "standard input" } else { path }
}

/// Opens a file, or standard input for "-".
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    match path.to_str() {
        Some(STANDARD_INPUT) => Ok(Box::new(standard_input()?)),
        _ => Ok(Box::new(File::open(path)?)),
    }
}

/// Reads a text from a file, or from standard input for "-", up to a number of bytes, in the
/// encodings that editors save.
pub(crate) fn read(path: &str, bytes_max: u64) -> io::Result<String> {
    read_from(open(Path::new(path))?, bytes_max)
}

/// As [`read`], from a file with any name.
pub(crate) fn read_file(path: &Path, bytes_max: u64) -> io::Result<String> {
    read_from(Box::new(File::open(path)?), bytes_max)
}

fn read_from(source: Box<dyn Read>, bytes_max: u64) -> io::Result<String> {
    // In UTF-16, a text has up to twice its bytes, and a byte order mark.
    let stored_max = 2 * bytes_max + 2;
    let mut bytes = Vec::new();
    source.take(stored_max + 1).read_to_end(&mut bytes)?;
    let too_large = || io::Error::from(ErrorKind::FileTooLarge);
    if bytes.len() as u64 > stored_max {
        return Err(too_large());
    }
    let not_text = || io::Error::new(ErrorKind::InvalidData, "it is not a text in UTF-8");
    let text = text::decode(bytes).ok_or_else(not_text)?;
    if text.len() as u64 > bytes_max { Err(too_large()) } else { Ok(text) }
}

/// Warns of a file with secrets that others than its owner can read or write.
pub(crate) fn warn_if_exposed(path: &Path) {
    if let Ok(Some(mode)) = exposed(path, OTHERS)
        && path.is_file()
    {
        let path = path.display();
        warn(&format!("{path} has mode {mode:o}, so others can read it; say: chmod 600 {path}"));
    }
}

/// Warns of a link with a token on the command line, which every user of the machine can list.
pub(crate) fn warn_if_listed(link: &str) {
    if link.contains('#') && std::env::args().any(|word| word.contains(link)) {
        warn(
            "others on this machine can list command lines, and the link on this one has a token; \
             keep it in a file, or give - and the link on standard input",
        );
    }
}

/// Warns of a link to pass on that names no machine.
pub(crate) fn warn_if_nowhere(link: &Link) {
    if let Some(at) = link.address.at().filter(|at| at.is_unspecified()) {
        let host = &at.host;
        warn(&format!(
            "the link says {host}, which works on the server's own machine only; replace that by a \
             name of the server, or start the server with --public HOST:PORT"
        ));
    }
}

fn warn(what: &str) {
    // The command goes on even if this cannot be written.
    let _ = writeln!(io::stderr(), "warning: {what}");
}
