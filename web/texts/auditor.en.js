/** The texts of the auditor’s page, in English. */

export const texts = {
  "audit.title": "Check the count",
  "audit.intro":
    "This page counts a tally sheet again, with its own code, on your machine. No file \
that you give it is sent anywhere.",
  "audit.files": "Tally sheet, and receipts",
  "audit.filesHint":
    "Choose files, or drop them here: a sheet in CSV or JSON as the returning \
officer published it, and receipt files if you have any. Do not open the sheet in a spreadsheet \
before.",
  "audit.receipts": "Or type receipts",
  "audit.receiptsHint":
    "One a line: eight groups of four letters and digits. With or without \
separators.",
  "audit.look": "Look for these receipts",
  "audit.working": "Reading and counting: {percent} %",
  "audit.sound": "The sheet is in order",
  "audit.contradicts": "The sheet contradicts itself",
  "audit.refused": "This is not a valid tally sheet",
  "audit.rewritten": "A program has changed this file",
  "audit.read": {
    one: "{count} ballot is in {name}. Its receipt fits, and the file is, to the byte, as sheets \
are written. That took {seconds} s.",
    other:
      "{count} ballots are in {name}. Every receipt fits its ballot, and the file is, to the \
byte, as sheets are written. That took {seconds} s.",
  },
  "audit.restored":
    "The election was restored from a backup, in epoch {epoch} of its ledger: votes \
that were recorded after the backup are missing, unless they were sent again.",
  "audit.election": "Election",
  "audit.name": "Title",
  "audit.voters": "Voter numbers on the roll",
  "audit.fingerprint": "The fingerprint of the file (SHA-256). Compare it with the published one:",
  "audit.noHeader":
    "A CSV file like this one lists the ballots alone. Names that nobody voted for are not in it, \
and it does not say how many ballots there have to be: compare their number with the turnout. The \
JSON file of the same sheet has the names, and a checksum of all ballots.",
  "audit.noCount": "It cannot be counted: it does not say who the candidates were.",
  "audit.atLine": "line {line}: ",
  "audit.atBallot": "ballot {ballot}: ",
  "audit.advice.changed": "Do not trust it, and ask the returning officer for another.",
  "audit.advice.rewritten":
    "Get the file again as it was published, and open it in no editor before \
this.",
  "audit.advice.unreadable":
    "Get the file again as it was published. If it is the same then, do not \
trust it.",
  "audit.receiptsTitle": "Receipts",
  "audit.receiptsFull": {
    one: "{count} receipt is looked for at a time.",
    other:
      "{count} receipts are looked for at a time, and no more. Load the page again for others.",
  },
  "audit.needsSheet": "Give the page a tally sheet to look for them.",
  "audit.waits": "Waits for a sheet.",
  "audit.noReceipt":
    "This is no receipt: that is eight groups of four of the letters A to Z and the \
digits 2 to 7.",
  "audit.found": "Counted: it is ballot {place} of the sheet, and for {vote}.",
  "audit.otherVote": "Do not trust this file: its receipt is that of ballot {place}, which is for \
{vote}, and not of the vote that the file says.",
  "audit.blank": "nobody (a blank ballot)",
  "audit.notFound": {
    one: "Not on the sheet, which has {count} ballot. Keep the receipt, and take it to whoever \
runs \
the election, and to the observers.",
    other:
      "Not among the {count} ballots of the sheet. Keep the receipt, and take it to whoever \
runs the election, and to the observers.",
  },
  "audit.notFoundRestored": {
    one: "Not on the sheet. The election was restored from a backup, perhaps after this vote. Keep \
the receipt, and take it to whoever runs the election.",
    other:
      "Not among the {count} ballots of the sheet. The election was restored from a backup, \
perhaps after this vote. Keep the receipt, and take it to whoever runs the election.",
  },
  "audit.otherElection":
    "This is the receipt of election {other}, and the sheet is that of {election}.",
  "recount.result": "The result",
  "recount.nobody": "Nobody is elected.",
  "recount.elected": { one: "Elected: {names}.", other: "Elected: {names}." },
  "recount.noQuorum": "Too few ballots were cast.",
  "recount.noMajority": "Nobody has the majority.",
  "recount.vacant": { one: "{count} seat stays empty.", other: "{count} seats stay empty." },
  "recount.votes": "Votes",
  "recount.paths": "Strength of the strongest paths",
  "recount.pathsText":
    "Wins lead from name to name. A path is as strong as its weakest win: the \
ballots for it, and those against it.",
  "lots.seats": {
    one: "The first has the seat.",
    other: "The first {count} have the seats.",
  },
  "lots.surplus": "The surplus of the first is passed on first.",
  "lots.exclusion": "The last is excluded.",
  "lots.text":
    "The lot is the order of SHA-256 hashes over all receipts and a name. This page has \
drawn it again from the sheet.",
  "compare.heading": "Beside what the server says",
  "compare.table": "This page’s count and the server’s",
  "compare.what": "What",
  "compare.own": "This page, from the sheet",
  "compare.server": "The server",
  "compare.same": "Same?",
  "compare.yes": "yes",
  "compare.no": "no",
  "compare.allSame": {
    one: "The server says the same.",
    other: "The server says the same in all {count} points.",
  },
  "compare.others": {
    one: "The server says something else in {count} point.",
    other: "The server says something else in {count} points.",
  },
  "compare.notClosed": "On the server this election is not closed.",
  "compare.hint":
    "Of rounds, comparisons and lots the number is shown that the two have alike. The \
two programs share no code for counting.",
  "compare.election": "Election",
  "compare.title": "Title",
  "compare.slate": "Names",
  "compare.rules": "Rules",
  "compare.voters": "Voters",
  "compare.ballots": "Ballots",
  "compare.blank": "Blank ballots",
  "compare.elected": "Elected",
  "compare.verdict": "Verdict",
  "compare.rounds": "Rounds",
  "compare.pairs": "Comparisons and paths",
  "compare.lots": "Lots",
  "compare.is.decided": "decided",
  "compare.is.noQuorum": "no quorum",
  "compare.is.noMajority": "no majority",
  "compare.is.vacant": "a seat stays empty",
  "compare.is.unspecified": "none yet",
  "server.title": "With an auditor’s link",
  "server.holds": "I have an auditor’s link",
  "server.link": "Auditor’s link",
  "server.linkHint": "Paste it here. It is sent to this server only, and kept nowhere.",
  "server.open": "Open the link",
  "server.again": "Ask the server again",
  "server.notClosed": "There is no tally sheet before the election is closed.",
  "server.sheet": "Take the sheet from the server",
  "server.check": "Check the server’s ledger",
  "server.turnout": "Ask for the turnout",
  "server.busy.open": "Opening the link…",
  "server.busy.sheet": "Taking the sheet…",
  "server.busy.check": "The server is reading its ledger back. That can take minutes.",
  "server.busy.turnout": "Asking…",
  "server.sound": "The server’s hash chain holds, and there are as many ballots as used numbers.",
  "server.unsound": "There are not as many ballots as used numbers. Have the ledger examined.",
  "server.report": "{entries} entries; {ballots} ballots stored; {numbers} numbers have voted.",
  "server.head": "The head of the chain. Write it down, to notice any later change:",
  "server.unscrubbed": "The key of its ballots is not destroyed yet: the server’s log says why.",
  "proof.title": "What this shows",
  "proof.is.1":
    "The result is the sum of the ballots on the sheet: this page has counted them again \
by the published rules.",
  "proof.is.2":
    "Every ballot on the sheet fits its receipt. One that was changed would have another \
receipt, and its voter would miss theirs.",
  "proof.is.3": "A receipt that is found was counted for the choice that is shown.",
  "proof.is.4":
    "A fingerprint that is the same for everyone means that everyone has the same sheet.",
  "proof.notTitle": "What it does not show",
  "proof.not.1":
    "That no ballot was added for people who did not vote. Whoever had unused voter \
numbers could have cast them: compare the turnout with what you know.",
  "proof.not.2":
    "That no ballot was left out. That is found out by a voter whose receipt is missing, \
and by comparing the number of ballots with the turnout.",
  "proof.not.3": "That only entitled people voted: whoever has a number can vote with it.",
  "proof.not.4":
    "That a tie was drawn by chance, if the operator of the server and the registrar \
work together.",
  "proof.not.5":
    "That nobody learned a choice. A receipt with its random bytes shows what its voter \
chose, to whoever has both.",
  "proof.own":
    "This page came from the server that it checks. To be independent of it, count the \
same sheet with capvote-client recount on a machine of your own.",
};
