@0xd4e39c729bc27301;
# Voting, results, and the directory through which a connection reaches everything else.
#
# A refusal is a value in the result. An exception is a fault, or the lookup of something that does not
# exist: its text names what was asked for and what there is.

using Lines = import "lines.capnp";

interface Directory {
  # The bootstrap capability: what anyone who connects may do. Every other authority is a capability of
  # its own, reached through `restore`.

  elections @0 () -> (elections :List(ElectionInfo));
  # Every election on this server, oldest first.

  election @1 (id :Text) -> (election :Election);
  # The election with this id. An empty id is the only election there is. An id that no election has, or
  # an empty one where there is not exactly one election, is an exception.

  lineCounter @2 () -> (counter :Lines.LineCounter);
  # The line counter.

  restore @3 (token :Data) -> (capability :Capability);
  # The capability that was saved under this token. A token that opens nothing, because it is wrong or
  # was revoked, is an exception.
}

interface MessageSink {
  # Where the server's messages to a voter go. Implemented by the voter's client.

  message @0 (text :Text) -> ();
  # One message in plain words, at most 4,096 bytes of UTF-8, without line breaks of the server's own.
}

interface Election {
  # One election, as everyone may use it.

  vote @0 (candidate :Text, voterNumber :UInt64, messages :MessageSink, nonce :Data)
      -> (outcome :VoteOutcome);
  # Casts the vote of the voter who holds `voterNumber` for `candidate`, a name of the slate, byte for
  # byte, or an empty name for a blank ballot where the election allows it; where it does not, an empty
  # name is `unknownCandidate`. When the vote is on stable storage, or was refused, the server sends one
  # message that says so to `messages` and then answers; it does not wait for the sink. A null sink gets
  # no message. Have at most 1,000 votes unanswered on a connection: the sinks' answers come behind them,
  # and with thousands the server waits for these in vain.
  #
  # `nonce` is 16 random bytes of the voter's own, or empty to let the server pick; another length is an
  # exception. A vote with the same number, candidate and nonce as the recorded one is a retry after a
  # lost answer: it is answered `recorded` with the same receipt and counts nothing. After the close, when
  # nobody knows any more whose ballot is whose, so is any vote whose candidate and nonce are on the tally
  # sheet; every other one is `closed`.
  #
  # An exception leaves open whether the vote was recorded: ask again with the same nonce.

  result @1 (candidate :Text) -> (candidate :Text, votes :UInt64, status :ResultStatus);
  # The candidate's name and number of votes; the blank ballots for an empty name, where there can be any.
  # For `unknownCandidate` the name is empty. Whoever was told `recorded` finds that vote counted here, or
  # while the count is sealed in the turnout.

  results @2 () -> (results :Results);
  # Every candidate's votes, and the turnout.

  watch @3 (observer :ResultObserver) -> (subscription :Handle);
  # Calls `observer` with the results as they are, and again after they change, at most four times a
  # second. An observer that is slow to answer skips to the newest results. Where nothing changes, it is
  # called with the same results now and then, to see that it is there. Drop the handle to stop.

  info @4 () -> (info :ElectionInfo);
  # What is being elected, and whether voting is open.
}

struct ElectionInfo {
  # What everyone may know about an election.

  id @0 :Text;
  # Names the election on this server: 1 to 64 of `A`-`Z`, `a`-`z`, `0`-`9`, `.`, `_`, `-`; the first is a
  # letter or a digit.

  title @1 :Text;
  # What people call it. At most 256 bytes.

  candidates @2 :List(Text);
  # The slate, in the order of the ballot paper: at most 1,000 names of 1 to 256 bytes.

  state @3 :ElectionState;
  # Whether votes are taken.

  voters @4 :UInt64;
  # How many voter numbers are on the roll.

  addedWhileOpen @5 :UInt64;
  # How many of them joined it after voting had begun.

  blank @6 :Bool;
  # Whether a ballot may be blank: a vote for the empty name.

  publication @7 :Publication;
  # When the count is shown.

  opens @8 :UInt64;
  # When the server opens the election by itself, in seconds since 1970-01-01 00:00:00 UTC; 0 where it does
  # not.

  closes @9 :UInt64;
  # When the server closes the election by itself, likewise. A vote that comes at that time is late.
}

enum Publication {
  # When an election's count is shown.

  unspecified @0;
  # Never sent by a server. In an `ElectionSpec` it stands for `live`.

  live @1;
  # As the votes come in.

  sealed @2;
  # Once the election is closed. Before, only the turnout is.
}

enum ElectionState {
  # Where an election is in its life.

  unspecified @0;
  # Never sent.

  draft @1;
  # Being prepared. Votes are refused with `notOpen`.

  open @2;
  # Votes are taken, and the slate is fixed.

  closed @3;
  # Votes are refused with `closed`, and the results are final.
}

struct VoteOutcome {
  # What became of a vote. Everything but `recorded` means that this call counted nothing.

  union {
    unspecified @0 :Void;
    # Never sent.

    recorded @1 :Receipt;
    # The vote is on stable storage and counted once. Nothing undoes that.

    alreadyVoted @2 :Void;
    # A vote under this number stands, and this one was discarded. Which vote stands is not told.

    unknownVoterNumber @3 :Void;
    # The number is not on this election's roll.

    unknownCandidate @4 :List(Text);
    # The slate: the name is not on it.

    notOpen @5 :Void;
    # Voting has not begun.

    closed @6 :Void;
    # Voting is over.

    throttled @7 :UInt32;
    # Too many wrong numbers came from here, and this one was not looked up: try again after this many
    # milliseconds, over a new connection.
  }
}

struct Receipt {
  # A commitment to a recorded vote, by which its voter finds it on the tally sheet after the close. It says
  # nothing to whoever does not know the nonce, and is no proof to whoever did not see the sheet.

  commitment @0 :Text;
  # The first 20 bytes of SHA-256 over "capvote receipt 1", a zero byte, and then the election's id, the
  # candidate and the nonce, each behind its length in bytes as a 32-bit little-endian number. In base32
  # (RFC 4648), as eight groups of four characters with "-" between them.

  election @1 :Text;
  # The election's id.

  candidate @2 :Text;
  # The candidate voted for.

  nonce @3 :Data;
  # The 16 bytes that were used: the voter's own, or the server's where the voter sent none.
}

enum ResultStatus {
  # What the number of votes beside it means.

  unspecified @0;
  # Never sent.

  provisional @1;
  # Voting is not over, and this is the count so far.

  sealed @2;
  # This election shows no count before it is closed: the votes are 0.

  final @3;
  # Voting is over.

  unknownCandidate @4;
  # No candidate of the slate has this name: the votes are 0.
}

struct Results {
  # The count of one election, as of one moment.

  election @0 :Text;
  # The election's id.

  status @1 :ResultStatus;
  # What the numbers mean. Never `unknownCandidate`.

  candidates @2 :List(CandidateVotes);
  # The whole slate, most votes first; candidates with as many votes stand in the slate's order.

  turnout @3 :Turnout;
  # How many have voted.

  blank @4 :UInt64;
  # The blank ballots, which are not among the candidates; 0 while the count is sealed.
}

struct CandidateVotes {
  # One candidate's votes.

  candidate @0 :Text;
  # The name, as on the slate.

  votes @1 :UInt64;
  # How many votes were counted.
}

struct Turnout {
  # How many have voted, of how many who may.

  ballots @0 :UInt64;
  # The votes recorded.

  voters @1 :UInt64;
  # The numbers on the roll.
}

interface ResultObserver {
  # Whoever watches an election. Implemented by the client.

  changed @0 (results :Results) -> stream;
  # The newest results.

  done @1 () -> ();
  # The election is closed; the last `changed` was final. Nothing more will come.
}

interface Handle {
  # Something that goes on for as long as this is held. Dropping it ends it.
}
