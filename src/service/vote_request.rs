//! What a client sends to cast a vote, by `vote` or by `cast`.

use capnp::Error;

use super::convert::exception;
use super::draw::{draw_nonce, no_random_numbers};
use crate::election::{
    Ballot, CANDIDATE_BYTES_MAX, CANDIDATES_MAX, InvalidBallot, Nonce, Refusal, Standing,
    VoterNumber,
};
use crate::schema::election_capnp::election::{CastParams, VoteParams};
use crate::schema::election_capnp::message_sink;

/// The parameters of a vote, copied out of its message.
pub(super) struct VoteRequest {
    pub(super) said: Said,
    pub(super) number: VoterNumber,
    pub(super) nonce: Nonce,
    /// Of a puzzle; 0 is none.
    pub(super) solution: u64,
    pub(super) sink: Option<message_sink::Client>,
}

/// What the vote is for, as received.
pub(super) enum Said {
    /// A name, which need not be UTF-8.
    Name(Vec<u8>),
    /// The marks, or the first of them, and how many there are.
    Marks(Vec<u16>, usize),
}

/// The parameters of a call that casts a vote.
pub(super) trait VoteParameters: 'static {
    /// Copies them out of the message, into a box: what is moved later is its address.
    fn read(&self) -> Result<Box<VoteRequest>, Error>;

    /// Whether the message can be read.
    fn is_readable(&self) -> bool;
}

impl VoteParameters for VoteParams {
    fn read(&self) -> Result<Box<VoteRequest>, Error> {
        let params = self.get()?;
        let name = params.get_candidate()?.as_bytes();
        // One byte more than the longest name is enough to tell that the name is on no slate.
        let said = Said::Name(name.get(..=CANDIDATE_BYTES_MAX).unwrap_or(name).to_vec());
        let nonce = read_nonce(params.get_nonce()?)?;
        let sink = if params.has_messages() { Some(params.get_messages()?) } else { None };
        let (number, solution) = (params.get_voter_number().into(), params.get_solution());
        Ok(Box::new(VoteRequest { said, number, nonce, solution, sink }))
    }

    fn is_readable(&self) -> bool {
        self.get().is_ok()
    }
}

impl VoteParameters for CastParams {
    fn read(&self) -> Result<Box<VoteRequest>, Error> {
        let params = self.get()?;
        let marks = params.get_marks()?;
        // One mark more than the longest slate has names is enough to tell that they are no ballot.
        let first = marks.iter().take(CANDIDATES_MAX + 1).collect();
        let said = Said::Marks(first, marks.len() as usize);
        let nonce = read_nonce(params.get_nonce()?)?;
        let sink = if params.has_messages() { Some(params.get_messages()?) } else { None };
        let (number, solution) = (params.get_voter_number().into(), params.get_solution());
        Ok(Box::new(VoteRequest { said, number, nonce, solution, sink }))
    }

    fn is_readable(&self) -> bool {
        self.get().is_ok()
    }
}

fn read_nonce(nonce: &[u8]) -> Result<Nonce, Error> {
    match nonce {
        [] => draw_nonce().map_err(no_random_numbers),
        nonce => Nonce::try_from(nonce).map_err(exception),
    }
}

impl Said {
    /// The ballot, as far as this standing tells: see [`Standing::admit`].
    ///
    /// # Errors
    /// If a name was said where ballots can say more.
    pub(super) fn admit(&self, standing: &Standing) -> Result<Result<Ballot, Refusal>, Error> {
        match self {
            Self::Name(_) if !standing.definition.rules.has_one_mark() => {
                let id = &standing.definition.id;
                Err(Error::failed(format!(
                    "election {id} takes ballots of more than one name, which are cast with the \
                     method cast: vote with a newer client; nothing was recorded"
                )))
            }
            Self::Name(name) => Ok(standing.admit(name)),
            Self::Marks(marks, given) => {
                Ok(standing.admit_marks(marks).map_err(|refusal| match refusal {
                    Refusal::InvalidBallot(InvalidBallot::Length { names, .. }) => {
                        let given = *given;
                        Refusal::InvalidBallot(InvalidBallot::Length { names, given })
                    }
                    other => other,
                }))
            }
        }
    }
}
