//! Tally sheets: fetching one from a server, and checking one without.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::Path;

use capvote::client::{ActOutcome, Auditor, Election, Error};
use capvote::command_line::Exit;
use capvote::election::{Origin, Restored, SheetFlaw, SheetHeader, SheetLine, TallySheet};
use capvote::private_file::PrivateFile;
use comfy_table::Table;
use serde_json::json;

use crate::failure::Failure;
use crate::receipt::{self, SearchKey};
use crate::secret;
use crate::show;
use crate::text;

/// What to do with a sheet that is wrong.
const DISTRUST: &str = "do not trust it, and ask the returning officer for another";

/// What to do with a sheet that was only saved again.
const UNCHANGED: &str = "get the file again as the command sheet wrote it, and open it in no \
                         editor before this";

/// What to do with what cannot be read as a sheet.
const UNREADABLE: &str = "get the file again as the command sheet wrote it; if it is the same then, \
                          do not trust it";

const NOT_VALID: &str = "not a valid tally sheet";

/// Fetches the sheet of an election, or `None` before the close.
pub(crate) async fn fetch(
    auditor: &Auditor,
    election: &Election,
) -> Result<Option<TallySheet>, Error> {
    let info = election.info().await?;
    let id = info.id.parse().map_err(|_| Error::Protocol("an election has no id".into()))?;
    let (turnout, _) = auditor.turnout().await?;
    let names: HashSet<_> = info.candidates.iter().map(String::as_str).collect();
    // What the server sends is bounded by what it says of the election: it might send for ever.
    let mut lines: Vec<SheetLine> = Vec::new();
    let mut fits = |candidate: String, nonce, receipt: String| {
        if lines.len() as u64 == turnout || !(candidate.is_empty() || names.contains(&*candidate)) {
            return false;
        }
        let line = SheetLine::new(&id, candidate, nonce);
        let fits = line.receipt.to_string() == receipt;
        lines.push(line);
        fits
    };
    let wrong = || Error::Protocol(format!("it sends another sheet than that of election {id}"));
    let mut all_fit = true;
    let take = |candidate, nonce, receipt| {
        all_fit = fits(candidate, nonce, receipt);
        if all_fit { Ok(()) } else { Err("this is not the sheet that was asked for") }
    };
    match auditor.tally_sheet(take).await {
        Err(Error::Callback(_)) if !all_fit => return Err(wrong()),
        Ok(ActOutcome::Done) if lines.len() as u64 != turnout => return Err(wrong()),
        Ok(ActOutcome::Refused(_)) => return Ok(None),
        sent => sent?,
    };
    let Origin { ledger, restored, .. } = info.origin;
    let restored = restored.map(|epoch| Restored { ledger, epoch });
    let header =
        SheetHeader { title: info.title, candidates: info.candidates, voters: info.voters };
    Ok(Some(TallySheet { election: Some(id), lines, restored, header: Some(header) }))
}

/// Writes a sheet in the form of the file's extension. An existing file is not overwritten.
pub(crate) fn write(sheet: &TallySheet, output: &Path, json: bool) -> Result<(), Failure> {
    let text = match output.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => sheet.to_csv(),
        Some("json") => sheet.to_json(),
        _ => return Err(Failure::Usage("--output: a sheet is a file .csv or .json".into())),
    };
    let write = || -> io::Result<()> {
        let mut file = PrivateFile::begin(output)?;
        file.write_all(text.as_bytes())?;
        file.put()
    };
    let shown = output.display();
    write().map_err(|error| {
        Failure::Fault(format!(
            "cannot write {shown}: {error}; nothing else was changed. Choose another file, or move \
             this one away"
        ))
    })?;
    let ballots = sheet.lines.len();
    if json {
        return show::json(&json!({ "file": shown.to_string(), "ballots": ballots }));
    }
    let ballots = show::counted(ballots as u64, "ballot");
    show::say(&format!("The sheet in {shown} has {ballots}."))
}

/// Recounts a sheet.
pub(crate) fn recount(path: &Path, as_json: bool) -> Result<(), Failure> {
    let sheet = read(path, as_json)?;
    let mut votes: Vec<_> = sheet.recount().into_iter().collect();
    votes.sort_by_key(|&(_, votes)| std::cmp::Reverse(votes));
    let ballots = sheet.lines.len();
    let contradiction = sheet.contradiction();
    if as_json {
        let candidates = votes.iter().filter(|(name, _)| !name.is_empty());
        let candidates: Vec<_> = candidates
            .map(|(candidate, votes)| json!({ "candidate": candidate, "votes": votes }))
            .collect();
        let blank = votes.iter().find(|(name, _)| name.is_empty()).map_or(0, |&(_, votes)| votes);
        show::json(&json!({
            "election": sheet.id(),
            "candidates": candidates,
            "blank": blank,
            "ballots": ballots,
            "repeated": sheet.repeated(),
            "restored": sheet.restored.map(|restored| restored.epoch),
        }))?;
        return agrees(contradiction, path, as_json);
    }
    let mut table: Table = show::votes_table();
    for (candidate, votes) in votes {
        let name = if candidate.is_empty() { show::BLANK } else { candidate };
        show::add_row(&mut table, &[name, &votes.to_string()]);
    }
    show::print(&mut table)?;
    if let Some(Restored { epoch, .. }) = sheet.restored {
        show::say(&format!(
            "The election was restored from a backup, in epoch {epoch} of its ledger: votes \
             recorded after the backup are missing, unless they were sent again."
        ))?;
    }
    if ballots == 0 {
        return show::say("There are no ballots on the sheet.");
    }
    let (ballots, election) = (show::counted(ballots as u64, "ballot"), sheet.id());
    show::say(&format!("{ballots} of election {election}; every receipt fits."))?;
    if sheet.header.is_none() {
        show::say("A candidate whom no ballot names is not on this sheet.")?;
    }
    agrees(contradiction, path, as_json)
}

/// Refuses a sheet that contradicts itself, after what it says was shown.
fn agrees(contradiction: Option<String>, path: &Path, as_json: bool) -> Result<(), Failure> {
    let Some(why) = contradiction else { return Ok(()) };
    let why = format!("{}: {why}; {DISTRUST}", path.display());
    Err(match as_json {
        true => Failure::Reported(why, Exit::Refused),
        false => Failure::Refused(why),
    })
}

/// Finds a voter's ballot on a sheet.
pub(crate) fn verify(receipt: &str, path: &Path, as_json: bool) -> Result<(), Failure> {
    let key = SearchKey::read(receipt)?;
    let sheet = read(path, as_json)?;
    let find = |id| key.receipts(id).find_map(|receipt| sheet.find_receipt(receipt));
    let found = sheet.election.as_ref().and_then(find);
    let (place, line) = found.ok_or_else(|| {
        let restored = match sheet.restored {
            Some(restored) if key.epoch.is_none_or(|epoch| epoch < restored.epoch) => format!(
                ", which was restored from a backup in epoch {} of its ledger, perhaps after your \
                 vote",
                restored.epoch
            ),
            _ => String::new(),
        };
        Failure::Refused(format!(
            "no ballot with this receipt is among the {} of election {} on the sheet{restored}; keep \
             the receipt, and compare it and the sheet with the returning officer",
            sheet.lines.len(),
            sheet.id()
        ))
    })?;
    if as_json {
        show::json(&json!({ "ballot": place, "candidate": line.candidate }))?;
        return agrees(sheet.contradiction(), path, as_json);
    }
    let candidate = match line.candidate.as_str() {
        "" => "nobody (a blank ballot)".to_string(),
        name => format!("\"{}\"", name),
    };
    show::say(&format!("Counted: it is ballot {place} of the sheet, and for {candidate}."))?;
    agrees(sheet.contradiction(), path, as_json)
}

/// Reads a sheet from a file, or from standard input for "-".
fn read(path: &Path, as_json: bool) -> Result<TallySheet, Failure> {
    let shown = path.display();
    let mut bytes = Vec::new();
    secret::open(path).and_then(|mut it| it.read_to_end(&mut bytes)).map_err(|error| {
        Failure::Fault(format!(
            "cannot read {shown}: {error}; give a tally sheet that the command sheet wrote"
        ))
    })?;
    let refused =
        |why: &str, advice| Failure::Refused(format!("{shown}: {NOT_VALID}: {why}; {advice}"));
    let other_encoding = text::utf16(&bytes).is_some();
    // With a byte order mark of UTF-8, which is no part of a sheet.
    let decoded = match other_encoding {
        true => text::decode(bytes),
        false => String::from_utf8(bytes).ok(),
    };
    let text = decoded.ok_or_else(|| refused("it is not a text in UTF-8", UNREADABLE))?;
    let bar = show::progress(0, "ballots", as_json);
    let read = TallySheet::read_with_progress(&text, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let error = match read {
        Ok(_) if other_encoding => {
            let why = "every ballot on it fits its receipt, but a program has saved it again in \
                       UTF-16";
            return Err(refused(why, UNCHANGED));
        }
        Ok(sheet) => return Ok(sheet),
        Err(error) => error,
    };
    let advice = match error.flaw {
        SheetFlaw::Changed => DISTRUST,
        SheetFlaw::Rewritten => UNCHANGED,
        SheetFlaw::Unreadable if text.trim().is_empty() => {
            return Err(refused("it is empty", UNREADABLE));
        }
        SheetFlaw::Unreadable if receipt::is_receipt_file(&text) => {
            return Err(refused("it is a receipt file", "give the receipt first, then the sheet"));
        }
        SheetFlaw::Unreadable => UNREADABLE,
    };
    Err(Failure::Refused(format!("{shown}: {error}; {advice}")))
}
