//! Reading a BLT file.

use std::collections::HashMap;
use std::str::FromStr;

use super::super::{CANDIDATE_BYTES_MAX, CANDIDATES_MAX, Choice, Slate, printable};
use super::lines::Lines;
use super::{BLT_BALLOTS_MAX, BLT_BYTES_MAX, BallotLine, Blt, InvalidBlt, Preference};

/// A file under way.
struct Reading<'a> {
    lines: Lines<'a>,
    /// The place on the slate of each number, from 1; `None` for whoever has withdrawn.
    places: Vec<Option<Choice>>,
    ballots: Vec<BallotLine>,
    preferences: Vec<Preference>,
    /// For each candidate, the last ballot line on which it was found.
    found: Vec<usize>,
    all: u64,
}

impl FromStr for Blt {
    type Err = InvalidBlt;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut lines = Lines::new(text);
        if text.len() > BLT_BYTES_MAX {
            let what = format!("the file has more than {} MiB", BLT_BYTES_MAX >> 20);
            return Err(lines.error(what));
        }
        let (candidates, seats) = header(&mut lines)?;
        let mut reading = Reading {
            lines,
            places: vec![None; candidates],
            ballots: Vec::new(),
            preferences: Vec::new(),
            found: vec![0; candidates],
            all: 0,
        };
        let withdrawn = reading.ballots()?;
        reading.names(&withdrawn, seats)
    }
}

/// The numbers of candidates and seats.
fn header(lines: &mut Lines<'_>) -> Result<(usize, u16), InvalidBlt> {
    let mut number = |of: &str| -> Result<usize, InvalidBlt> {
        let word = lines.word().unwrap_or_default();
        let found = word.parse::<usize>().ok().filter(|&number| number > 0);
        found.ok_or_else(|| {
            let what = "it begins with the numbers of candidates and seats, such as \"5 2\"";
            lines.error(format!("{what}; the number of {of} is {}", shown(word)))
        })
    };
    let (candidates, seats) = (number("candidates")?, number("seats")?);
    if candidates > CANDIDATES_MAX {
        let what = format!("there are at most {CANDIDATES_MAX} candidates; it has {candidates}");
        return Err(lines.error(what));
    }
    match u16::try_from(seats) {
        Ok(few) if seats <= candidates => Ok((candidates, few)),
        _ => {
            let (few, many) = (counted(candidates, "candidate"), counted(seats, "seat"));
            Err(lines.error(format!("{few} cannot fill {many}")))
        }
    }
}

impl Reading<'_> {
    /// Reads who has withdrawn, and the ballots up to the line `0`.
    fn ballots(&mut self) -> Result<Vec<bool>, InvalidBlt> {
        let mut withdrawn = vec![false; self.places.len()];
        loop {
            let Some(word) = self.lines.word() else {
                return Err(self
                    .lines
                    .error("it ends before the line 0 behind its ballots".into()));
            };
            if let (Some(number), true) = (word.strip_prefix('-'), self.ballots.is_empty()) {
                let index = self.candidate(number)?;
                withdrawn.get_mut(index).into_iter().for_each(|is| *is = true);
                continue;
            }
            self.place_candidates(&withdrawn);
            let number = word.parse::<u64>().map_err(|_| {
                let what = "a ballot begins with how many there are of it, a whole number";
                self.lines.error(format!("{what}, and not with {}", shown(word)))
            })?;
            if number == 0 {
                return Ok(withdrawn);
            }
            self.all = self.all.saturating_add(number);
            if self.all > BLT_BALLOTS_MAX {
                return Err(self
                    .lines
                    .error(format!("there are more than {BLT_BALLOTS_MAX} ballots")));
            }
            self.preferences()?;
            self.ballots.push(BallotLine { ballots: number, end: self.preferences.len() });
        }
    }

    /// Gives those who have not withdrawn their places on the slate, before the first ballot.
    fn place_candidates(&mut self, withdrawn: &[bool]) {
        if !self.ballots.is_empty() {
            return;
        }
        let mut places = (0..).map_while(Choice::from_index);
        for (place, withdrawn) in self.places.iter_mut().zip(withdrawn) {
            *place = if *withdrawn { None } else { places.next() };
        }
    }

    /// Reads the preferences of a ballot, up to its 0, which is on the same line.
    fn preferences(&mut self) -> Result<(), InvalidBlt> {
        let begun = self.lines.number();
        loop {
            let Some(word) = self.lines.word() else {
                return Err(self
                    .lines
                    .error("a ballot ends with 0, and the file before it".into()));
            };
            if self.lines.number() != begun {
                let what = "a ballot ends with 0 on its line, and this one does not".into();
                return Err(InvalidBlt { line: begun, what });
            }
            if word == "0" {
                return Ok(());
            }
            let mut shared = false;
            for number in word.split('=') {
                let index = self.candidate(number)?;
                let line = self.ballots.len() + 1;
                if self.found.get(index) == Some(&line) {
                    let what = format!("a ballot has candidate {} twice", index + 1);
                    return Err(self.lines.error(what));
                }
                self.found.get_mut(index).into_iter().for_each(|found| *found = line);
                // Whoever has withdrawn leaves their rank to those who share it.
                if let Some(name) = self.places.get(index).copied().flatten() {
                    self.preferences.push(Preference { name, shared });
                    shared = true;
                }
            }
        }
    }

    /// The index of the candidate with this number.
    fn candidate(&self, number: &str) -> Result<usize, InvalidBlt> {
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        index.filter(|&index| index < self.places.len()).ok_or_else(|| {
            let most = self.places.len();
            let what = format!("a candidate is a number from 1 to {most}, not {}", shown(number));
            self.lines.error(what)
        })
    }

    /// Reads the names and the title.
    fn names(mut self, withdrawn: &[bool], seats: u16) -> Result<Blt, InvalidBlt> {
        let mut names = Vec::with_capacity(withdrawn.len());
        let mut gone = Vec::new();
        let mut known = HashMap::new();
        for (index, withdrawn) in withdrawn.iter().enumerate() {
            let name = self.lines.name().unwrap_or_else(|| {
                let all = counted(self.places.len(), "candidate");
                Err(self.lines.error(format!("it names {index} of its {all}")))
            })?;
            self.check_name(&name, index)?;
            if let Some(first) = known.insert(name.clone(), index + 1) {
                let both = format!("candidates {first} and {} are both called", index + 1);
                return Err(self.lines.error(format!("{both} {}", shown(&name))));
            }
            if *withdrawn { gone.push(name) } else { names.push(name) }
        }
        let title = self.lines.name().transpose()?.unwrap_or_default();
        if let Some(rest) = self.lines.rest() {
            let all = counted(self.places.len(), "candidate");
            let what = format!("the title is the last text of a file of {all}, and behind it is");
            return Err(self.lines.error(format!("{what} {}", shown(rest.trim_end()))));
        }
        if usize::from(seats) > names.len() {
            let are = if names.len() == 1 { "is" } else { "are" };
            let (left, seats) = (counted(names.len(), "candidate"), counted(seats.into(), "seat"));
            return Err(self.lines.error(format!("{left} {are} left for {seats}")));
        }
        let slate = Slate::new(names).map_err(|error| self.lines.error(error.to_string()))?;
        Ok(Blt {
            slate: slate.with_blank(true),
            seats,
            withdrawn: gone,
            title,
            lines: self.ballots,
            preferences: self.preferences,
        })
    }

    fn check_name(&self, name: &str, index: usize) -> Result<(), InvalidBlt> {
        let number = index + 1;
        if name.trim().is_empty() {
            return Err(self.lines.error(format!("the name of candidate {number} is empty")));
        }
        if name.len() > CANDIDATE_BYTES_MAX {
            let what = format!("the name of candidate {number} has more than");
            return Err(self.lines.error(format!("{what} {CANDIDATE_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

/// "1 seat", "2 seats".
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A word of the file in an error, if it is not too long.
fn shown(word: &str) -> String {
    const SHOWN_CHARACTERS_MAX: usize = 40;
    if word.is_empty() {
        return "missing".into();
    }
    let word = printable(word);
    if word.chars().count() > SHOWN_CHARACTERS_MAX {
        let start: String = word.chars().take(SHOWN_CHARACTERS_MAX).collect();
        return format!("\"{start}...\"");
    }
    format!("\"{word}\"")
}
