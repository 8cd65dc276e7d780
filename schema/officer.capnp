@0x825bc9672f71adf7;
# Running elections: everything that a link with a token can open.
#
# Each interface is one role's whole authority, and each can give less than itself: a returning officer
# gives the administration of one election, and that gives its registrar and its auditor. A holder of one
# can reach none of the others.

using Election = import "election.capnp";

interface Savable {
  # A capability that can be kept beyond its connection, and taken back. It is not the `Persistent` of
  # Cap'n Proto's persistent.capnp: that one seals what is saved for an owner and takes nothing back, and
  # here whoever has the token has what it opens.

  save @0 () -> (token :Data);
  # A new secret that `Directory.restore` turns into this capability again: 32 random bytes. Only a hash of
  # it is stored, so it is told here and never again.

  revoke @1 () -> ();
  # Ends this capability, the token that it was restored from, everything that was reached through it but
  # for `Election`s (anyone may have those), and every token saved from any of these, at once and on every
  # connection. What it was itself saved or reached from goes on. Calls on what was revoked are exceptions,
  # but for `revoke` on what was reached through something that goes on, which does nothing more.
}

interface ReturningOfficer extends(Savable) {
  # May run elections on this server.

  create @0 (spec :ElectionSpec) -> (outcome :ActOutcome, administration :Administration);
  # A new election, as a draft with nobody on its roll. `administration` is null where this is refused.

  administer @1 (id :Text) -> (administration :Administration);
  # The administration of an election; of the only one there is for an empty id. An election that is not
  # there is an exception.
}

struct ElectionSpec {
  # What is to be elected, and by which rules. The bounds are those of `ElectionInfo`. What breaks a rule is
  # refused.

  id @0 :Text;
  # Names the election on this server.

  title @1 :Text;
  # What people call it. May be empty.

  candidates @2 :List(Text);
  # The slate, in the order of the ballot paper: at least one name, and no two alike.

  publication @3 :Election.Publication;
  # When the count is shown; live where unspecified.

  blank @4 :Bool;
  # Whether a ballot may be blank.

  opens @5 :UInt64;
  # When the server is to open the election, in seconds since 1970-01-01 00:00:00 UTC; 0 for never by
  # itself. A time in the past is accepted, and means at once.

  closes @6 :UInt64;
  # When the server is to close it, likewise. After `opens`.
}

struct ActOutcome {
  # Whether what an officer asked for was done.

  union {
    unspecified @0 :Void;
    # Never sent.

    done @1 :Void;
    # It is done, and on stable storage.

    refused @2 :Text;
    # The rules do not allow it, and nothing was changed. Says why.
  }
}

interface Administration extends(Savable) {
  # May run one election.

  open @0 () -> (outcome :ActOutcome);
  # Begins the voting. The slate is fixed from here on, and no number leaves the roll.

  close @1 () -> (outcome :ActOutcome);
  # Ends the voting for good. Who voted and what was chosen are separated: from here on nobody can tell
  # which number made which choice.

  election @2 () -> (election :Election.Election);
  # The election, as everyone may use it.

  registrar @3 () -> (registrar :Registrar);
  # The authority over the election's roll, and nothing else.

  auditor @4 () -> (auditor :Auditor);
  # The authority to check the election, and nothing else.
}

interface Registrar extends(Savable) {
  # May put voter numbers on the roll of one election. Names of people never reach the server.

  issue @0 (count :UInt32, into :VoterNumberSink) -> (outcome :ActOutcome);
  # Draws `count` new numbers, hands them to `into`, and puts them on the roll once the sink has answered
  # `done`: all of them, or none where anything fails. They are told here and never again. At most
  # 10,000,000 in one call.

  revokeNumbers @1 (numbers :List(UInt64)) -> (outcome :ActOutcome);
  # Takes numbers off the roll, all or none. Refused once voting has begun.
}

interface VoterNumberSink {
  # Where a registrar's new numbers go. Implemented by the client.

  numbers @0 (numbers :List(UInt64)) -> stream;
  # More numbers, in random order.

  done @1 () -> ();
  # All numbers were handed over. Answer when they are safely kept: they are put on the roll then.
}

interface Auditor extends(Savable) {
  # May look into one election.

  turnout @0 () -> (turnout :Election.Turnout);
  # How many have voted, of how many who may.

  tallySheet @1 (into :TallySheetSink) -> (outcome :ActOutcome);
  # Hands every counted ballot to `into`, in the order of the receipts' bytes, which is not that of their
  # texts: in base32 `A` to `Z` come before `2` to `7`. Refused before the close.

  checkLedger @2 () -> (report :LedgerReport);
  # Reads the election back from the disk and computes its hash chain again. Where that does not hold, an
  # exception says what is wrong.
}

interface TallySheetSink {
  # Where a tally sheet goes. Implemented by the client.

  lines @0 (lines :List(SheetLine)) -> stream;
  # The next lines of the sheet.

  done @1 () -> ();
  # That was the whole sheet.
}

struct SheetLine {
  # One counted ballot. Nobody knows whose.

  candidate @0 :Text;
  # Whom it is for; empty for a blank ballot.

  nonce @1 :Data;
  # The 16 bytes it was made with.

  commitment @2 :Text;
  # Its receipt, as `Receipt.commitment`.
}

struct LedgerReport {
  # What checking an election's part of the ledger came to.

  entries @0 :UInt64;
  # The entries of the hash chain, each of which holds.

  ballots @1 :UInt64;
  # The ballots stored.

  numbersUsed @2 :UInt64;
  # The voter numbers that have voted: as many as there are ballots.

  head @3 :Data;
  # The last value of the chain, 32 bytes, once the election is closed; before, none: the heads of a chain
  # that names voters could tell who chose what. Two ledgers with the same head say the same.

  unscrubbed @4 :Bool;
  # Whether the deleted ballots of a close may be left in unused parts of the server's file for the moment:
  # another program is reading it, or the disk has no room to write it anew. The server goes on trying.
}
