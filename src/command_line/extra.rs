//! What shells and `man` are told of a program, from the definitions that read its command line.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;

/// The commands about the program itself.
#[derive(Debug, Clone, Subcommand)]
pub enum Extra {
    /// Print what completes this program's commands and options in a shell.
    #[command(after_help = "Example, for bash:\n  source <(capvote-client completions bash)")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual, a page for the program and one for each command, to a folder.
    #[command(
        after_help = "Example:\n  capvote-client man ~/.local/share/man/man1\n  man capvote-client-vote"
    )]
    Man {
        /// The folder. It is made where it is missing.
        folder: PathBuf,
    },
}

impl Extra {
    /// Does what was asked, for the program whose command line is `T`.
    ///
    /// # Errors
    /// What could not be written.
    pub fn run<T: CommandFactory>(&self, program: &str) -> io::Result<()> {
        let mut command = T::command();
        match self {
            Self::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut command, program, &mut script);
                io::stdout().write_all(&script)
            }
            Self::Man { folder } => {
                std::fs::create_dir_all(folder)?;
                clap_mangen::generate_to(command, folder)
            }
        }
    }
}
