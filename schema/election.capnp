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
  # The capability saved under this token. A wrong, revoked or spent token is an exception. Too many
  # wrong tokens over one connection end it.
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
  # Where a ballot can say more than one mark, this is an exception, and `cast` is the way to vote:
  # a client that does not know the rules would vote for one name where the voter wants to rank.
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
  # Where ballots have several marks, each is a vote. By a ranked method, the votes are the ballots
  # that give the name the first rank, and the count is `sealed` until the close.
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

  cast @5 (marks :List(UInt16), voterNumber :UInt64, messages :MessageSink, nonce :Data,
           solution :UInt64, padding :Data)
      -> (outcome :VoteOutcome);
  # Casts a vote, in every election. It is `vote` with `marks` in the place of `candidate`: one
  # number for each name of the slate, in the slate's order, where 0 is no mark and at least one
  # number is not 0; or an empty list, for a blank ballot.
  #
  # By `plurality` every mark is 1, and a vote for its name. By `transferable` the marks are the
  # ranks 1, 2, 3 and so on, without a gap, each given once. By `schulze` they are such ranks, too,
  # and names may share one. At most `Rules.marks` names are marked. Other marks are
  # `invalidBallot`.
  #
  # For a blank ballot, `padding` is as many zero bytes as a list of all names takes: 8 * ((n + 3) /
  # 4) for a slate of n names, rounded down in the division; otherwise it is empty. The server's
  # message and answer have the same size for every ballot of an election.

  count @6 () -> (count :Count);
  # How the result came about, round by round. Before the close this is an exception.
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

  rules @14 :Rules;
  # What a ballot can say, and how ballots are counted. Null means one mark, most votes, one seat:
  # then `Election.vote` casts a vote.

  roll @15 :Text;
  # The id of the election whose roll this one shares: the same voter numbers vote in both. Empty if
  # it has a roll of its own. Open elections that share a roll are the questions of one paper.

  servers @16 :List(Text);
  # Links to the servers of this ledger that are up, at most 16 of at most 1,024 bytes, without
  # election and token: a call that one of them does not answer may be made at the next. Empty where
  # there is one server only, and in the answer of `Directory.elections`.
}

struct Rules {
  # What a ballot can say, and how ballots are counted.

  method @0 :Method;
  # How ballots are counted.

  seats @1 :UInt16;
  # How many are elected, at most: from 1 to the number of candidates. In an `ElectionSpec`, 0 means
  # 1.

  marks @2 :UInt16;
  # The most names that a ballot may mark: from 1 to the whole slate. In an `ElectionSpec`, 0 means
  # as many as there are seats by `plurality`, and the whole slate by the ranked methods.

  majority @3 :Share;
  # What the votes of a name have to reach for it to be elected, besides being the most. Null if
  # most votes are enough. By the ranked methods always null: they decide by themselves who has
  # enough.

  quorum @4 :Share;
  # What the ballots have to reach for anybody to be elected, blank ones included. Null if one
  # ballot is enough.

  none @5 :Bool;
  # Whether the last name of the slate stands for nobody. By `transferable`, it takes as many seats
  # as it has quotas, and these stay empty. By `schulze`, a name that does not beat it is not
  # elected. Never by `plurality`.
}

enum Method {
  # A method of counting ballots.

  unspecified @0;
  # Never sent by a server. In an `ElectionSpec` it means `plurality`.

  plurality @1;
  # Most votes win. Where ballots have several marks, each is a vote; with as many as there are
  # names this is approval.

  transferable @2;
  # The single transferable vote, by the Scottish Local Government Elections Order 2011. With one
  # seat this is instant runoff. At most 100 names, and never `live`.

  schulze @3;
  # The beat path method of Markus Schulze, with winning votes. Names that a ballot does not mark
  # are last, together. At most 100 names, and never `live`.
}

struct Share {
  # A share that something has to reach or to exceed. It is judged in whole numbers.

  numerator @0 :UInt32;
  # The numerator: at most the denominator, unless the share is of `one`.

  denominator @1 :UInt32;
  # The denominator: at least 1.

  atLeast @2 :Bool;
  # Whether the share itself is enough. Otherwise it has to be exceeded.

  of @3 :Whole;
  # What it is a share of.
}

enum Whole {
  # What a `Share` is a share of.

  unspecified @0;
  # Never sent by a server, and refused.

  marked @1;
  # The ballots that mark at least one name.

  ballots @2;
  # All ballots, the blank ones included.

  roll @3;
  # The voter numbers on the roll.

  one @4;
  # One: the share is a number of votes or ballots. The denominator is 1, and the numerator is not
  # 0.
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

    invalidBallot @10 :Text;
    # The marks are no ballot of this election, for this reason: the rule that they break, in words.
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
  # The first 20 bytes of a SHA-256, in base32 (RFC 4648), as eight groups of four characters
  # separated by "-".
  #
  # Where a ballot has one mark by `plurality`, of "capvote receipt 1", a zero byte, and then the
  # election's id, the candidate and the nonce, each preceded by its length in bytes as a 32-bit
  # little-endian integer.
  #
  # Where it can say more, of "capvote receipt 2", a zero byte, the election's id behind its length,
  # for each marked name in the slate's order its mark as a 16-bit little-endian integer and the
  # name behind its length, and then the nonce, without a length.

  election @1 :Text;
  # The election's id.

  candidate @2 :Text;
  # The candidate voted for; empty for a blank ballot, and where a ballot can say more than one
  # mark.

  nonce @3 :Data;
  # The 16 bytes that were used: the client's, or the server's if the client sent none.

  padding @4 :Data;
  # Zero bytes to be ignored: the receipts of an election have the same size for every choice.

  ledger @5 :Data;
  # The identity of the ledger that holds the vote, as `ElectionInfo.ledger`.

  epoch @6 :UInt64;
  # The ledger's epoch. If the election has been restored in a later one, send the vote again with
  # the same nonce: the restored ledger may lack it.

  marks @7 :List(UInt16);
  # Where a ballot can say more than one mark, the marks as in `Election.cast`; empty for a blank
  # ballot. Empty in other elections.
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

  elected @5 :List(Text);
  # Who is elected, in the order in which they were: at most as many as there are seats. Empty
  # before the close.

  verdict @6 :Verdict;
  # Why they are. `unspecified` before the close.
}

enum Verdict {
  # What the count of a closed election comes to.

  unspecified @0;
  # The election is not closed.

  decided @1;
  # All seats are filled.

  noQuorum @2;
  # Too few ballots were cast, and nobody is elected.

  noMajority @3;
  # Nobody has the majority that the rules ask for, and nobody is elected.

  vacant @4;
  # A seat stays empty for another reason: nobody is left for it, or the name that stands for nobody
  # has won it.
}

struct Count {
  # How the result of a closed election came about.

  candidates @0 :List(Text);
  # The slate, in ballot order. Lists with one entry for each name are in this order.

  elected @1 :List(Text);
  # As `Results.elected`.

  verdict @2 :Verdict;
  # As `Results.verdict`.

  ballots @3 :UInt64;
  # All ballots, the blank ones included.

  marked @4 :UInt64;
  # The ballots that mark at least one name.

  voters @5 :UInt64;
  # The voter numbers on the roll.

  rounds @6 :List(Round);
  # The rounds, in order: one by `plurality`, at most two for each name by `transferable`, none by
  # `schulze`, and none where the quorum was missed.

  pairs @7 :Pairs;
  # The comparisons of each name with each other, by `schulze`. Null by the other methods, and where
  # the quorum was missed.

  lots @8 :List(Lot);
  # Each lot that was drawn, in order.

  election @9 :Text;
  # The election's id.
}

struct Round {
  # One round of a count: what was done, and how everybody stands at its end. Votes are in
  # billionths of a vote.

  step @0 :Step;
  # What was done.

  from @1 :Text;
  # By `surplus` and `exclusion`, whose votes were transferred. Otherwise empty.

  surplus @2 :UInt64;
  # By `surplus`, how much it was.

  votes @3 :List(UInt64);
  # The votes of each name.

  statuses @4 :List(Status);
  # How each name stands.

  elected @5 :List(Text);
  # Who was elected in this round, in order.

  needed @6 :UInt64;
  # How many votes are enough: the quota, or the fewest votes that reach the majority. 0 where no
  # number of votes is enough by itself.

  exhausted @7 :UInt64;
  # The votes of ballots without a further preference.

  lost @8 :UInt64;
  # The votes lost because values of ballots have five decimals.

  empty @9 :UInt16;
  # The seats that the name that stands for nobody has taken so far, which stay empty.

  lots @10 :List(UInt16);
  # The lots drawn in this round, as positions in `Count.lots`, from 0.

  words @11 :Text;
  # What happened, in one sentence for people.
}

enum Step {
  # What was done in a round.

  unspecified @0;
  # Never sent by a server.

  first @1;
  # The first preferences were counted; by `plurality`, the marks.

  surplus @2;
  # The surplus of an elected name was transferred.

  exclusion @3;
  # A name was excluded, and its votes were transferred.

  remaining @4;
  # As many names were left as seats, and they fill these.
}

enum Status {
  # How a name stands at the end of a round.

  unspecified @0;
  # Never sent by a server.

  continuing @1;
  # It can still be elected.

  elected @2;
  # It is elected.

  excluded @3;
  # It is out.

  defeated @4;
  # The count has ended, and it has no seat.
}

struct Pairs {
  # Who is preferred to whom, and what follows by the beat path method.

  preferred @0 :List(List(UInt64));
  # For each name, the ballots that prefer it to each name.

  paths @1 :List(List(Strength));
  # For each name, the strength of the strongest path from it to each name.

  dropped @2 :List(Text);
  # The names that do not beat the one that stands for nobody, in ballot order.

  places @3 :List(List(Text));
  # The names that are not dropped, best first. Those of one place are tied.
}

struct Strength {
  # The strength of a path, which is that of its weakest win: the more ballots are for it, and of
  # equally many the fewer are against it, the stronger it is.

  wins @0 :UInt64;
  # The ballots that are for it; 0 where there is no path.

  against @1 :UInt64;
  # The ballots that are against it.
}

struct Lot {
  # A lot: the order of the SHA-256 of "capvote lot 1", a zero byte, the SHA-256 of all receipts'
  # bytes in their order, and the name. Everyone can draw it again from the tally sheet.

  order @0 :List(Text);
  # The names, in the order in which they were drawn. The first is favoured most.

  decided @1 :LotUse;
  # What it decided.

  seats @2 :UInt16;
  # By `seats`, how many seats there were for these names.
}

enum LotUse {
  # What a lot decided.

  unspecified @0;
  # Never sent by a server.

  seats @1;
  # Who gets the last seats: the first of the order.

  surplus @2;
  # Whose surplus is transferred before the others': the first of the order.

  exclusion @3;
  # Who is excluded: the last of the order.
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
