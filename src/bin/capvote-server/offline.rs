//! The commands that need no server.

use std::fmt::Write as _;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use capvote::command_line::{self, Exit};
use capvote::election::ElectionState;
use capvote::ledger::postgres::{self, Migration};
use capvote::ledger::sqlite::{self, CopyPhase, RestoreOptions, RestoreReport};
use capvote::pages::{self, Page};
use capvote::server::{StartError, new_officer_link};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::arguments::Offline;
use crate::failure;

/// Runs a command, and prints its result as text or JSON.
pub(crate) async fn run(command: &Offline) -> ExitCode {
    let (Offline::Backup { output, .. }
    | Offline::Restore { output, .. }
    | Offline::Pages { output }
    | Offline::OfficerLink { output, .. }
    | Offline::Migrate { output, .. }) = command;
    match result(command).await {
        Ok((document, text)) => {
            let told = if output.json { format!("{document:#}\n") } else { text.clone() };
            match stdout().write_all(told.as_bytes()).and_then(|()| stdout().flush()) {
                Ok(()) => Exit::Done.into(),
                // What was done is told all the same.
                Err(error) => {
                    let why = format_args!("{text}That could not be printed: {error}");
                    command_line::end(PROGRAM, why, Exit::Fault)
                }
            }
        }
        Err(Failure::Settings(why)) => {
            command_line::end_in_json(PROGRAM, why, Exit::Usage, output.json)
        }
        Err(Failure::Start(error)) => {
            let copies = matches!(command, Offline::Backup { .. } | Offline::Restore { .. });
            let unchanged = if copies { "; no ledger was changed" } else { "" };
            let why = format!("{}{unchanged}", failure::sentence(&error));
            command_line::end_in_json(PROGRAM, why, failure::exit(&error), output.json)
        }
    }
}

/// Why a command failed.
enum Failure {
    /// Its options are wrong, or a file that they name.
    Settings(String),
    Start(StartError),
}

impl<E: Into<StartError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Start(error.into())
    }
}

/// Carries the command out. Its result is a document, and the same as text.
async fn result(command: &Offline) -> Result<(Value, String), Failure> {
    Ok(match command {
        Offline::Backup { directory, file, with_keys, .. } => {
            with_progress(|progress| sqlite::backup(directory, file, *with_keys, progress))?;
            let keys = shown(file) + ".keys";
            let (keys, about) = if *with_keys {
                let about = format!(
                    "{keys} has the keys of the elections that are not closed: whoever has both \
                     files can read who voted for whom. Destroy it once they are closed."
                );
                (Some(keys), about)
            } else {
                let about = "The keys of the elections that are not closed are not in it: their \
                             ballots are counted with the files in the folder keys only.";
                (None, about.to_string())
            };
            let (file, directory) = (shown(file), shown(directory));
            let text = format!("{file} is a copy of the ledger of {directory}. {about}\n");
            (json!({ "file": file, "keys": keys }), text)
        }
        Offline::Restore { file, directory, accept_copy, without_keys, .. } => {
            let (accept_copy, without_keys) = (*accept_copy, *without_keys);
            let options = RestoreOptions { accept_copy, without_keys };
            let restore = |progress: &mut dyn FnMut(CopyPhase, u64, u64)| {
                sqlite::restore(file, directory, options, progress)
            };
            restored(file, directory, &with_progress(restore)?)
        }
        Offline::Pages { .. } => {
            let line = |page: &Page| format!("{}  {}\n", page.sha256, page.path);
            let document = |page: &Page| json!({ "path": page.path, "sha256": page.sha256 });
            let pages = pages::all();
            let documents: Vec<_> = pages.iter().map(document).collect();
            (json!({ "pages": documents }), pages.iter().map(line).collect())
        }
        Offline::OfficerLink { directory, end_others, database, .. } => {
            let location = database.location(directory).map_err(Failure::Settings)?;
            let path = shown(&new_officer_link(directory, &location, *end_others).await?);
            let text = format!("The returning officer's link is in {path}.\n");
            (json!({ "file": path }), text)
        }
        Offline::Migrate { database, .. } => {
            let options = database.options(Path::new(".")).map_err(Failure::Settings)?;
            let missing = || Failure::Settings("--ledger has to name the database".into());
            let Migration { from, to, signed } =
                postgres::migrate(*options.ok_or_else(missing)?).await?;
            let mut text = match from {
                None => format!("The database has an empty ledger, of format {to}.\n"),
                Some(_) => {
                    format!("The ledger has format {to} already, which this version uses.\n")
                }
            };
            if signed > 0 {
                let _ = writeln!(text, "{signed} acts are signed with the secret.");
            }
            (json!({ "from": from, "to": to, "signed": signed }), text)
        }
    })
}

/// What a restore did, as a document and as text.
fn restored(file: &Path, directory: &Path, report: &RestoreReport) -> (Value, String) {
    let RestoreReport { ledger, epoch, taken, elections, unreadable, lost } = report;
    let taken = taken.map(|taken| {
        let time = i64::try_from(taken.0).ok().and_then(|it| jiff::Timestamp::from_second(it).ok());
        time.map_or_else(|| format!("{} s after 1970", taken.0), |time| time.to_string())
    });
    let votes: u64 = elections.iter().map(|(.., votes)| votes).sum();
    let when = taken.as_deref().unwrap_or("at a time that is not known");
    let mut text = format!(
        "{} has the ledger of {}, as of its backup {when}, with {votes} votes.\nThis is epoch \
         {epoch} of ledger {ledger}. What happened after the backup is not in it.\n",
        shown(directory),
        shown(file)
    );
    if let Some(lost) = lost.filter(|&lost| lost > 0) {
        text += &format!("{lost} votes that were recorded after it are lost.\n");
    }
    let mut documents = Vec::new();
    for (id, state, votes) in elections {
        let (name, waits) = match state {
            ElectionState::Draft => ("draft", true),
            ElectionState::Open => ("open", true),
            ElectionState::Closed => ("closed", false),
        };
        let key_missing = unreadable.contains(id);
        let what = if key_missing {
            "; its key is missing, so nobody can count them, and it takes no more"
        } else if waits {
            "; takes no votes until an officer confirms it (capvote-client confirm)"
        } else {
            ""
        };
        text += &format!("Election {id}: {name}, {votes} votes{what}.\n");
        let id = id.as_str();
        documents.push(json!({
            "id": id, "state": name, "votes": votes, "unconfirmed": waits,
            "keyMissing": key_missing,
        }));
    }
    let document = json!({
        "directory": shown(directory), "ledger": ledger.to_string(), "epoch": epoch,
        "taken": taken, "votes": votes, "votesLost": lost, "elections": documents,
    });
    (document, text)
}

/// A path as text, lossy where it is not Unicode.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Shows the progress of a copy on a terminal.
fn with_progress<T>(copy: impl FnOnce(&mut dyn FnMut(CopyPhase, u64, u64)) -> T) -> T {
    if !command_line::can_redraw() {
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
