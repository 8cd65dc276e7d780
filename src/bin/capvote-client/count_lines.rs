//! The command `count-lines`: sends a file's bytes, and prints its lines as they come back.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::Path;

use indicatif::ProgressBar;
use serde_json::json;

use crate::failure::Failure;
use crate::show;
use crate::target::Target;

pub(crate) async fn run(path: &Path, quiet: bool, target: &Target) -> Result<(), Failure> {
    let file = open(path, quiet, target.json)?;
    let terminal = io::stdout().is_terminal();
    // Lines are shown at once on a terminal, and written in larger pieces elsewhere.
    let mut output: Box<dyn Write> = if terminal {
        Box::new(io::stdout())
    } else {
        Box::new(BufWriter::with_capacity(1 << 16, io::stdout()))
    };
    let mut print_error = None;
    let mut line_ended = true;
    let print = |line: &[u8]| -> Result<(), &str> {
        if quiet || target.json {
            return Ok(());
        }
        line_ended = line.ends_with(b"\n");
        output.write_all(line).map_err(|error| {
            print_error = Some(error);
            "the lines cannot be printed"
        })
    };
    let counted = target.connect().await?.line_counter().count_lines(file, print).await;
    if let Some(error) = print_error {
        return Err(error.into());
    }
    let count = counted?;
    if target.json {
        return show::json(&json!({ "file": path.display().to_string(), "lines": count }));
    }
    if !line_ended {
        writeln!(output)?;
    }
    // Programs get the bare number.
    match terminal {
        true => writeln!(output, "{}", show::counted(count, "line"))?,
        false => writeln!(output, "{count}")?,
    }
    Ok(output.flush()?)
}

fn open(path: &Path, quiet: bool, json: bool) -> Result<Box<dyn Read + Send>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let failed = |error| {
        Failure::Fault(format!("cannot open {}: {error}; nothing was sent", path.display()))
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    // Printed lines show the progress themselves.
    let progress =
        if quiet { show::bytes_progress(metadata.len(), json) } else { ProgressBar::hidden() };
    Ok(Box::new(progress.wrap_read(file)))
}
