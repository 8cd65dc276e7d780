//! Wards of Scotland: who was elected, and for Glasgow 2007 every stage.

use std::fs;

use capvote::election::{Method, Round, Status, Step, Verdict, Votes};

use super::{count_blt, folder, numbers, parse_numbers, read, rows};

#[test]
fn scottish_wards_elect_whom_they_elected() {
    for (folder_name, files) in [("scotland-glasgow-2007", 14), ("scotland-2012-2022", 6)] {
        let Some(folder) = folder(folder_name) else { continue };
        let rows = rows(&folder.join("expected.csv"));
        assert_eq!(rows.len(), files);
        for row in rows {
            let [file, seats, ballots, quota, elected, ..] = &row[..] else { panic!("{row:?}") };
            let blt = read(&folder.join(file));
            let count = count_blt(&blt, Method::Transferable);
            assert_eq!(blt.seats.to_string(), *seats, "{file}");
            assert_eq!(count.wholes.marked.to_string(), *ballots, "{file}");
            assert_eq!(count.rounds[0].needed.to_string(), *quota, "{file}");
            assert_eq!(numbers(&count.elected), parse_numbers(elected), "{file}");
            assert_eq!((count.verdict, &count.lots[..]), (Verdict::Decided, &[][..]), "{file}");
        }
    }
}

/// A line of a table by Droop.
struct Line<'a> {
    stage: &'a str,
    action: &'a str,
    quota: Votes,
    not_transferable: Votes,
    /// Name, state and votes of each candidate.
    candidates: Vec<(&'a str, &'a str, Votes)>,
}

fn votes(text: &str) -> Votes {
    let (whole, rest) = text.split_once('.').unwrap();
    let digits: u64 = format!("{whole}{rest}").parse().unwrap();
    Votes::from_billionths(digits * 10_u64.pow(9 - rest.len() as u32))
}

fn lines(table: &str) -> Vec<Line<'_>> {
    let cells = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    let lines = cells.filter(|cells| cells.len() > 4).map(|cells| Line {
        stage: cells[0],
        action: cells[1],
        quota: votes(cells[2]),
        not_transferable: votes(cells[3]),
        candidates: cells[4..].chunks(3).map(|it| (it[0], it[1], votes(it[2]))).collect(),
    });
    lines.collect()
}

#[test]
fn every_stage_of_glasgow_2007_is_that_of_the_published_tables() {
    let Some(folder) = folder("scotland-glasgow-2007") else { return };
    let mut stages = 0;
    for row in rows(&folder.join("expected.csv")) {
        let file = &row[0];
        let table = file.replace(".blt", "-scotland-fixed-p5-d5.txt");
        let table = fs::read_to_string(folder.join(table)).unwrap();
        let blt = read(&folder.join(file));
        let count = count_blt(&blt, Method::Transferable);
        let (last, mut rounds) = (count.rounds.len() - 1, count.rounds.iter());
        let lines = lines(&table);
        // The votes of a stage stand in its last line but for the end.
        let ends = lines.chunk_by(|one, other| one.stage == other.stage);
        for of_stage in ends.filter(|of_stage| of_stage[0].stage != "X") {
            let round = rounds.next().unwrap();
            let line = of_stage.last().unwrap();
            check_stage(file, blt.slate.names(), round, line);
            let transferred = of_stage.iter().find_map(|line| match line.action {
                "defeat" => Some(("defeat", "D")),
                "unpend" => Some(("unpend", "E")),
                _ => None,
            });
            let what = match round.step {
                Step::First => None,
                Step::Surplus { .. } => Some(("unpend", "E")),
                Step::Exclusion { .. } => Some(("defeat", "D")),
                Step::Remaining => panic!("{file}: no stage of its own there"),
            };
            assert_eq!(what, transferred, "{file}, stage {}", line.stage);
            stages += 1;
        }
        // Droop counts it as a part of the last stage.
        if let Some(round) = rounds.next() {
            assert_eq!((round.step, rounds.next()), (Step::Remaining, None), "{file}");
        }
        let end = &lines.last().unwrap().candidates;
        for (status, (name, state, _)) in count.rounds[last].status.iter().zip(end) {
            assert_eq!(*status == Status::Elected, *state == "E", "{file}: {name}");
        }
    }
    assert_eq!(stages, 132);
}

fn check_stage(file: &str, names: &[String], round: &Round, line: &Line<'_>) {
    let place = format!("{file}, stage {}", line.stage);
    assert_eq!(round.needed, line.quota, "{place}");
    assert_eq!(round.exhausted, line.not_transferable, "{place}");
    assert_eq!(names.len(), line.candidates.len(), "{place}");
    for (index, (name, _, votes)) in line.candidates.iter().enumerate() {
        // Droop takes several blanks for one.
        let words = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&names[index]), words(name), "{place}");
        assert_eq!(round.votes[index], *votes, "{place}: {name}");
    }
}
