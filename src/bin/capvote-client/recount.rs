//! The command `recount`: a sheet is counted again by the code that the server counts with.

use std::path::Path;

use capvote::election::{Count, CutBallots, Definition, Restored, TallySheet};
use comfy_table::Table;
use serde_json::json;

use crate::failure::Failure;
use crate::rounds::{self, Counted};
use crate::rules;
use crate::sheet::{agrees, read};
use crate::show;

pub(crate) fn run(path: &Path, as_json: bool) -> Result<(), Failure> {
    let sheet = read(path, as_json)?;
    let mut votes: Vec<_> = sheet.recount().into_iter().collect();
    votes.sort_by_key(|&(_, votes)| std::cmp::Reverse(votes));
    let contradiction = sheet.contradiction();
    let counted = sheet.count();
    if as_json {
        document(&sheet, &votes, counted.as_ref())?;
    } else {
        table(&sheet, &votes, counted.as_ref())?;
    }
    agrees(contradiction, path, as_json)
}

/// The names of the elected.
fn elected(counted: Option<&(Definition, Count)>) -> Vec<String> {
    let names = counted.into_iter().flat_map(|(definition, count)| {
        count.elected.iter().filter_map(|&choice| definition.slate.name(choice))
    });
    names.map(String::from).collect()
}

fn document(
    sheet: &TallySheet,
    votes: &[(&str, u64)],
    counted: Option<&(Definition, Count)>,
) -> Result<(), Failure> {
    let candidates = votes.iter().filter(|(name, _)| !name.is_empty());
    let candidates: Vec<_> = candidates
        .map(|(candidate, votes)| json!({ "candidate": candidate, "votes": votes }))
        .collect();
    let blank = votes.iter().find(|(name, _)| name.is_empty()).map_or(0, |&(_, votes)| votes);
    show::json(&json!({
        "election": sheet.id(),
        "candidates": candidates,
        "blank": blank,
        "ballots": sheet.lines.len(),
        "repeated": sheet.repeated(),
        "restored": sheet.restored.map(|restored| restored.epoch),
        "elected": elected(counted),
        "verdict": counted.map(|(_, count)| rules::verdict_name(count.verdict)),
    }))
}

fn table(
    sheet: &TallySheet,
    votes: &[(&str, u64)],
    counted: Option<&(Definition, Count)>,
) -> Result<(), Failure> {
    let is_ranked = counted.is_some_and(|(definition, _)| definition.rules.method.is_ranked());
    if !is_ranked {
        let mut table: Table = show::votes_table("votes");
        for (candidate, votes) in votes {
            let name = if candidate.is_empty() { show::BLANK } else { candidate };
            show::add_row(&mut table, &[name, &votes.to_string()]);
        }
        show::print(&mut table)?;
    }
    if let Some((definition, count)) = counted {
        if definition.rules.method.is_ranked() {
            let Definition { title, slate, rules, .. } = definition;
            let (method, seats) = (rules.method, rules.seats);
            let cut = CutBallots::default();
            rounds::show(&Counted { title, slate, method, seats, count, cut }, false)?;
        } else {
            let seats = Some(definition.rules.seats);
            if let Some(elected) = rules::elected(&elected(counted), Some(count.verdict), seats) {
                show::say(&elected)?;
            }
            rounds::show_lots(count, &definition.slate)?;
        }
    }
    if let Some(Restored { epoch, .. }) = sheet.restored {
        show::say(&format!(
            "The election was restored from a backup, in epoch {epoch} of its ledger: votes \
             recorded after the backup are missing, unless they were sent again."
        ))?;
    }
    if sheet.lines.is_empty() {
        return show::say("There are no ballots on the sheet.");
    }
    let (ballots, election) = (show::counted(sheet.lines.len() as u64, "ballot"), sheet.id());
    show::say(&format!("{ballots} of election {election}; every receipt fits."))?;
    if sheet.header.is_none() {
        show::say("A candidate whom no ballot names is not on this sheet.")?;
    }
    Ok(())
}
