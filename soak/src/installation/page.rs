//! The files and commands that docs/cluster-installation.md prints, as they are for a machine.

/// The page.
const PAGE: &str = include_str!("../../../docs/cluster-installation.md");

/// A block of the page: its language, and its name, which is a file's path or says where its
/// commands are run.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    language: &'static str,
    /// The name.
    pub name: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// Where commands are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On one of the machines.
    Once,
    /// On each of them.
    Each,
    /// On any of them, until it is as the page says.
    Check,
}

impl Block {
    /// Whether it is a file of every machine.
    pub fn is_file(&self) -> bool {
        self.name.starts_with('/')
    }

    /// Where its commands are run, if they are for the three machines.
    pub fn place(&self) -> Option<Place> {
        match (self.language, self.name) {
            ("sh", "once") => Some(Place::Once),
            ("sh", "each") => Some(Place::Each),
            ("sh", "check") => Some(Place::Check),
            _ => None,
        }
    }
}

/// The blocks, in the order of the page.
pub fn blocks() -> Vec<Block> {
    let mut parts = PAGE.split("```");
    let mut blocks = Vec::new();
    // Every second part is a block.
    while let Some(part) = parts.next().and(parts.next()) {
        let (head, text) = part.split_once('\n').unwrap_or((part, ""));
        let (language, name) = head.split_once(' ').unwrap_or((head, ""));
        blocks.push(Block { language, name, text });
    }
    blocks
}

/// The block of this name.
pub fn block(name: &str) -> Option<Block> {
    blocks().into_iter().find(|block| block.name == name)
}

/// The values of a key in a unit of systemd, or in a file that changes one.
pub fn values(unit: &str, key: &str) -> Vec<String> {
    let unit = unit.replace("\\\n", " ");
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(found, _)| *found == key).map(|(_, value)| value.to_string()).collect()
}
