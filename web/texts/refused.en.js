/** Why something is refused, in English: each is a part of a sentence. */

export const texts = {
  "refused.rules.newer":
    "the election counts by rules of a newer version: load this page again, or \
use a newer client",
  "refused.rules.longSlate": "a slate of a ranked method has at most {most} names; it has {names}",
  "refused.rules.live":
    "only plurality can be counted live: who ranks what would show before the \
close",
  "refused.rules.none":
    "a name that stands for nobody goes with the ranked methods; with plurality, \
allow blank ballots",
  "refused.rules.onlyNone": "the slate needs at least 2 names, if its last stands for nobody",
  "refused.rules.majority":
    "a majority goes with plurality: a ranked method decides by itself who \
has enough",
  "refused.rules.seats":
    "an election has at least 1 seat, and at most one for each candidate: {most}",
  "refused.rules.marks": "a ballot marks at least 1 name, and at most the whole slate: {most}",
  "refused.rules.quorum": "a quorum is a share of the roll, or a number of ballots",
  "refused.rules.share": "{share} is no share: it is more than 0, and at most the whole",
  "refused.ballot.length":
    "a ballot has one number for each of the {names} names of the slate; \
{given} were given",
  "refused.ballot.zeros": "a ballot of zeros marks nothing",
  "refused.ballot.notOne": "a name is marked with 1, or not at all",
  "refused.ballot.tooMany": "a ballot marks at most {most} names; {given} are marked",
  "refused.ballot.shared": "each rank is given once; two names have rank {rank}",
  "refused.ballot.gap": "ranks are 1, 2, 3 and so on without a gap; nobody has rank {rank}",
  "refused.ballots.tooMany": "at most {most} ballots can be counted",
  "refused.slate.empty": "an election needs at least one candidate",
  "refused.slate.tooMany": "a slate has at most {most} candidates; it has {names}",
  "refused.slate.emptyName": "candidate {place} has no name",
  "refused.slate.longName": "candidate {place} has a name of more than {most} bytes",
  "refused.slate.halfCharacter": "candidate {place} has a broken character in the name",
  "refused.slate.duplicate": "candidates {first} and {second} are both called {name}",
  "refused.title.long": "a title has at most {most} bytes",
  "refused.title.halfCharacter": "the title has a broken character",
  "refused.csv.longRecord": "a line is longer than a line of a sheet can be",
  "refused.csv.openQuote": "a quote opens there and is not closed: the file may be cut",
  "refused.sheet.mismatch": "the receipt does not match the election, ballot and random bytes",
  "refused.sheet.order": "the ballots are not in the order of the receipts",
  "refused.sheet.otherElection": "the ballot is from another election",
  "refused.sheet.otherRestore": "it does not say of a restore what a sheet says",
  "refused.sheet.ballot": "{why}",
  "refused.sheet.headCheck": "the check does not fit what is above the ballots",
  "refused.sheet.otherNumber": "it was written with {written} ballots, and has {found}",
  "refused.sheet.digest": "the SHA-256 in it is not that of the document",
  "refused.sheet.columns": "the columns are not those of a tally sheet",
  "refused.sheet.fourColumns": "there are not four columns",
  "refused.sheet.id": "the election’s id is not valid",
  "refused.sheet.nonceDigits": "the random bytes are not hexadecimal",
  "refused.sheet.nonceLength": "there are not 16 random bytes",
  "refused.sheet.ends": "it ends before its ballots",
  "refused.sheet.head": "what it says of the election above the ballots is not valid",
  "refused.sheet.noCount": "it does not say above the ballots how many there are",
  "refused.sheet.definition": "there can be no such election: {why}",
  "refused.sheet.columnCount":
    "there are not as many columns as in the heading: the line may be cut",
  "refused.sheet.markNumber": "a mark is not a number",
  "refused.sheet.json": "it is not whole, or not JSON",
  "refused.sheet.document": "{key} is missing, or is not what a sheet has",
  "refused.sheet.format": "it has format {format}: use a newer page",
  "refused.sheet.rules": "the rules are not valid",
  "refused.sheet.ledger": "the ledger’s identity is not valid",
  "refused.sheet.otherBallot": "it is a ballot of another kind of sheet",
  "refused.sheet.noBallot": "there is no ballot in it",
  "refused.sheet.form": "it is not written in the exact form of a sheet",
  "refused.sheet.rewritten":
    "every ballot fits its receipt, but a program has saved the file again, \
with {found}",
  "refused.sheet.empty": "it is empty",
  "refused.sheet.encoding": "it is not a text in UTF-8",
  "refused.sheet.tooLarge": "it has more than {mib} MiB: count it with capvote-client recount",
  "refused.sheet.receiptFile": "it is a receipt file",
  "refused.sheet.tooManyBallots": {
    one: "it has more than {count} ballot: take it with capvote-client sheet",
    other: "it has more than {count} ballots: take it with capvote-client sheet",
  },
  "refused.sheet.otherFromServer": "the server sends another sheet than that of this election",
  "refused.sheet.notYet": "there is no sheet before the election is closed",
  "refused.sheet.repeated":
    "{repeated} of its ballots share their receipt with another: ballots were \
added, or voters’ programs drew the same random bytes",
  "refused.sheet.moreThanVoters": "it has {ballots} ballots, and the roll has {voters} voters",
  "refused.sheet.noCandidate": "a ballot is for {name}, and that is no candidate",
  "sheet.found.byteOrderMark": "a byte order mark",
  "sheet.found.lineEnds": "line ends of another system",
  "sheet.found.emptyLine": "an empty line",
  "sheet.found.lastLine": "a last line without its end",
  "sheet.found.separators": "other separators",
  "sheet.found.columns": "other columns",
  "sheet.found.order": "the ballots in another order",
  "sheet.found.quotes": "other separators, quotes or blanks",
  "refused.open.noElection":
    "this registrar’s link does not say which election it is for: it needs \
?election=ID before the #",
  "refused.open.lostAnswer":
    "the server says: {said}. The connection was lost while this page opened the link. If the link \
works once, this page may have spent it: ask whoever gave it to you to end it, and to make another",
  "refused.link.otherServer":
    "this link is for {host}, and this page is for {own}. Its secret was not sent: open a page of \
{host}",
  "refused.link.otherElection":
    "this link is for the election {election}. Its secret was not sent: open the page of that \
election",
  "refused.revoke.tooMany": {
    one: "at most {count} number is taken off at a time",
    other: "at most {count} numbers are taken off at a time",
  },
  "refused.links.opened":
    "somebody has opened this link; “End a link, or void its numbers” ends what it opened, with \
the numbers that were issued with it",
  "refused.act.refused": "{said}; nothing was changed",
  "refused.create.id":
    "the short name is 1 to 64 letters, digits, “.”, “_” and “-”, and begins with a \
letter or a digit",
  "refused.create.idTaken": "the address /{id} is taken: choose another short name",
  "refused.create.idOfTest": "only a test has a short name like this: choose another",
  "refused.create.blankName":
    "a candidate called {name} cannot be told from blank ballots: choose \
another name",
  "refused.create.closesFirst": "the time to close has to be after the time to open",
  "refused.create.number": "this is a whole number from 1 on",
  "refused.create.share":
    "a share is written as >1/2 of marked, >=2/3 of ballots, >=1/4 of roll or \
>=50; a fraction needs what it is of",
  "refused.create.moment": "this is no moment",
  "refused.create.refused": "the server did not create it: {said}",
  "refused.roll.tooLarge": "the list has more than {mib} MiB: use capvote-client issue",
  "refused.roll.tooMany": {
    one: "the list has more than {count} person: use capvote-client issue",
    other: "the list has more than {count} people: use capvote-client issue",
  },
  "refused.roll.spreadsheet":
    "this is a spreadsheet and not a CSV file: save it as “CSV UTF-8” in Excel, \
or as “Text CSV” in LibreOffice",
  "refused.roll.encoding":
    "this is not a text in UTF-8: save it as “CSV UTF-8” in Excel, or as “Text \
CSV” with the character set Unicode (UTF-8) in LibreOffice",
  "refused.roll.other": "this is no CSV file",
  "refused.roll.empty": "the file is empty: its first line names the columns",
  "refused.roll.nobody": "there are no rows below the heading",
  "refused.roll.length": {
    one: "line {line} has {has} fields and the heading {count}, where {separator} separates them",
    other:
      "line {line} has {has} fields and the heading {count}, where {separator} separates them; a \
field with that in it needs quotes, and a title above the heading has to go",
  },
  "refused.roll.noHeading":
    "the first line has {value}, which looks like a person’s: put a line with the \
names of the columns above it",
  "refused.roll.nameless":
    "the first line has no name for column {column}, which line {line} has a value \
in: name the column, or take the line off if it is a title",
  "refused.roll.twoColumns": "two columns are called {name}",
  "refused.roll.number": "line {line} has something other than a voter number in its column",
  "refused.roll.sameNumber": "lines {first} and {second} have the same voter number",
  "refused.roll.noNumbers": "there are no voter numbers in this file",
  "refused.issue.refused": "no numbers were issued: {said}",
  "refused.issue.none":
    "no numbers were issued, and nobody can vote with those in a file that was saved: \
{said}",
  "refused.issue.late":
    "the {seconds} seconds are over, and no numbers were issued. Delete the file if you saved it, \
and draw them again",
  "refused.issue.dropped": "no numbers were issued. Delete the file if you saved it",
  "refused.roll.otherElection":
    "the voting link in line {line} is for the election {other}, and this is {id}: nobody can vote \
here with the numbers of another election. Take the columns with numbers and links off, to give \
these people new ones",
  "refused.roll.moreThanRoll": {
    one: "the list has {count} voter number, and the roll of {id} has {voters}: nobody can vote \
here with a number of another election, or one that was taken off. Empty its field",
    other:
      "the list has {count} voter numbers, and the roll of {id} has {voters}: nobody can vote here \
with numbers of another election, or with those that were taken off. Empty their fields",
  },
  "refused.issue.changed":
    "somebody else has changed the roll: it had {before} numbers, and has {after}. No numbers were \
issued. Look at this page again before you go on",
  "refused.issue.elsewhere":
    "the server has put the numbers on a roll, but not on that of {id}: it had {before} numbers, \
and has {after}. Your link may be for another election. Send no letters, and ask whoever gave you \
the link",
  "refused.issue.unknown":
    "it is not known whether the numbers are on the roll: it had {before} numbers \
before, and has {after}. Look again in a minute. If it has as many more as the file, they are on \
it",
};
