//! The file of an earlier issue: who on a list has a number there.

use std::collections::HashMap;

use capvote::election::VoterNumber;

use super::alike::{key, tell_apart};
use super::{Gone, first_of, numbered, shown};
use crate::roll::HEADING;
use crate::table::{Row, Table, plain_name};

/// A line, and the number in it.
type Numbered = (u64, Option<VoterNumber>);

/// A list, and the columns that tell its people apart.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    pub(super) table: &'a Table,
    pub(super) telling: &'a [usize],
}

/// Rows with the same text in the columns that both files have, by their places.
#[derive(Default)]
struct Group {
    letters: Vec<usize>,
    people: Vec<usize>,
}

/// Gives people the numbers that they have in the file of an earlier issue: those with the same
/// number, and those with the same text in the columns that both have. Returns how many numbers are
/// in the files, and who in the earlier one is not on the list.
///
/// # Errors
/// The file is none of letters, or does not tell whose a number is.
pub(super) fn join(
    list: List<'_>,
    people: &mut [Numbered],
    mut letters: Table,
    allow_duplicates: bool,
) -> Result<(u64, Gone), String> {
    let column = letters.column(HEADING)?;
    let column = column.ok_or_else(|| format!("it has no column {HEADING}"))?;
    let telling = tell_apart(&mut letters, Some(column));
    let letters = List { table: &letters, telling: &telling };
    let numbers = numbered(&letters.table.rows, Some(column))?;
    let known: HashMap<VoterNumber, usize> =
        (0..).zip(&numbers).filter_map(|(at, (_, number))| Some(((*number)?, at))).collect();
    let mut found = vec![false; numbers.len()];
    let mut own = 0;
    for number in people.iter().filter_map(|(_, number)| *number) {
        match known.get(&number).and_then(|&at| found.get_mut(at)) {
            Some(found) => *found = true,
            None => own += 1,
        }
    }
    let (in_list, in_letters) = shared(list, letters)?;
    let mut groups = Vec::new();
    let mut places = HashMap::new();
    for (at, row) in (0..).zip(&letters.table.rows).filter(|&(at, _)| found.get(at) != Some(&true))
    {
        let place = *places.entry(key(&row.fields, &in_letters)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Group::default());
        }
        groups.iter_mut().skip(place).take(1).for_each(|group| group.letters.push(at));
    }
    for (at, (row, (_, number))) in (0..).zip(list.table.rows.iter().zip(&*people)) {
        let is_settled = number.is_some_and(|number| known.contains_key(&number));
        let place = places.get(&key(&row.fields, &in_list)).filter(|_| !is_settled);
        let group = place.and_then(|&place| groups.get_mut(place));
        group.into_iter().for_each(|group| group.people.push(at));
    }
    let files = Files { list, letters, numbers: &numbers, allow_duplicates, columns: &in_letters };
    let mut gone = Vec::new();
    for group in &groups {
        files.settle(group, people)?;
        gone.extend(group.letters.iter().skip(group.people.len()));
    }
    gone.sort_unstable();
    let gone = gone.into_iter().filter_map(|at: usize| {
        let (line, number) = numbers.get(at)?;
        number.as_ref()?;
        Some((*line, shown(letters.table.rows.get(at)?, Some(column))))
    });
    Ok((known.len() as u64 + own, Gone(gone.collect())))
}

/// The columns that tell people apart and have the same name in both files.
fn shared(list: List<'_>, letters: List<'_>) -> Result<(Vec<usize>, Vec<usize>), String> {
    let place = |of: List<'_>, name: &str| {
        let all = (0..).zip(&of.table.heading.fields);
        let mut named = all.filter(|(_, it)| plain_name(it) == name).map(|(at, _)| at);
        let (first, second) = (named.next()?, named.next());
        (second.is_none() && of.telling.contains(&first)).then_some(first)
    };
    let names = list.table.heading.fields.iter().map(plain_name).filter(|name| !name.is_empty());
    let both = names.filter_map(|name| Some((place(list, &name)?, place(letters, &name)?)));
    let (in_list, in_letters): (Vec<_>, Vec<_>) = both.unzip();
    if in_list.is_empty() {
        return Err("it has no column of the list but the numbers".into());
    }
    Ok((in_list, in_letters))
}

struct Files<'a> {
    list: List<'a>,
    letters: List<'a>,
    numbers: &'a [Numbered],
    allow_duplicates: bool,
    /// The columns of the letters that the list has.
    columns: &'a [usize],
}

impl Files<'_> {
    /// Gives the people of a group their numbers, in the order of the lines.
    fn settle(&self, group: &Group, people: &mut [Numbered]) -> Result<(), String> {
        let number = |at: &usize| self.numbers.get(*at).and_then(|(_, number)| *number);
        if group.people.is_empty() || !group.letters.iter().any(|at| number(at).is_some()) {
            return Ok(());
        }
        let is_one = |places: &[usize], of: List<'_>| {
            let rows = places.iter().filter_map(|&at| of.table.rows.get(at));
            let mut keys = rows.map(|row| key(&row.fields, of.telling));
            let first = keys.next();
            places.len() == 1 || self.allow_duplicates && keys.all(|key| Some(key) == first)
        };
        let first = group.letters.first().and_then(|&at| self.letters.table.rows.get(at));
        let is_blank = first.is_none_or(|row| key(&row.fields, self.columns).is_empty());
        if is_blank || !is_one(&group.letters, self.letters) || !is_one(&group.people, self.list) {
            return Err(self.unclear(group, is_blank));
        }
        for (letter, &at) in group.letters.iter().zip(&group.people) {
            let Some((line, has)) = people.get_mut(at) else { continue };
            match (number(letter), *has) {
                (None, _) => {}
                (had, None) => *has = had,
                (Some(_), Some(_)) => {
                    let of = lines(&[*letter], self.letters);
                    return Err(format!(
                        "the person in line {of} has another number in line {line} of the list; \
                         take one of the two off"
                    ));
                }
            }
        }
        Ok(())
    }

    fn unclear(&self, group: &Group, is_blank: bool) -> String {
        let names = self.columns.iter().filter_map(|&at| self.letters.table.heading.fields.get(at));
        let names = names.map(|name| format!("{:?}", name.trim())).collect::<Vec<_>>().join(", ");
        let (of, on) = (lines(&group.letters, self.letters), lines(&group.people, self.list));
        let has = if is_blank { "nothing" } else { "the same text" };
        let alike = match self.allow_duplicates || is_blank {
            true => "",
            false => ", or say --allow-duplicates if rows are alike in all columns",
        };
        format!(
            "nobody knows whose number is whose in lines {of}, which are lines {on} of the list: \
             they have {has} in the columns of both files ({names}); name the other columns as in \
             the list, and fill them{alike}"
        )
    }
}

/// The lines of some rows, for an error.
fn lines(places: &[usize], of: List<'_>) -> String {
    let rows = places.iter().filter_map(|&at| of.table.rows.get(at));
    let column = of.table.column(HEADING).ok().flatten();
    let line = |row: &Row| format!("{} ({})", row.line, shown(row, column));
    first_of(&rows.map(line).collect::<Vec<_>>())
}
