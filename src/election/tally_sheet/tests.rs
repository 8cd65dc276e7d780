//! Sheets read back, altered, and stuffed.

use super::*;

fn sheet(ballots: u8) -> TallySheet {
    let election: ElectionId = "board".parse().unwrap();
    let names = ["Ada", "Grace \"Amazing\" Hopper", "", "李四, 🗳️\nJr."];
    let line =
        |n: u8| SheetLine::new(&election, names[usize::from(n % 4)].into(), Nonce::from([n; 16]));
    let mut lines: Vec<_> = (0..ballots).map(line).collect();
    lines.sort_by_key(|line| line.receipt);
    let candidates = names.map(String::from).to_vec();
    let rules = Rules::default();
    let header = SheetHeader { title: "The board".into(), candidates, voters: 100, rules };
    TallySheet { election: Some(election), lines, restored: None, header: Some(header) }
}

fn restored(sheet: TallySheet) -> TallySheet {
    let ledger = crate::election::LedgerId::from([0xa7; 16]);
    TallySheet { restored: Some(Restored { ledger, epoch: 2 }), ..sheet }
}

#[test]
fn a_sheet_reads_back_as_it_was_written() {
    let sheet = sheet(20);
    assert_eq!(TallySheet::read(&sheet.to_json()), Ok(sheet.clone()));
    let csv = TallySheet { header: None, ..sheet.clone() };
    assert_eq!(TallySheet::read(&sheet.to_csv()), Ok(csv.clone()));
    assert_eq!(csv.recount(), sheet.recount());
    assert_eq!(csv.recount()["Ada"], 5);
    let empty = TallySheet { lines: Vec::new(), ..sheet };
    assert_eq!(TallySheet::read(&empty.to_json()), Ok(empty.clone()));
    // In CSV, the election of a sheet without ballots is left out.
    let named = restored(empty.clone());
    let empty = TallySheet { election: None, header: None, ..empty };
    assert_eq!(TallySheet::read(&empty.to_csv()), Ok(empty.clone()));
    assert_eq!(TallySheet::read(&named.to_csv()), Ok(restored(empty.clone())));
    for sheet in [restored(csv), restored(empty)] {
        assert_eq!(TallySheet::read(&sheet.to_csv()), Ok(sheet));
    }
    let sheet = restored(self::sheet(3));
    assert_eq!(TallySheet::read(&sheet.to_json()), Ok(sheet));
}

#[test]
fn every_altered_byte_is_found() {
    let restored = restored(sheet(6));
    let plain = [sheet(6).to_csv(), sheet(6).to_json()];
    for text in plain.into_iter().chain([restored.to_csv(), restored.to_json()]) {
        for at in 0..text.len() {
            for flip in [1, 2, 4, 8, 16, 32, 64, 7, 0x2a] {
                let mut altered = text.clone().into_bytes();
                altered[at] ^= flip;
                // A sheet that is not UTF-8 is rejected before it is parsed.
                let Ok(altered) = String::from_utf8(altered) else { continue };
                assert!(TallySheet::read(&altered).is_err(), "byte {at} by {flip}: {altered}");
            }
        }
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        for dropped in 0..lines.len() {
            let mut twice = lines.clone();
            twice.insert(dropped, lines[dropped]);
            let repeated = TallySheet::read(&twice.concat()).map_or(1, |sheet| sheet.repeated());
            assert_eq!(repeated, 1, "line {dropped} twice");
        }
    }
}

/// What a program does to a text.
type Rewrite<'a> = &'a dyn Fn(&str) -> String;

#[test]
fn a_sheet_that_was_saved_again_is_told_apart_from_a_changed_one() {
    let plain = |text: &str| text.to_string();
    let windows = |text: &str| text.replace('\n', "\r\n");
    let spreadsheet = |text: &str| windows(&text.replace(',', ";"));
    let rewriting: [(&str, Rewrite<'_>); 10] = [
        ("line ends of another system", &windows),
        ("line ends of another system", &|text| text.replace('\n', "\r")),
        ("a byte order mark", &|text| format!("\u{FEFF}{text}")),
        ("a byte order mark, line ends", &|text| format!("\u{FEFF}{}", windows(text))),
        ("an empty line", &|text| format!("{text}\n")),
        ("an empty line", &|text| format!("\n{text}")),
        ("line ends of another system", &|text| format!("{}\r\n", windows(text))),
        ("a last line without its end", &|text| plain(text.trim_end())),
        ("other separators, quotes or blanks", &|text| format!(" {text}")),
        ("other separators, quotes or blanks", &|text| format!("{text} \n")),
    ];
    let sheet = saved(&["Ada", "Grace \"Amazing\" Hopper", ""]);
    let (csv, json) = (sheet.to_csv(), sheet.to_json());
    let check = |text: &str, says: &str| {
        let error = TallySheet::read(text).unwrap_err();
        assert!(
            error.flaw == SheetFlaw::Rewritten && error.what.contains(says),
            "{says}: {error}: {text:?}"
        );
    };
    for (says, rewrite) in rewriting {
        for text in [&csv, &json] {
            check(&rewrite(text), says);
            // A changed ballot is one, in whatever form.
            for (from, to) in [("Ada", "Adb"), ("board", "bored")] {
                let changed = TallySheet::read(&rewrite(&text.replacen(from, to, 1))).unwrap_err();
                assert!(changed.flaw == SheetFlaw::Changed, "{says}: {changed}");
            }
        }
    }
    check(&csv.replace("\"Ada\"", "Ada"), "other separators, quotes or blanks");
    check(&spreadsheet(&csv), "line ends of another system");
    check(&format!("sep=;\n{}", csv.replace(',', ";")), "other separators");
    check(&csv.replace(',', "\t"), "other separators");
    check(&json.replace("  ", "\t"), "other separators, quotes or blanks");
    check(&csv.replace(',', "|"), "other separators");
    check(&csv.replace('\n', ",,\n"), "other separators, quotes or blanks");
    check(&format!("{csv},,,\n"), "other separators, quotes or blanks");
    check(&format!("{csv}\u{1A}"), "a last line without its end");
    check(&csv.replace('\n', " \n"), "other separators, quotes or blanks");
    check(&csv.replace("board,", "board, "), "other separators, quotes or blanks");
    check(&format!("Sheet of the board\n\n{csv}"), "an empty line");
    check(&csv.replacen("election,candidate", "Election,\"Candidate\"", 1), "other separators");
    let rows = csv.lines().enumerate();
    let numbered: Vec<_> = rows.map(|(number, row)| format!("{number},{row}")).collect();
    check(&numbered.join("\n"), "other columns");
    let sorted = |text: &str| {
        let (heading, rows) = text.split_once('\n').unwrap();
        let rows: Vec<_> = rows.lines().rev().collect();
        format!("{heading}\n{}\n", rows.join("\n"))
    };
    check(&sorted(&csv), "the ballots in another order");
    let receipt = sheet.lines[0].receipt.to_string();
    check(&csv.replace(&receipt, &receipt.to_lowercase()), "other separators, quotes or blanks");
    let restored = restored(sheet);
    check(&windows(&restored.to_csv()), "line ends of another system");
}

#[test]
fn what_is_no_sheet_is_not_called_changed() {
    let csv = saved(&["Ada", "Grace"]).to_csv();
    let json = saved(&["Ada"]).to_json();
    let quoted: String = csv.lines().map(|line| format!("> {line}\n")).collect();
    let (half, _) = json.split_at(json.len() / 2);
    for text in ["", "\n", "a letter\n", "{}", "{", &quoted, &json.replacen('{', "", 1), half] {
        assert_eq!(TallySheet::read(text).unwrap_err().flaw, SheetFlaw::Unreadable, "{text:?}");
    }
    let restored = restored(saved(&["Ada", "Grace"])).to_csv();
    for text in [
        restored.replace("epoch 2", "epoch 3"),
        restored.replacen("Ada", "Eve", 1),
        csv.replacen("Ada", "Eve", 1).replace(',', ";"),
        json.replacen("Ada", "Eve", 1),
        json.replace("9,", "8,"),
    ] {
        assert_eq!(TallySheet::read(&text).unwrap_err().flaw, SheetFlaw::Changed, "{text}");
    }
}

/// A sheet without line breaks in its names.
fn saved(names: &[&str]) -> TallySheet {
    let election: ElectionId = "board".parse().unwrap();
    let line =
        |(name, n): (&&str, u8)| SheetLine::new(&election, name.to_string(), Nonce::from([n; 16]));
    let mut lines: Vec<_> = names.iter().zip(1..).map(line).collect();
    lines.sort_by_key(|line| line.receipt);
    let candidates = names.iter().map(|name| name.to_string()).collect();
    let header =
        SheetHeader { title: "Test".into(), candidates, voters: 9, rules: Rules::default() };
    TallySheet { election: Some(election), lines, restored: None, header: Some(header) }
}

#[test]
fn ballots_that_were_added_contradict_the_sheet() {
    let (sheet, election) = (sheet(20), "board".parse().unwrap());
    assert_eq!(sheet.contradiction(), None);
    let with = |line: SheetLine, voters| {
        let mut stuffed = sheet.clone();
        stuffed.lines.push(line);
        stuffed.lines.sort_by_key(|line| line.receipt);
        stuffed.header.as_mut().unwrap().voters = voters;
        let read = TallySheet::read(&stuffed.to_json()).unwrap();
        assert_eq!(read.to_csv(), stuffed.to_csv());
        read.contradiction()
    };
    let added = |name: &str| SheetLine::new(&election, name.into(), Nonce::from([99; 16]));
    assert_eq!(with(added("Ada"), 21), None);
    for (line, voters, why) in [
        (added("Ada"), 20, "it has 21 ballots, and the roll has 20 voters"),
        (added("Eve"), 100, "a ballot is for \"Eve\", and that is no candidate"),
        (sheet.lines[3].clone(), 100, "1 of its ballots share their receipt"),
    ] {
        assert!(with(line, voters).is_some_and(|it| it.starts_with(why)), "{why}");
    }
}

#[test]
fn a_ballot_is_found_by_its_receipt_however_it_is_typed() {
    let sheet = sheet(20);
    let receipt = sheet.lines[7].receipt.to_string();
    for typed in [
        receipt.clone(),
        receipt.to_lowercase(),
        receipt.replace('-', ""),
        receipt.replace('-', "\u{2011}"),
    ] {
        assert_eq!(sheet.find(&typed), Some((8, &sheet.lines[7])));
    }
    assert_eq!(sheet.find("AAAA-AAAA"), None);
    assert_eq!(sheet.find(""), None);
}
