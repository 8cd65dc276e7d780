//! The commands that need no server.

use std::io::{IsTerminal, Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use capvote::command_line::{self, Exit};
use capvote::ledger::sqlite::{self, CopyPhase};
use capvote::server::{StartError, new_officer_link};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::arguments::Offline;
use crate::failure;
use crate::printed;

/// Runs a command, and prints its result as text or JSON.
pub(crate) async fn run(command: &Offline) -> ExitCode {
    let (Offline::Backup { output, .. }
    | Offline::Restore { output, .. }
    | Offline::OfficerLink { output, .. }) = command;
    match result(command).await {
        Ok((document, _)) if output.json => printed(writeln!(stdout(), "{document:#}")),
        Ok((_, text)) => {
            // The command has succeeded even if stdout is closed.
            let _ = stdout().write_all(text.as_bytes());
            Exit::Done.into()
        }
        Err(error) => {
            let copies = matches!(command, Offline::Backup { .. } | Offline::Restore { .. });
            let unchanged = if copies { "; no ledger was changed" } else { "" };
            let why = format!("{}{unchanged}", failure::sentence(&error));
            command_line::end_in_json(PROGRAM, why, failure::exit(&error), output.json)
        }
    }
}

/// Carries the command out. Its result is a document, and the same as text.
async fn result(command: &Offline) -> Result<(Value, String), StartError> {
    Ok(match command {
        Offline::Backup { directory, file, .. } => {
            with_progress(|progress| sqlite::backup(directory, file, progress))?;
            let text = format!(
                "{} is a copy of the ledger of {}. While an election is open, it tells who voted for \
                 whom.\n",
                shown(file),
                shown(directory)
            );
            (json!({ "file": shown(file) }), text)
        }
        Offline::Restore { file, directory, .. } => {
            with_progress(|progress| sqlite::restore(file, directory, progress))?;
            let text = format!("{} has the ledger of {}.\n", shown(directory), shown(file));
            (json!({ "directory": shown(directory) }), text)
        }
        Offline::OfficerLink { directory, end_others, .. } => {
            let path = shown(&new_officer_link(directory, *end_others).await?);
            let text = format!("The returning officer's link is in {path}.\n");
            (json!({ "file": path }), text)
        }
    })
}

/// A path as text, lossy where it is not Unicode.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Shows the progress of a copy on a terminal.
fn with_progress<T>(copy: impl FnOnce(&mut dyn FnMut(CopyPhase, u64, u64)) -> T) -> T {
    if !stdout().is_terminal() {
        return copy(&mut |_, _, _| {});
    }
    let bar = |what: &str| {
        let template = format!("{what} {{wide_bar}} {{percent}}%, {{per_sec}}, {{eta}} left");
        let style = ProgressStyle::with_template(&template);
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    };
    let (pages, entries) = (bar("copying"), bar("checking"));
    let copied = copy(&mut |what, done, all| {
        let bar = if what == CopyPhase::Pages { &pages } else { &entries };
        bar.set_length(all);
        bar.set_position(done);
        if done == all {
            bar.finish_and_clear();
        }
    });
    pages.finish_and_clear();
    entries.finish_and_clear();
    copied
}
