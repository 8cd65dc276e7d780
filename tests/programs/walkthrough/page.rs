//! The commands and their output on a page.

use std::fs;
use std::path::Path;

/// A part of a page.
pub(super) enum Part {
    /// A block of commands.
    Commands(Vec<String>),
    /// A block with their output.
    Output(Vec<String>),
}

pub(super) fn page(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The blocks of commands and of output in a page.
pub(super) fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let shown = lines.by_ref().take_while(|line| *line != "```");
            let shown = shown.map(str::to_string).collect();
            if line == "```text" {
                parts.push(Part::Output(shown));
            }
        } else if let Some(first) = line.strip_prefix("    ") {
            let mut commands = vec![first.to_string()];
            while let Some(next) = lines.next_if(|line| line.starts_with("    ")) {
                let last = commands.last_mut().unwrap();
                // A here-document: the lines up to "END" belong to the command.
                if last.contains("<<'END'") && !last.ends_with("\nEND") {
                    *last += &format!("\n{}", &next[4..]);
                } else {
                    commands.push(next[4..].to_string());
                }
            }
            parts.push(Part::Commands(commands));
        }
    }
    parts
}

/// The commands in the first column of a page's table of commands.
pub(super) fn table(page: &str) -> Vec<String> {
    let (_, table) = page.split_once("| command | does |\n").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let first = |row: &str| row.split('|').nth(1).unwrap().to_string();
    let spans = |cell: String| -> Vec<_> {
        cell.split('`').skip(1).step_by(2).map(str::to_string).collect()
    };
    let with_program = |command: String| match command.starts_with("capvote-") {
        true => command,
        false => format!("capvote-client {command}"),
    };
    rows.map(first).flat_map(spans).map(with_program).collect()
}
