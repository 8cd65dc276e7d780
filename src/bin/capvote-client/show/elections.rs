//! Elections: what they are about, by which rules, and whether voting is open.

use capvote::client::Info;
use capvote::election::{
    ElectionState, LIVE_BATCH_BALLOTS, Publication, Rules, Schedule, printable,
};
use console::style;
use serde_json::Value;

use super::{UNKNOWN, add_row, align_right, json, line, print, say, table};
use crate::failure::Failure;
use crate::rules;
use crate::time;

pub(crate) fn elections(elections: &[Info], as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(&elections.iter().map(info_document).collect());
    }
    if elections.is_empty() {
        return say("There is no election on this server.");
    }
    let mut table = table(["election", "state", "candidates", "voters", "rules", "roll"]);
    align_right(&mut table, 2);
    align_right(&mut table, 3);
    for info in elections {
        let (candidates, voters) = (info.candidates.len().to_string(), info.voters.to_string());
        let (rules, roll) =
            (rules::short(info), if info.roll.is_empty() { "own" } else { &info.roll });
        add_row(&mut table, &[&info.id, state(info.state), &candidates, &voters, &rules, roll]);
    }
    print(&mut table)
}

pub(crate) fn info(info: &Info, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return json(&info_document(info));
    }
    let title = if info.title.is_empty() { &info.id } else { &info.title };
    line(&format!("{} ({})", style(printable(title)).bold(), state(info.state)))?;
    let id_line = if info.title.is_empty() { None } else { Some(&info.id) };
    if let Some(id) = id_line {
        line(&format!("Election: {}", printable(id)))?;
    }
    let added = match info.added_while_open {
        0 => String::new(),
        added => format!(" ({added} added while open)"),
    };
    line(&format!("Voters: {}{added}", info.voters))?;
    if !info.roll.is_empty() {
        say(&format!("Roll: that of election {}", info.roll))?;
    }
    if info.rules != Some(Rules::default()) {
        say(&format!("Ballot: {}", rules::ballot(info)))?;
        say(&format!("Rules: {}", rules::counting(info)))?;
    }
    schedule(&info.schedule)?;
    if (info.publication, info.state) == (Some(Publication::Live), Some(ElectionState::Open)) {
        line(&format!(
            "The count is shown while voting, in batches of {LIVE_BATCH_BALLOTS} ballots."
        ))?;
    }
    if info.origin.epoch > 1 {
        line(&format!("Ledger: {}, epoch {}", info.origin.ledger, info.origin.epoch))?;
    }
    if let Some(epoch) = info.origin.restored {
        let what = if info.origin.unconfirmed {
            "it takes no votes until an officer confirms that"
        } else {
            "confirmed since"
        };
        line(&format!("Restored from a backup in epoch {epoch}; {what}."))?;
    }
    if info.publication == Some(Publication::Sealed) {
        let when = match info.state {
            Some(ElectionState::Closed) => "The count was sealed until the close; see result.",
            _ => "The count is shown at the close, and not before.",
        };
        line(when)?;
    }
    line("Candidates:")?;
    for candidate in &info.candidates {
        line(&format!("  {}", printable(candidate)))?;
    }
    if info.blank {
        line("  or a blank ballot")?;
    }
    Ok(())
}

/// Prints the times of a schedule, each in a line.
pub(crate) fn schedule(schedule: &Schedule) -> Result<(), Failure> {
    for (what, moment) in [("Opens", schedule.opens), ("Closes", schedule.closes)] {
        if let Some(moment) = moment {
            say(&format!("{what}: {}", time::told(moment)))?;
        }
    }
    Ok(())
}

fn info_document(info: &Info) -> Value {
    json!({
        "id": info.id,
        "title": info.title,
        "state": state(info.state),
        "candidates": info.candidates,
        "voters": info.voters,
        "addedWhileOpen": info.added_while_open,
        "blank": info.blank,
        "publication": match info.publication {
            Some(Publication::Live) => "live",
            Some(Publication::Sealed) => "sealed",
            None => UNKNOWN,
        },
        "opens": info.schedule.opens.map(time::utc),
        "closes": info.schedule.closes.map(time::utc),
        "ledger": info.origin.ledger.to_string(),
        "epoch": info.origin.epoch,
        "restored": info.origin.restored.unwrap_or_default(),
        "unconfirmed": info.origin.unconfirmed,
        "rules": info.rules.as_ref().map(rules::document),
        "roll": info.roll,
    })
}

pub(super) fn state(state: Option<ElectionState>) -> &'static str {
    match state {
        Some(ElectionState::Draft) => "draft",
        Some(ElectionState::Open) => "open",
        Some(ElectionState::Closed) => "closed",
        None => UNKNOWN,
    }
}
