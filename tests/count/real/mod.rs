//! Real elections whose results others published or computed.
//!
//! Their files are not in the repository: they are read from the folder `shared/ballots` beside it.
//! Where that is missing, these tests say so and check nothing.

mod clubs;
mod debian;
mod mayors;
mod scotland;
mod secrecy;

use std::fs;
use std::path::{Path, PathBuf};

use capvote::election::{Blt, Choice, Count, LotSeed, Method, Rules, Slate, count};

/// The folder of this name with real ballots, if it is here.
fn folder(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut places =
        ["..", "../.."].iter().map(|up| root.join(up).join("shared/ballots").join(name));
    let found = places.find(|place| place.is_dir());
    if found.is_none() {
        println!("skipped: there is no shared/ballots/{name} beside the repository");
    }
    found
}

/// The rows of a CSV file, without its header.
fn rows(file: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let rows = reader.records().map(|row| row.unwrap().iter().map(String::from).collect());
    rows.collect()
}

/// A seed, for elections in which no lot is drawn, or in which it does not matter.
fn no_lot() -> LotSeed {
    LotSeed::from([0; 32])
}

fn read(file: &Path) -> Blt {
    let blt = fs::read_to_string(file).unwrap().parse();
    blt.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn ranked(method: Method, slate: &Slate, seats: u16) -> Rules {
    Rules { method, seats, marks: slate.names().len() as u16, ..Rules::default() }
}

fn count_blt(blt: &Blt, method: Method) -> Count {
    let rules = ranked(method, &blt.slate, blt.seats);
    let ballots = blt.for_counting(&rules);
    count(&blt.slate, &rules, &ballots, ballots.ballots(), &no_lot())
}

/// The numbers of candidates from 1.
fn numbers(names: &[Choice]) -> Vec<usize> {
    names.iter().map(|name| name.index() + 1).collect()
}

fn parse_numbers(text: &str) -> Vec<usize> {
    text.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

#[test]
fn every_file_of_ballots_is_read() {
    let mut files = 0;
    for name in ["minneapolis-2013", "scotland-2012-2022", "scotland-glasgow-2007", "tideman-clubs"]
    {
        let Some(folder) = folder(name) else { return };
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
            if extension == "blt" || extension == "hil" {
                assert!(read(&file).ballots().count() > 0, "{}", file.display());
                files += 1;
            }
        }
    }
    assert_eq!(files, 28);
}
