@0xd4e39c729bc27301;
# Voting, results, and the directory from which a connection reaches everything else.
#
# A refusal is a value in the result. An exception is a fault, or the lookup of something that does
# not exist; its text names what was asked for and what exists.

using Lines = import "lines.capnp";

interface Directory {
  # The bootstrap capability: what everyone who connects may do. All other authority is in separate
  # capabilities, reached through `restore`.

  elections @0 () -> (elections :List(ElectionInfo));
  # Every election on this server, oldest first.

  election @1 (id :Text) -> (election :Election);
  # The election with this id. An empty id means the only election there is. An unknown id, or an
  # empty one on a server that does not have exactly one election, is an exception.

  lineCounter @2 () -> (counter :Lines.LineCounter);
  # The line counter.

  restore @3 (token :Data) -> (capability :Capability);
  # The capability saved under this token. A wrong or revoked token is an exception. Too many wrong
  # tokens over one connection end it.
}

interface MessageSink {
  # Receives the server's messages to a voter. Implemented by the voter's client.

  message @0 (text :Text, padding :Data) -> ();
  # One message for people: at most 4,096 bytes of UTF-8, without line breaks. To be answered within
  # 10 s.
  #
  # `padding` is zero bytes to be ignored: messages that differ only in the choice that they name
  # have the same size.
}

interface Election {
  # One election, as everyone may use it.

  vote @0 (candidate :Text, voterNumber :UInt64, messages :MessageSink, nonce :Data,
           solution :UInt64, padding :Data)
      -> (outcome :VoteOutcome);
  # Casts a vote under `voterNumber`. `candidate` is a name on the slate, byte for byte, or empty
  # for a blank ballot; where the election allows no blank ballots, an empty name is
  # `unknownCandidate`.
  #
  # Once the vote is on stable storage, or refused, the server sends one message to `messages` and
  # then answers this call, without waiting for the sink. A null sink gets no message. Keep at most
  # 1,000 votes of a connection in flight: the sinks' answers queue behind the votes, and behind
  # thousands of votes they miss the server's 10 s.
  #
  # `nonce` is 16 random bytes drawn by the client, or empty to let the server draw them; any other
  # length is an exception. A vote with the number, candidate and nonce of the recorded one is a
  # retry after a lost answer: it gets `recorded` with the same receipt, and counts nothing. After
  # the close, when no ballot can be linked to a number, every vote whose candidate and nonce are on
  # the tally sheet gets `recorded`, and every other one `closed`.
  #
  # `solution` solves the puzzle that came with `throttled`, for this voter number; 0 is none. It is
  # ignored where the vote is not throttled.
  #
  # `padding` keeps the size of an encrypted vote from telling the choice. It is ignored. For a name
  # of n bytes (0 for a blank ballot) send 8 * (32 - n / 8) zero bytes, with n / 8 rounded down:
  # then the name, with its terminating zero, and the padding take 264 bytes on the wire for every
  # choice. The server's message and answer have the same size for every choice of a slate.
  #
  # An exception leaves open whether the vote was recorded: retry with the same nonce.

  result @1 (candidate :Text, padding :Data)
      -> (candidate :Text, votes :UInt64, status :ResultStatus, padding :Data);
  # The candidate's name and number of votes. An empty name means blank ballots, where they are
  # allowed. With `unknownCandidate` the returned name is empty. `padding` is as for `vote`.
  #
  # Until the close, a live count has the ballots in whole batches of 10, in the order in which they
  # were recorded, and not the last 10 to 19. So a change of the count, or the final count, never
  # tells what fewer than 10 voters chose; what they all chose alike, it tells. The connection that
  # cast a vote has that vote in its own `result` and `results` at once, before `recorded` is
  # returned, and no other vote earlier than everybody.

  results @2 () -> (results :Results);
  # Every candidate's votes, as in `result`, and the turnout. A vote is in the turnout before its
  # `recorded` is returned, on every connection.

  watch @3 (observer :ResultObserver) -> (subscription :Handle);
  # Calls `observer` with the current results, and again after they change, at most four times a
  # second. A slow observer skips to the newest results. Without a change it is called with the same
  # results every 5 minutes, to see that it is still there. Drop the handle to stop. A connection
  # may have 64 watches; one more fails with `overloaded`. A live count has whole batches only, also
  # over a connection that has cast votes.

  info @4 () -> (info :ElectionInfo);
  # The election's definition and state.
}

struct ElectionInfo {
  # What everyone may know about an election.

  id @0 :Text;
  # Identifies the election on this server: 1 to 64 of `A`-`Z`, `a`-`z`, `0`-`9`, `.`, `_`, `-`,
  # starting with a letter or digit.

  title @1 :Text;
  # The title for people, at most 256 bytes. May be empty.

  candidates @2 :List(Text);
  # The slate in ballot order: at most 1,000 names of 1 to 256 bytes.

  state @3 :ElectionState;
  # Draft, open or closed.

  voters @4 :UInt64;
  # How many voter numbers are on the roll.

  addedWhileOpen @5 :UInt64;
  # How many of them were issued after the election was opened.

  blank @6 :Bool;
  # Whether blank ballots (votes for the empty name) are allowed.

  publication @7 :Publication;
  # When the count is published.

  opens @8 :UInt64;
  # When the server opens the election by itself, in seconds since 1970-01-01 00:00:00 UTC; 0 if it
  # does not.

  closes @9 :UInt64;
  # When the server closes the election by itself, likewise. A vote at this time is too late.

  ledger @10 :Data;
  # The identity of the ledger that the election is stored in: 16 random bytes.

  epoch @11 :UInt64;
  # The ledger's epoch: 1, and more after each restore from a backup. What was recorded after the
  # backup was taken is not in the restored ledger.

  restored @12 :UInt64;
  # The epoch in which this election was last restored, before its close; 0 if it never was.

  unconfirmed @13 :Bool;
  # Whether the election was restored, and no officer has confirmed that since. Until then it counts
  # no votes, and is neither opened nor closed.
}

enum Publication {
  # When an election's count is published.

  unspecified @0;
  # Never sent by a server. In an `ElectionSpec` it means `sealed`.

  live @1;
  # While voting, in batches: see `Election.result`.

  sealed @2;
  # After the close; until then, only the turnout.
}

enum ElectionState {
  # The state of an election.

  unspecified @0;
  # Never sent by a server.

  draft @1;
  # In preparation. Votes are refused with `notOpen`.

  open @2;
  # Votes are accepted, and the slate is fixed.

  closed @3;
  # Votes are refused with `closed`, and the results are final.
}

struct VoteOutcome {
  # The outcome of a vote. Everything but `recorded` means that this call counted nothing.

  union {
    unspecified @0 :Void;
    # Never sent by a server.

    recorded @1 :Receipt;
    # The vote is on stable storage and counted once. Nothing undoes that.

    alreadyVoted @2 :Void;
    # A vote under this number stands, and this one was discarded. Which vote stands is not
    # revealed.

    unknownVoterNumber @3 :Void;
    # The number is not on this election's roll.

    unknownCandidate @4 :List(Text);
    # The name is not on the slate, which is returned.

    notOpen @5 :Void;
    # The election is still a draft, or `unconfirmed`.

    closed @6 :Void;
    # The election is closed.

    throttled @7 :UInt32;
    # Too many wrong guesses came from this connection or address, and this number was not looked
    # up: retry after this many milliseconds, over a new connection, or at once with a solution of
    # the `puzzle`.
  }

  puzzle @8 :Puzzle;
  # With `throttled`: what to solve in order not to wait. Null if the server has none.

  unconfirmed @9 :Bool;
  # With `notOpen`: the election was restored from a backup, and takes no votes until an officer
  # confirms that. This vote is not in the restored ledger.
}

struct Puzzle {
  # A search that takes processor time. Votes with a solution are looked up beside somebody who
  # guesses from the same address, those whose hashes are smallest first.

  challenge @0 :Data;
  # 16 bytes, drawn by the server. It accepts solutions for at least 30 s.

  bits @1 :UInt8;
  # How many zero bits to begin with: on average the search takes 2 to the power of this many
  # hashes. A vote whose solution has fewer may be throttled again.
  #
  # A solution is a 64-bit integer other than 0. Its hash is the SHA-256 of "capvote puzzle 1", a
  # zero byte, the challenge, the voter number, and the solution. The two are 64-bit little-endian
  # integers. The hash begins with this many zero bits, counted from the highest of its first byte.
}

struct Receipt {
  # A commitment to a recorded vote, by which its voter finds the ballot on the tally sheet after
  # the close. Without the nonce it reveals nothing, and without the sheet it proves nothing.

  commitment @0 :Text;
  # The first 20 bytes of the SHA-256 of "capvote receipt 1", a zero byte, and then the election's
  # id, the candidate and the nonce, each preceded by its length in bytes as a 32-bit little-endian
  # integer. In base32 (RFC 4648), as eight groups of four characters separated by "-".

  election @1 :Text;
  # The election's id.

  candidate @2 :Text;
  # The candidate voted for; empty for a blank ballot.

  nonce @3 :Data;
  # The 16 bytes that were used: the client's, or the server's if the client sent none.

  padding @4 :Data;
  # Zero bytes to be ignored: the receipts of an election have the same size for every choice.

  ledger @5 :Data;
  # The identity of the ledger that holds the vote, as `ElectionInfo.ledger`.

  epoch @6 :UInt64;
  # The ledger's epoch. If the election has been restored in a later one, send the vote again with
  # the same nonce: the restored ledger may lack it.
}

enum ResultStatus {
  # The meaning of a number of votes.

  unspecified @0;
  # Never sent by a server.

  provisional @1;
  # The live count so far, in batches: the election is not closed.

  sealed @2;
  # The count is not published before the close: the votes are 0.

  final @3;
  # The count of a closed election.

  unknownCandidate @4;
  # The name is not on the slate: the votes are 0.
}

struct Results {
  # The results of one election at one moment.

  election @0 :Text;
  # The election's id.

  status @1 :ResultStatus;
  # The meaning of the numbers. Never `unknownCandidate`.

  candidates @2 :List(CandidateVotes);
  # The whole slate, most votes first; candidates with equal votes are in slate order.

  turnout @3 :Turnout;
  # How many have voted.

  blank @4 :UInt64;
  # The number of blank ballots, which are not among the candidates; 0 while the count is sealed.
}

struct CandidateVotes {
  # One candidate's votes.

  candidate @0 :Text;
  # The name, as on the slate.

  votes @1 :UInt64;
  # The number of votes; 0 while the count is sealed.
}

struct Turnout {
  # The number of voters who have voted, and the number who may.

  ballots @0 :UInt64;
  # The number of recorded votes.

  voters @1 :UInt64;
  # The number of voter numbers on the roll.
}

interface ResultObserver {
  # Receives the results of a watch. Implemented by the client.

  changed @0 (results :Results) -> stream;
  # The newest results. The next call comes after this one is answered; an exception ends the watch.

  done @1 () -> ();
  # The election is closed, and the last `changed` was final. No further call follows.
}

interface Handle {
  # Keeps something going while it is held; dropping it ends that.
}
