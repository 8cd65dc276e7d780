//! Counting a file of ballots.

use std::path::PathBuf;

use capvote::election::{InvalidRules, LotSeed, Method, Publication, Rules, Share, Slate};
use clap::{Args, ValueEnum};
use data_encoding::HEXLOWER_PERMISSIVE;

/// A file of ballots, and the rules to count it by.
#[derive(Debug, Args)]
pub(crate) struct CountFile {
    /// The file, in the format BLT; "-" is standard input.
    pub(crate) file: PathBuf,
    /// How the ballots are counted.
    #[arg(long, value_enum)]
    method: CountMethod,
    /// How many are elected. Without this, as the file says.
    #[arg(long, value_name = "K")]
    seats: Option<u16>,
    /// The most names of a ballot that count. Without this, one for plurality, and all ranks.
    #[arg(long, value_name = "M")]
    marks: Option<u16>,
    /// What votes must reach, such as ">1/2 of marked". For plurality.
    #[arg(long, value_name = "SHARE")]
    majority: Option<Share>,
    /// The last name stands for nobody: "reopen nominations", or a default option.
    #[arg(long)]
    none: bool,
    /// Draw lots from this hash: the SHA-256 of all receipts in their order, in 64 hexadecimal
    /// digits. Without this, they are drawn from no receipts.
    #[arg(long, value_name = "HASH", value_parser = lot)]
    pub(crate) lot: Option<LotSeed>,
    /// Draw each round as a chart.
    #[arg(long)]
    pub(crate) chart: bool,
}

/// As [`Method`], on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum CountMethod {
    /// Most votes win.
    Plurality,
    /// Scottish STV, or instant runoff.
    Transferable,
    /// Beat paths.
    Schulze,
}

impl CountFile {
    /// The rules for a slate, and the seats that the file gives.
    pub(crate) fn rules(&self, slate: &Slate, seats: u16) -> Result<Rules, InvalidRules> {
        let method = match self.method {
            CountMethod::Plurality => Method::Plurality,
            CountMethod::Transferable => Method::Transferable,
            CountMethod::Schulze => Method::Schulze,
        };
        let names = slate.names().len();
        let marks = if method.is_ranked() { u16::try_from(names).unwrap_or(u16::MAX) } else { 1 };
        let rules = Rules {
            method,
            seats: self.seats.unwrap_or(seats),
            marks: self.marks.unwrap_or(marks),
            majority: self.majority,
            quorum: None,
            none: self.none,
        };
        rules.check(names, Publication::Sealed)?;
        Ok(rules)
    }
}

fn lot(text: &str) -> Result<LotSeed, String> {
    let hash = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok());
    hash.map(LotSeed::from).ok_or_else(|| "a hash is 64 hexadecimal digits".into())
}
