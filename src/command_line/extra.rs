//! Shell completions and manual pages, made from the definition of the command line.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::{Command, CommandFactory, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;

use super::VERSION;

/// The commands about the program itself.
#[derive(Debug, Clone, Subcommand)]
pub enum Extra {
    /// Print a script that completes this program's commands and options in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write manual pages, one for the program and one for each command, to a folder.
    Man {
        /// The folder. It is created if it does not exist.
        folder: PathBuf,
    },
}

impl Extra {
    /// Carries out the command, for the program whose command line is `T`.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn run<T: CommandFactory>(&self, program: &str) -> io::Result<()> {
        let mut command = command::<T>(program);
        match self {
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut command, program, &mut script);
                io::stdout().write_all(&script)
            }
            Self::Man { folder } => {
                std::fs::create_dir_all(folder)?;
                let mut command = command.disable_help_subcommand(true);
                command.build();
                write_pages(&command, program, folder)
            }
        }
    }
}

/// The command line of `program`, with examples for the commands that both programs have. A variable
/// of the environment that is empty counts as not set, as a shell or a unit may leave it.
pub fn command<T: CommandFactory>(program: &str) -> Command {
    without_empty_variables(with_examples::<T>(program))
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |value: OsString| value.to_string_lossy().trim().is_empty();
    let command = command.mut_args(|option| {
        let empty = option.get_env().and_then(std::env::var_os).is_some_and(is_empty);
        if empty { option.env(Resettable::Reset) } else { option }
    });
    command.mut_subcommands(without_empty_variables)
}

fn with_examples<T: CommandFactory>(program: &str) -> Command {
    let completions = format!("Example, for bash:\n  source <({program} completions bash)");
    let man = format!("Example:\n  {program} man ~/.local/share/man/man1\n  man {program}-man");
    let command = T::command();
    // A program without these commands may use this module, too.
    if command.find_subcommand("man").is_none() {
        return command;
    }
    let command = command.mut_subcommand("completions", |it| it.after_help(completions));
    command.mut_subcommand("man", |it| it.after_help(man))
}

/// Writes a page for the command, and one for each of its subcommands.
fn write_pages(command: &Command, program: &str, folder: &Path) -> io::Result<()> {
    for of_command in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_pages(of_command, program, folder)?;
    }
    let man = Man::new(command.clone()).source(format!("{program} {VERSION}"));
    let mut page = Vec::new();
    man.render(&mut page)?;
    // clap_mangen's heading for the text after the help, which is examples here.
    let page = String::from_utf8_lossy(&page).replace("\n.SH EXTRA\n", "\n.SH EXAMPLES\n");
    std::fs::write(folder.join(man.get_filename()), page)
}
