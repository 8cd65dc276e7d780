//! Tally sheets: fetching one from a server, and checking one without.

use std::io::{self, Read, Write};
use std::path::Path;

use capvote::client::{ActOutcome, Auditor, CountedBallot, Election, Error, Info};
use capvote::command_line::Exit;
use capvote::election::{
    Ballot, Blt, Definition, Origin, Restored, SheetFlaw, SheetHeader, SheetLine, TallySheet,
};
use capvote::private_file::PrivateFile;
use serde_json::json;

use crate::failure::Failure;
use crate::receipt::{self, SearchKey};
use crate::rules;
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
    let newer = || Error::Protocol("it counts by rules of a newer version".into());
    let Info { origin, title, candidates, voters, rules, .. } = info;
    let header = SheetHeader { title, candidates, voters, rules: rules.ok_or_else(newer)? };
    let definition = header.definition(id).map_err(Error::Protocol)?;
    // What the server sends is bounded by what it says of the election: it might send for ever.
    let mut lines: Vec<SheetLine> = Vec::new();
    let mut fits = |counted: CountedBallot| {
        let Some(ballot) = ballot(&definition, &counted) else { return false };
        if lines.len() as u64 == turnout {
            return false;
        }
        let line = SheetLine::of(&definition, &ballot, counted.nonce);
        let fits = line.receipt.to_string() == counted.receipt;
        lines.push(line);
        fits
    };
    let id = &definition.id;
    let wrong = || Error::Protocol(format!("it sends another sheet than that of election {id}"));
    let mut all_fit = true;
    let take = |counted| {
        all_fit = fits(counted);
        if all_fit { Ok(()) } else { Err("this is not the sheet that was asked for") }
    };
    match auditor.tally_sheet(take).await {
        Err(Error::Callback(_)) if !all_fit => return Err(wrong()),
        Ok(ActOutcome::Done) if lines.len() as u64 != turnout => return Err(wrong()),
        Ok(ActOutcome::Refused(_)) => return Ok(None),
        sent => sent?,
    };
    let Origin { ledger, restored, .. } = origin;
    let restored = restored.map(|epoch| Restored { ledger, epoch });
    let election = Some(definition.id.clone());
    Ok(Some(TallySheet { election, lines, restored, header: Some(header) }))
}

/// The ballot that a server sent, if it is one of the election.
fn ballot(definition: &Definition, counted: &CountedBallot) -> Option<Ballot> {
    let Definition { slate, rules, .. } = definition;
    match rules.has_one_mark() {
        true => slate.choice(&counted.candidate).map(Ballot::from),
        false => Ballot::new(slate, rules, &counted.marks).ok(),
    }
}

/// Writes a sheet in the form of the file's extension, or its ballots in BLT. An existing file is
/// not overwritten.
pub(crate) fn write(
    sheet: &TallySheet,
    output: &Path,
    as_blt: bool,
    json: bool,
) -> Result<(), Failure> {
    let text = match output.extension().and_then(|extension| extension.to_str()) {
        _ if as_blt => blt(sheet)?,
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

/// The ballots of a ranked election in BLT.
fn blt(sheet: &TallySheet) -> Result<String, Failure> {
    let not_ranked = || {
        Failure::Refused("--blt: the ballots of this election are not ranked; write .csv".into())
    };
    let (definition, ballots) = sheet.ballots().ok_or_else(not_ranked)?;
    if !definition.rules.method.is_ranked() {
        return Err(not_ranked());
    }
    let Definition { slate, rules, title, .. } = &definition;
    let blank = ballots.ballots() - ballots.marked();
    let blank = (blank > 0).then(|| (blank, Vec::new()));
    Ok(Blt::write(slate, rules.seats, title, ballots.ranked().chain(blank)))
}

/// Refuses a sheet that contradicts itself, after what it says was shown.
pub(crate) fn agrees(
    contradiction: Option<String>,
    path: &Path,
    as_json: bool,
) -> Result<(), Failure> {
    let Some(why) = contradiction else { return Ok(()) };
    Err(refused(format!("{}: {why}; {DISTRUST}", path.display()), as_json))
}

/// Refuses a receipt file that says another vote than the ballot of its receipt, after that was
/// shown.
fn is_of_its_vote(fits: bool, receipt: &str, as_json: bool) -> Result<(), Failure> {
    if fits {
        return Ok(());
    }
    let why = format!(
        "{receipt}: it says another vote, which does not fit its receipt: the file was changed, or \
         never was of this vote"
    );
    Err(refused(why, as_json))
}

/// An error after what is wrong was shown.
fn refused(why: String, as_json: bool) -> Failure {
    match as_json {
        true => Failure::Reported(why, Exit::Refused),
        false => Failure::Refused(why),
    }
}

/// Finds a voter's ballot on a sheet.
pub(crate) fn verify(receipt: &str, path: &Path, as_json: bool) -> Result<(), Failure> {
    let key = SearchKey::read(receipt)?;
    let sheet = read(path, as_json)?;
    let find = |id| {
        let (place, line) = key.receipts(id).find_map(|receipt| sheet.find_receipt(receipt))?;
        Some((place, line, key.fits(id, line.receipt)))
    };
    let found = sheet.election.as_ref().and_then(find);
    let (place, line, fits) = found.ok_or_else(|| {
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
        let marks = sheet.marked(line).map(|marked| {
            let marked = marked.map(|(name, mark)| json!({ "candidate": name, "mark": mark }));
            marked.collect::<Vec<_>>()
        });
        show::json(&json!({ "ballot": place, "candidate": line.candidate, "marks": marks }))?;
        is_of_its_vote(fits, receipt, as_json)?;
        return agrees(sheet.contradiction(), path, as_json);
    }
    let candidate = match line.candidate.as_str() {
        "" if !line.marks.is_empty() => {
            let is_ranked = sheet.header.as_ref().is_some_and(|it| it.rules.method.is_ranked());
            rules::marked(sheet.marked(line).into_iter().flatten(), is_ranked)
        }
        "" => "nobody (a blank ballot)".to_string(),
        name => format!("\"{}\"", name),
    };
    show::say(&format!("Counted: it is ballot {place} of the sheet, and for {candidate}."))?;
    is_of_its_vote(fits, receipt, as_json)?;
    agrees(sheet.contradiction(), path, as_json)
}

/// Reads a sheet from a file, or from standard input for "-".
pub(crate) fn read(path: &Path, as_json: bool) -> Result<TallySheet, Failure> {
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
