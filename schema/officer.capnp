@0x825bc9672f71adf7;
# Running elections: everything that a link with a token can open.
#
# Each interface is the whole authority of one role, and hands out narrower ones: a returning
# officer gives the administration of one election, which gives its registrar and its auditor. From
# a narrower capability none of the wider ones can be reached. A connection may hold 256 of them;
# one more fails with `overloaded`.

using Election = import "election.capnp";

interface Savable {
  # A capability that can outlive its connection and be revoked. Unlike with `Persistent` in Cap'n
  # Proto's persistent.capnp, what is saved is not sealed for an owner: the token alone opens it.

  save @0 (once :Bool) -> (token :Data);
  # A new token of 32 random bytes, from which `Directory.restore` makes this capability again. Only
  # its hash is stored, so the token is returned here and never again. A server has at most 10,000
  # saved capabilities, of which at most 64 saved, directly or not, from one token for one election;
  # one more is an exception.
  #
  # With `once`, the first `restore` spends the token, also if its answer is lost: every later one is
  # an exception, which says so. What it restored stays in force, and can be revoked as any other.
  # This is for links in mails and letters, which others may find when they were used.

  revoke @1 () -> ();
  # Ends this capability, everything reached through it, and every token saved from any of these: at
  # once, and on every connection. If it was restored from a token, that token ends, too.
  # `Election`s, which everyone may have, stay in force, and so does what this capability was saved
  # or reached from. Any call on a revoked capability is an exception; only `revoke` can be repeated
  # while what the capability was reached through is in force.
}

interface ReturningOfficer extends(Savable) {
  # Runs the elections on this server.

  create @0 (spec :ElectionSpec) -> (outcome :ActOutcome, administration :Administration);
  # Creates an election: a draft with an empty roll. `administration` is null if this is refused,
  # which it also is if the ids, titles and slates of all elections would take more than 16 MiB.

  administer @1 (id :Text) -> (administration :Administration);
  # The administration of an election. An empty id means the only election there is. An unknown id,
  # or an empty one on a server that does not have exactly one election, is an exception.
}

struct ElectionSpec {
  # The definition of a new election, within the bounds given at `ElectionInfo`. A definition that
  # breaks a rule is refused.

  id @0 :Text;
  # Identifies the election on this server.

  title @1 :Text;
  # The title for people. May be empty.

  candidates @2 :List(Text);
  # The slate in ballot order: at least one name, all different.

  publication @3 :Election.Publication;
  # When the count is published; `unspecified` means `sealed`.

  blank @4 :Bool;
  # Whether blank ballots are allowed.

  opens @5 :UInt64;
  # When the server opens the election, in seconds since 1970-01-01 00:00:00 UTC; 0 for never. A
  # time in the past means at once.

  closes @6 :UInt64;
  # When the server closes the election, likewise. After `opens`.

  rules @7 :Election.Rules;
  # What a ballot can say, and how ballots are counted. Null means one mark, most votes, one seat.

  roll @8 :Text;
  # The id of the election whose roll this one shares, which has a roll of its own; empty for a roll
  # of its own. Numbers are issued and revoked there.
}

struct ActOutcome {
  # Whether an officer's act was carried out.

  union {
    unspecified @0 :Void;
    # Never sent by a server.

    done @1 :Void;
    # It was carried out, and is on stable storage.

    refused @2 :Text;
    # The rules do not allow it, for this reason. Nothing was changed.
  }
}

interface Administration extends(Savable) {
  # Runs one election.

  open @0 () -> (outcome :ActOutcome);
  # Opens the election. From here on the slate is fixed, and no number leaves the roll.

  close @1 () -> (outcome :ActOutcome);
  # Closes the election for good, and separates who voted from what was chosen: from here on no
  # number can be linked to a choice.

  election @2 () -> (election :Election.Election);
  # The election, as everyone may use it.

  registrar @3 () -> (registrar :Registrar);
  # The authority over the election's roll only.

  auditor @4 () -> (auditor :Auditor);
  # The authority to check the election only.

  confirm @5 () -> (outcome :ActOutcome);
  # Lets an election take its course again after it was restored from a backup: votes count, and the
  # schedule holds. Refused if there is nothing to confirm.

  voidNumbers @6 (token :Data) -> (outcome :ActOutcome, voided :UInt64);
  # Ends the link with this token, as `revoke` on its capability would, and takes the numbers that
  # were issued in this election under it, or under links made from it, off the roll, unless they
  # have voted: from here on they are unknown voter numbers. `voided` is how many they are. The link
  # may have been revoked before. This is possible until the close. If it fails, some of the numbers
  # may be voided; the call can be repeated. A token that opens nothing of this election, and under
  # which no number of it was issued, is refused, and so is a returning officer's that is in force.
}

interface Registrar extends(Savable) {
  # Manages the roll of one election. Names of people never reach the server.

  issue @0 (count :UInt32, into :VoterNumberSink) -> (outcome :ActOutcome);
  # Draws `count` new numbers, at most 10,000,000, passes them to `into`, and puts them on the roll
  # once the sink has answered `done`: all of them, or none if anything fails. The server does not
  # return them again. Refused if the rolls of all elections that are not closed would have more
  # numbers than the server allows (150,000,000 unless it was told otherwise), or if the links of
  # the election, other than the returning officer's, would have issued more than 20,000,000.

  revokeNumbers @1 (numbers :List(UInt64)) -> (outcome :ActOutcome);
  # Takes numbers off the roll, at most 100,000, all or none. Refused once the election is open.
}

interface VoterNumberSink {
  # Receives a registrar's new numbers. Implemented by the client. Each call has to be answered
  # within 60 s.

  numbers @0 (numbers :List(UInt64)) -> stream;
  # The next numbers, in random order.

  done @1 () -> ();
  # All numbers were passed. Answer once they are stored safely: they are put on the roll then.
}

interface Auditor extends(Savable) {
  # Checks one election.

  turnout @0 () -> (turnout :Election.Turnout);
  # The number of voters who have voted, and the number who may.

  tallySheet @1 (into :TallySheetSink) -> (outcome :ActOutcome);
  # Passes every counted ballot to `into`, in the order of the receipts' bytes. (This is not the
  # order of their texts: in base32 `A` to `Z` come before `2` to `7`.) Refused before the close.

  checkLedger @2 () -> (report :LedgerReport);
  # Reads the election back from the disk, as it was at the call or later, and recomputes its hash
  # chain. If that is not the chain that the server wrote, or verified when it started, an exception
  # says what is wrong.
}

interface TallySheetSink {
  # Receives a tally sheet. Implemented by the client.

  lines @0 (lines :List(SheetLine)) -> stream;
  # The next lines of the sheet.

  done @1 () -> ();
  # The whole sheet was passed.
}

struct SheetLine {
  # One counted ballot. It cannot be linked to a voter number.

  candidate @0 :Text;
  # The candidate; empty for a blank ballot, and where a ballot can say more than one mark.

  nonce @1 :Data;
  # The 16 bytes that the vote was cast with.

  commitment @2 :Text;
  # The ballot's receipt, as `Receipt.commitment`.

  marks @3 :List(UInt16);
  # The ballot's marks, as `Receipt.marks`.
}

struct LedgerReport {
  # The result of checking one election in the ledger.

  entries @0 :UInt64;
  # The number of hash chain entries, all of which were checked.

  ballots @1 :UInt64;
  # The number of stored ballots.

  numbersUsed @2 :UInt64;
  # The number of voter numbers that have voted; equal to `ballots` in a sound ledger.

  head @3 :Data;
  # The head of the chain, 32 bytes. The chain is over sealed ballots: its head tells nothing of a
  # choice. Ledgers with the same head have the same content. A server of version 0.1 sends none
  # before the close.

  unscrubbed @4 :Bool;
  # Whether the election is closed and the key of its ballots is not destroyed: the server could not
  # remove it. It tries again at the next close, and when it starts.
}
