//! The arguments of `create`.

use capvote::election::{
    self, Definition, ElectionId, Publication, Rules, Schedule, Share, Timestamp, same_text,
};
use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::show;
use crate::time;
use crate::vote::paper;

/// How many names ranked ballots mark where few vote.
const FEW_RANKS: u16 = 3;

/// An election to create.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The id of the new election: letters, digits, ".", "_" and "-".
    id: ElectionId,
    /// A candidate. Repeat this for each, in the order of the ballot paper.
    #[arg(long, value_name = "NAME", required = true)]
    candidate: Vec<String>,
    /// What people call the election.
    #[arg(long, value_name = "TEXT", default_value = "")]
    title: String,
    /// When the count is shown: at the close, or while voting, in batches of 10 ballots.
    #[arg(long, value_enum, default_value_t = Results::Sealed)]
    results: Results,
    /// Allow blank ballots.
    #[arg(long)]
    blank: bool,
    /// Open the election at this time: 2026-12-01T18:00 (local time), 2026-12-01T17:00:00Z, or
    /// 2026-12-01T18:00[Europe/Berlin].
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    opens: Option<Timestamp>,
    /// Close the election at this time.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    closes: Option<Timestamp>,
    /// How ballots are counted: most votes, or by ranks.
    #[arg(long, value_enum, default_value_t = Method::Plurality)]
    method: Method,
    /// How many are elected.
    #[arg(long, value_name = "K", default_value_t = 1)]
    seats: u16,
    /// How many names a ballot may mark: as many as there are seats, or with ranks all, unless few
    /// vote. With plurality and all names this is approval.
    #[arg(long, value_name = "M")]
    marks: Option<u16>,
    /// What the votes have to reach, such as ">1/2 of marked" or ">=2/3 of ballots".
    #[arg(long, value_name = "SHARE")]
    majority: Option<Share>,
    /// What the ballots have to reach, such as ">=1/4 of roll" or ">=50".
    #[arg(long, value_name = "SHARE")]
    quorum: Option<Share>,
    /// The last candidate stands for nobody, as "Reopen nominations" does. For ranks only.
    #[arg(long)]
    none: bool,
    /// Share the voter numbers of this election, and issue none.
    #[arg(long, value_name = "OTHER")]
    pub(crate) roll: Option<ElectionId>,
}

/// How ballots are counted.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Method {
    /// Most votes win.
    Plurality,
    /// The single transferable vote; instant runoff with one seat.
    Transferable,
    /// The beat path method.
    Schulze,
}

/// When the count is shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Results {
    Live,
    Sealed,
}

impl Create {
    /// The definition. Ranked ballots mark at most `ranks` names, unless a number was given.
    pub(crate) fn definition(&self, ranks: Option<u16>) -> Result<Definition, Failure> {
        let publication = match self.results {
            Results::Live => Publication::Live,
            Results::Sealed => Publication::Sealed,
        };
        let schedule = Schedule { opens: self.opens, closes: self.closes };
        // On a paper, the word is a blank ballot; in a result, it stands for them in parentheses.
        let is_blank = |name: &&String| {
            let name = same_text(name);
            [show::BLANK, paper::BLANK].iter().any(|word| name.eq_ignore_ascii_case(word))
        };
        if let Some(name) = self.candidate.iter().find(is_blank) {
            return Err(Failure::Usage(format!(
                "a candidate called {name} cannot be told from blank ballots; choose another name"
            )));
        }
        Definition::new(self.id.clone(), self.title.clone(), self.candidate.clone())
            .map(|it| it.with_publication(publication).with_blank(self.blank))
            .and_then(|it| it.with_rules(self.rules(ranks))?.with_schedule(schedule))
            .map(|it| it.with_roll(self.roll.clone()))
            .and_then(|it| it.check_new().map(|()| it))
            .map_err(|error| Failure::Usage(error.to_string()))
    }

    /// The most names that ranked ballots mark where few vote, if that is for this program to say.
    pub(crate) fn few_ranks(&self) -> Option<u16> {
        let is_open = self.marks.is_none() && !matches!(self.method, Method::Plurality);
        (is_open && self.candidate.len() > usize::from(FEW_RANKS)).then_some(FEW_RANKS)
    }

    fn rules(&self, ranks: Option<u16>) -> Rules {
        let method = match self.method {
            Method::Plurality => election::Method::Plurality,
            Method::Transferable => election::Method::Transferable,
            Method::Schulze => election::Method::Schulze,
        };
        let all = u16::try_from(self.candidate.len()).unwrap_or(u16::MAX);
        let usual = if method.is_ranked() { ranks.unwrap_or(all) } else { self.seats.max(1) };
        Rules {
            method,
            seats: self.seats,
            marks: self.marks.unwrap_or(usual),
            majority: self.majority,
            quorum: self.quorum,
            none: self.none,
        }
    }
}
