//! The command `issue`.

use capvote::client::{ActOutcome, Error, Registrar};
use capvote::election::{ElectionState, VoterNumber};
use serde_json::json;

use super::{Officer, are};
use crate::arguments::Issue;
use crate::failure::{Failure, sentence};
use crate::people::{Gone, People};
use crate::roll::{HEADING, RollFile};
use crate::show;

impl Officer<'_> {
    pub(super) async fn issue(&self, issue: &Issue, people: People) -> Result<(), Failure> {
        let count = people.missing()?;
        let answer = Answer::about(&people, count);
        let output = &issue.output;
        let mut file = RollFile::create(output, people)?;
        if !issue.more {
            check_gone(&answer.gone)?;
        }
        // Without numbers in the files, --more asks for nothing that could be wrong.
        if !issue.more || answer.known > 0 {
            self.check_roll(&answer, issue.more).await?;
        }
        let progress = show::progress(count.into(), "numbers", self.target.json);
        let issue = async |registrar: Registrar| {
            let keep = |numbers: &[VoterNumber]| {
                progress.inc(numbers.len() as u64);
                file.keep(numbers)
            };
            registrar.issue(count, keep).await
        };
        let issued = self.as_registrar(issue).await;
        progress.finish_and_clear();
        match issued {
            Ok(ActOutcome::Done) => {}
            Ok(ActOutcome::Refused(why)) => {
                file.discard();
                return Err(Failure::Refused(format!("no numbers were issued: {why}")));
            }
            // These two are certain: nothing was put on the roll.
            Err(error @ (Error::Callback(_) | Error::Unimplemented(_))) => {
                file.discard();
                return Err(Failure::Fault(format!("no numbers were issued: {error}")));
            }
            Err(error) => {
                let why = sentence(error);
                return Err(Failure::Fault(format!(
                    "{why}; unless this says that no numbers were issued, compare the number of \
                     voters that info shows before you use or remove {}",
                    output.display()
                )));
            }
        }
        answer.say(&output.display().to_string(), self.target.json)
    }

    /// Refuses files with more numbers than the roll, as those of another election have, and to add
    /// to a roll with numbers that the files do not have, unless `more` were asked for: a list that
    /// has grown would give second numbers to everyone on it.
    async fn check_roll(&self, about: &Answer, more: bool) -> Result<(), Failure> {
        let known = about.known;
        let info = match self.election.info().await {
            Ok(info) => info,
            // A registrar's link opens one election, and need not name it.
            Err(Error::Remote(_)) if self.target.id.is_empty() => {
                let or_more = if known == 0 { ", or say --more" } else { "" };
                return Err(Failure::Usage(format!(
                    "the link does not say which election it is for, so nobody knows how many \
                     numbers the roll has; no numbers were issued: name it with --election{or_more}"
                )));
            }
            Err(error) => return Err(error.into()),
        };
        if info.roll.is_empty() && info.voters == known || info.state == Some(ElectionState::Closed)
        {
            return Ok(());
        }
        if !info.roll.is_empty() {
            let (id, roll) = (info.id, info.roll);
            return Err(Failure::Refused(format!(
                "election {id} shares the voter numbers of election {roll}; no numbers were issued: \
                 issue them with --election {roll}"
            )));
        }
        let (id, has) = (info.id, show::counted(info.voters, "voter number"));
        if known > info.voters {
            return Err(Failure::Refused(format!(
                "the roll of election {id} has {has}, and the files have {known}, so nobody can \
                 vote with some of these; no numbers were issued: give the files of this election, \
                 and empty the fields of numbers that were revoked, such as that of a lost letter"
            )));
        }
        if more {
            return Ok(());
        }
        let known = match known {
            0 => String::new(),
            known => format!(", and the files have {known}"),
        };
        let how = match about.from_list {
            true => "--letters FILE skips who has a number in the file of an earlier issue, and ",
            false => "",
        };
        Err(Failure::Refused(format!(
            "the roll of election {id} has {has}{known}; no numbers were issued: {how}--more adds \
             to the roll all the same"
        )))
    }
}

/// Refuses people who have a number and are not on the list: they may be on it as somebody else.
fn check_gone(gone: &Gone) -> Result<(), Failure> {
    if gone.0.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "people in the file of the earlier issue are not on the list as they are written there, in \
         lines {}; no numbers were issued: write them alike, or say --more if they have gone, and \
         keep their numbers until those are revoked",
        gone.named()
    )))
}

/// What is asked before an issue, and said after it.
struct Answer {
    count: u32,
    /// How many numbers there are in the files.
    known: u64,
    kept: u64,
    empty: u64,
    gone: Gone,
    /// The columns of the file.
    columns: Vec<String>,
    from_list: bool,
}

impl Answer {
    fn about(people: &People, count: u32) -> Self {
        let mut columns: Vec<_> = people.heading.iter().map(str::to_string).collect();
        if people.column.is_none() {
            columns.push(HEADING.to_string());
        }
        let (kept, empty, from_list) = (people.kept, people.empty, people.list.is_some());
        let gone = people.gone.clone();
        Self { count, known: people.known, kept, empty, gone, columns, from_list }
    }

    fn say(&self, file: &str, as_json: bool) -> Result<(), Failure> {
        let Self { count, kept, empty, gone, columns, from_list, .. } = self;
        if as_json {
            return show::json(&json!({
                "issued": count, "file": file, "columns": columns, "kept": kept, "empty": empty,
                "gone": gone.lines(),
            }));
        }
        let count = u64::from(*count);
        let (numbers, are_in) = (show::counted(count, "voter number"), are(count));
        let mut said = format!("{numbers} {are_in} in {file}.");
        if *kept > 0 {
            let kept_numbers = show::counted(*kept, "number");
            said += &format!(" {kept_numbers} that people had before {} there too.", are(*kept));
        }
        if *from_list {
            said += &format!(" Its columns are {}.", quoted(columns));
        }
        if *empty > 0 {
            let skipped = if *empty == 1 { "was" } else { "were" };
            said += &format!(" {} {skipped} skipped.", show::counted(*empty, "empty row"));
        }
        if !gone.0.is_empty() {
            said += &format!(
                " People in the earlier file are not on the list: revoke their numbers if they are \
                 on it in another spelling, as they have two then. They are in lines {}.",
                gone.named()
            );
        }
        show::say(&said)
    }
}

/// Names in quotes, with commas between them.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
