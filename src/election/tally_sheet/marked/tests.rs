//! Sheets of format 2, read back, altered, and saved again.

use super::*;
use crate::election::{LedgerId, Nonce, SheetFlaw, Verdict};

fn rules(method: Method, marks: u16) -> Rules {
    Rules { method, marks, ..Rules::default() }
}

/// A sheet with these marks on its ballots.
fn sheet(rules: Rules, ballots: &[&[u16]]) -> TallySheet {
    let election: ElectionId = "chair".parse().unwrap();
    let candidates = ["Ada", "Grace \"Amazing\" Hopper", "李四, 🗳️\nJr.", "nonce"];
    let candidates = candidates.map(String::from).to_vec();
    let header = SheetHeader { title: "The \"chair\"".into(), candidates, voters: 100, rules };
    let definition = header.definition(election.clone()).unwrap();
    let line = |(nonce, marks): (u8, &&[u16])| {
        let ballot = Ballot::new(&definition.slate, &rules, marks).unwrap();
        SheetLine::of(&definition, &ballot, Nonce::from([nonce; 16]))
    };
    let mut lines: Vec<_> = (0..).zip(ballots).map(line).collect();
    lines.sort_by_key(|line| line.receipt);
    TallySheet { election: Some(election), lines, restored: None, header: Some(header) }
}

/// Sheets of every kind.
fn sheets() -> [TallySheet; 5] {
    let share = |text: &str| Some(text.parse::<Share>().unwrap());
    let majority = Rules { majority: share(">1/2 of marked"), ..Rules::default() };
    let quorum = Rules { quorum: share(">=1/4 of roll"), none: true, ..rules(Method::Schulze, 4) };
    let ledger = LedgerId::from([0xa7; 16]);
    let restored = sheet(rules(Method::Plurality, 4), &[&[1, 0, 1, 1], &[], &[0, 1, 0, 0]]);
    [
        sheet(majority, &[&[1, 0, 0, 0], &[], &[0, 0, 0, 1]]),
        sheet(rules(Method::Transferable, 3), &[&[2, 0, 3, 1], &[0, 1, 0, 0], &[]]),
        sheet(quorum, &[&[2, 1, 2, 0], &[1, 1, 1, 1]]),
        sheet(rules(Method::Transferable, 4), &[]),
        TallySheet { restored: Some(Restored { ledger, epoch: 2 }), ..restored },
    ]
}

#[test]
fn a_sheet_reads_back_as_it_was_written() {
    for sheet in sheets() {
        for text in [sheet.to_csv(), sheet.to_json()] {
            assert_eq!(TallySheet::read(&text).as_ref(), Ok(&sheet), "{text}");
        }
    }
}

#[test]
fn the_example_is_a_sheet() {
    let sheet = sheet(rules(Method::Transferable, 3), &[&[2, 0, 1, 0]]);
    let csv = sheet.to_csv();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[0], "capvote tally sheet,2");
    assert_eq!(lines[4..8], ["method,transferable", "seats,1", "marks,3", "majority,"]);
    assert!(csv.contains("\"Ada\",\"Grace \"\"Amazing\"\" Hopper\","), "{csv}");
    assert!(lines.last().unwrap().starts_with("2,,1,,0000"), "{csv}");
}

#[test]
fn every_altered_byte_is_found() {
    for sheet in sheets() {
        for text in [sheet.to_csv(), sheet.to_json()] {
            for at in 0..text.len() {
                for flip in [1, 2, 4, 8, 16, 32, 64, 7, 0x2a] {
                    let mut altered = text.clone().into_bytes();
                    altered[at] ^= flip;
                    let Ok(altered) = String::from_utf8(altered) else { continue };
                    assert!(TallySheet::read(&altered).is_err(), "byte {at} by {flip}: {altered}");
                }
            }
        }
    }
}

#[test]
fn a_sheet_that_was_saved_again_is_told_from_a_forged_one() {
    for sheet in sheets() {
        let csv = sheet.to_csv();
        for again in [
            csv.replace('\n', "\r\n"),
            format!("\u{FEFF}{csv}"),
            csv.replace("capvote tally sheet,2", "\"capvote tally sheet\",\"2\""),
            csv.trim_end().to_string(),
        ] {
            let error = TallySheet::read(&again).unwrap_err();
            // A name has a line end, which is not written in that way.
            let flaw = error.flaw;
            let is_forged = flaw == SheetFlaw::Changed && !again.contains('\r');
            assert!(!is_forged, "{error}: {again}");
        }
        let forged = csv.replace("voters,100", "voters,101");
        let error = TallySheet::read(&forged).unwrap_err();
        assert_eq!(error.flaw, SheetFlaw::Changed, "{error}");
    }
}

#[test]
fn a_ballot_that_was_left_out_or_added_is_found() {
    for sheet in sheets() {
        let csv = sheet.to_csv();
        let lines: Vec<_> = csv.lines().collect();
        let ballots = sheet.lines.len();
        for left_out in lines.len() - ballots..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(left_out);
            let error = TallySheet::read(&format!("{}\n", fewer.join("\n"))).unwrap_err();
            assert_eq!(error.flaw, SheetFlaw::Changed, "{error}");
            assert!(error.what.starts_with("it was written with "), "{error}");
        }
        let Some(last) = lines.last().filter(|_| ballots > 0) else { continue };
        let error = TallySheet::read(&format!("{csv}{last}\n")).unwrap_err();
        assert_eq!(error.flaw, SheetFlaw::Changed, "{error}");
    }
}

#[test]
fn a_sheet_is_counted_by_its_rules() {
    let sheet = sheet(
        rules(Method::Transferable, 4),
        &[&[1, 2, 0, 0], &[1, 2, 0, 0], &[0, 1, 0, 2], &[0, 1, 0, 0], &[2, 0, 1, 0], &[]],
    );
    let (definition, count) = sheet.count().unwrap();
    let names: Vec<_> = count.elected.iter().map(|&it| definition.slate.name(it)).collect();
    assert_eq!((names, count.verdict), (vec![Some("Ada")], Verdict::Decided));
    assert_eq!((count.wholes.marked, count.wholes.ballots, count.wholes.roll), (5, 6, 100));
    assert_eq!(sheet.recount()["Ada"], 2);
    assert_eq!(sheet.recount()[""], 1);
    let (_, ballots) = sheet.ballots().unwrap();
    assert_eq!((ballots.ballots(), ballots.ranked().count()), (6, 4));
}
