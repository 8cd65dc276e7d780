//! Counting a file of ballots, without a server.

use std::path::Path;

use capvote::election::{BLT_BYTES_MAX, Blt, LotSeedBuilder, Rules, Whole, count};

use crate::arguments::CountFile;
use crate::failure::Failure;
use crate::rounds::{self, Counted};
use crate::secret;

/// Counts a file and shows how its result comes about.
pub(crate) fn run(arguments: &CountFile, as_json: bool) -> Result<(), Failure> {
    let blt = read(&arguments.file)?;
    let rules = arguments
        .rules(&blt.slate, blt.seats)
        .map_err(|error| Failure::Usage(format!("{}: {error}", arguments.file.display())))?;
    if rules.majority.is_some_and(|majority| majority.of == Whole::Roll) {
        return Err(Failure::Usage(
            "--majority: a file of ballots has no roll: give a share of marked or of ballots"
                .into(),
        ));
    }
    let ballots = blt.for_counting(&rules);
    let seed = arguments.lot.unwrap_or_else(|| LotSeedBuilder::default().finish());
    // A file has no roll, and no rule of `CountFile` needs one.
    let count = count(&blt.slate, &rules, &ballots, 0, &seed);
    let Rules { method, seats, .. } = rules;
    let (title, slate, count, cut) = (blt.title.as_str(), &blt.slate, &count, blt.cut(&rules));
    let counted = Counted { title, slate, method, seats, count, cut };
    if as_json { rounds::json(&counted) } else { rounds::show(&counted, arguments.chart) }
}

fn read(file: &Path) -> Result<Blt, Failure> {
    let shown = file.display();
    let text = match file.to_str() {
        Some(path) => secret::read(path, BLT_BYTES_MAX as u64),
        None => secret::read_file(file, BLT_BYTES_MAX as u64),
    };
    let text = text.map_err(|error| {
        Failure::Fault(format!(
            "cannot read {shown}: {error}; give a file of ballots in the format BLT"
        ))
    })?;
    text.parse().map_err(|error| Failure::Refused(format!("{shown}: {error}")))
}
