/** The texts of the officer’s page, and what it shares with the auditor’s, in English. */

export const texts = {
  "rules.plurality": "Most votes win.",
  "rules.approval": "Approval: each voter marks any number of names, and most votes win.",
  "rules.transferable":
    "Single transferable vote, by the Scottish rules; with one seat this is \
instant runoff.",
  "rules.schulze": "Schulze's method: whoever would win against each other.",
  "rules.seats": { one: "{count} seat.", other: "{count} seats." },
  "rules.marks": {
    one: "A ballot marks {count} name.",
    other: "A ballot marks at most {count} names.",
  },
  "rules.majority": "Votes needed: {share}.",
  "rules.quorum": "Ballots needed: {share}.",
  "rules.noneIs": "{name} stands for nobody.",
  "share.atLeast": "at least {part}",
  "share.above": "more than {part}",
  "share.marked": "of the ballots that mark a name",
  "share.ballots": "of all ballots",
  "share.roll": "of the roll",
  "link.none": "This is no link with a token behind its #. Paste the whole link.",
  "trouble.disconnected": "The connection to the server was lost, and no answer came: {why}",
  "trouble.overloaded": "The server is busy. Try again in a moment: {why}",
  "trouble.unimplemented": "The link does not open that: {why}",
  "trouble.failed": "The server says: {why}",
  "trouble.other": "Something went wrong: {why}",
  "officer.title": "Run elections",
  "entry.text":
    "This page opens with an officer’s link: officer.link in the server’s data directory, \
or one that was shared from it.",
  "entry.file": "The file with the link",
  "entry.fileHint": "Choose the file, or drop it here.",
  "entry.link": "Or the link itself",
  "entry.linkHint":
    "It is sent to this server only, and kept nowhere: after a reload, give it again.",
  "entry.open": "Open the link",
  "back.overview": "Back to the elections",
  "back.election": "Back to the election",
  "back.roll": "Back",
  "working.wait": "Please wait.",
  "working.open": "Opening the link…",
  "working.load": "Loading the election…",
  "working.loadAll": "Loading the elections…",
  "working.read": "Reading the list…",
  "working.create": "Creating the election…",
  "working.issue": "Drawing voter numbers…",
  "working.confirm": "Confirming the election…",
  "working.close": "Closing the election…",
  "working.revoke": "Taking the numbers off the roll…",
  "working.link": "Making a link…",
  "working.endLink": "Ending the link…",
  "overview.new": "Create an election",
  "overview.none": "There is no election on this server yet.",
  "overview.run": "Run {id}",
  "audited.title": "Which election is it for?",
  "audited.text":
    "This is an auditor’s link. Choose the election that it was made for: the page that checks it \
opens.",
  "audited.check": "Check {id}",
  "create.heading": "Create an election",
  "create.title": "Title",
  "create.titleHint": "What people call it, such as “Board 2027”.",
  "create.id": "Short name for links",
  "create.idHint": "1 to 64 letters, digits, “.”, “_” and “-”. It is a part of the voters’ link.",
  "create.candidates": "Names on the ballot",
  "create.candidatesHint":
    "One a line, in the order of the ballot paper. For a motion: Yes, and No.",
  "create.method": "How ballots are counted",
  "create.method.plurality": "Most votes win",
  "create.method.pluralityHint": "One name, several names, or approval: as many marks as names.",
  "create.method.transferable": "Ranks: single transferable vote",
  "create.method.transferableHint":
    "A committee in proportion to its voters; with one seat, instant \
runoff. By the Scottish rules.",
  "create.method.schulze": "Ranks: Schulze",
  "create.method.schulzeHint": "Whoever would win against each other. Names may share a rank.",
  "create.seats": "Seats",
  "create.seatsHint": "How many are elected, at most.",
  "create.marks": "Most names that a ballot may mark",
  "create.marksHint":
    "Left empty, a ballot marks as many names as there are seats, and with ranks it orders all of \
them. Where fewer than 1,000 people can vote, it orders 3 at most: a longer order is often the \
only one of its kind, and could be recognised on the tally sheet.",
  "create.majority": "Majority that votes have to reach",
  "create.majorityHint":
    "Left empty: none. Otherwise a share such as >1/2 of marked, >=2/3 of ballots, \
>1/2 of roll, or a number such as >=50.",
  "create.quorum": "Quorum that ballots have to reach",
  "create.quorumHint":
    "Left empty: none. Otherwise a share such as >=1/4 of roll, or a number such as \
>=50.",
  "create.none": "The last name stands for nobody",
  "create.noneHint": "As “Reopen nominations” or “None of the above” do.",
  "create.blank": "Allow blank ballots",
  "create.blankHint": "For those who abstain, and want to be counted as present.",
  "create.publication": "When the count is shown",
  "create.publication.sealed": "After the close",
  "create.publication.sealedHint": "Until then everybody sees the turnout only.",
  "create.publication.live": "While people vote, ten ballots at a time",
  "create.publication.liveHint": "Not with ranks.",
  "create.opens": "Opens by itself",
  "create.opensHint": "In the time of this device. Left empty: you open it.",
  "create.closes": "Closes by itself",
  "create.closesHint": "In the time of this device. Left empty: you close it.",
  "create.roll": "Voter numbers",
  "create.rollHint":
    "Elections that share a roll are the questions of one paper: each voter has one \
number for all of them.",
  "create.ownRoll": "Its own",
  "create.final":
    "What is set here cannot be changed afterwards. Nobody can vote before you open the \
election.",
  "create.submit": "Create the election",
  "create.test": "Try it out: create a test of it",
  "create.testHint":
    "A test is an election of its own with three voter numbers, which is open at \
once. Its votes count for nothing.",
  "create.fewRanks": "A ballot ranks at most {ranks} names here, since fewer than 1,000 can vote.",
  "test.name": "Test: {title}",
  "test.title": "The test is open",
  "test.text": {
    one: "Vote with this number, as your voters will. It opens in a new tab.",
    other: "Vote with these {count} numbers, as your voters will. Each opens in a new tab.",
  },
  "test.vote": "Vote as voter {count}",
  "test.go": "Run the test: turnout, close, count",
  "test.real": "Back to the form, to create the election itself",
  "election.id": "Short name: {id}",
  "election.test": "This is a test.",
  "election.names": "Names on the ballot",
  "election.unconfirmed":
    "It was restored from a backup, and takes no votes until that is confirmed.",
  "election.confirmText":
    "Votes that were recorded after the backup are not in it. After you confirm, \
ask those who voted to send their vote again, with the same receipt file.",
  "election.confirm": "Confirm the restored election",
  "confirm.done": "The election is confirmed.",
  "election.roll": "Roll and letters",
  "election.sharedRoll": "It shares the voter numbers of {roll}: issue them there.",
  "election.added": {
    one: "{count} of them was issued after it was opened.",
    other: "{count} of them were issued after it was opened.",
  },
  "election.issue": "Issue voter numbers",
  "election.letters": "Letters from a saved file",
  "election.revoke": "Take numbers off the roll",
  "election.voting": "Voting",
  "election.open": "Open the election…",
  "election.close": "Close the election…",
  "election.voterPage": "The voters’ page",
  "election.watch": "The board for the hall",
  "election.count": "Count and ledger",
  "election.sheet": "Make the tally sheet",
  "election.saveCsv": "Save the sheet as CSV",
  "election.saveJson": "Save the sheet as JSON",
  "election.fingerprint": "Fingerprint of the CSV file (SHA-256). Publish it with the file.",
  "election.links": "Links for others",
  "election.linksText":
    "A registrar issues numbers, an auditor checks, and an administration runs this \
one election.",
  "election.share": "Make a link",
  "election.endLink": "End a link, or void its numbers",
  "roll.title": "Issue voter numbers",
  "roll.more":
    "There are numbers on this roll. A list that has grown needs the file of the earlier \
issue: people in it who have a number keep it.",
  "roll.file": "A list of people",
  "roll.fileHint":
    "A CSV file with a line of column names above it. It is read in this page, and never \
leaves it: the server learns no names.",
  "roll.count": "Or a number of voters, without names",
  "roll.countHint": "For ballot papers that are handed out.",
  "roll.countGo": "Go on",
  "roll.wrongCount": {
    one: "Type a number from 1 to {count}.",
    other: "Type a number from 1 to {count}.",
  },
  "roll.allow": "They are different people: issue a number to each row",
  "roll.add": "Nobody on this list has one of them: add to the roll",
  "roll.addFirst":
    "There are numbers on the roll already. Take the file of the earlier issue, or say that nobody \
on this list has one of them.",
  "roll.allowFirst":
    "Some rows seem to be the same person. Take one of each pair off the list, or say \
that they are different people.",
  "people.title": "Check the list",
  "people.missing": {
    one: "{count} person gets a voter number.",
    other: "{count} people get a voter number.",
  },
  "people.kept": {
    one: "{count} person has a number, and keeps it.",
    other: "{count} people have a number, and keep it.",
  },
  "people.empty": {
    one: "{count} empty row is left out: line {lines}.",
    other: "{count} empty rows are left out: lines {lines}.",
  },
  "people.formulas": {
    one: "In {count} row a field begins with =, +, - or @, which a spreadsheet would compute: \
line {lines}. Look at it before you open the file with the numbers in one.",
    other:
      "In {count} rows a field begins with =, +, - or @, which a spreadsheet would compute: \
lines {lines}. Look at them before you open the file with the numbers in one.",
  },
  "people.others": {
    one: "The roll has {count} number that is not in this list. Whoever has it and is on this list \
gets a second one, and can vote twice.",
    other:
      "The roll has {count} numbers that are not in this list. Whoever has one of them and is on \
this list gets a second one, and can vote twice.",
  },
  "people.doubles": {
    one: "{count} row seems to be somebody who is on the list already",
    other: "{count} rows seem to be somebody who is on the list already",
  },
  "people.double": "Lines {first} and {second}:",
  "people.more": { one: "and {count} more", other: "and {count} more" },
  "people.preview": { one: "The first row", other: "The first {count} rows" },
  "people.local": "Nothing of the list is sent.",
  "people.time":
    "When you go on, the server draws the numbers, and you have {seconds} seconds to save them. \
Only \
then are they put on the roll. Letters are printed afterwards, at leisure.",
  "people.issue": { one: "Draw {count} voter number", other: "Draw {count} voter numbers" },
  "people.nobody": "Everybody on the list has a number.",
  "people.letters": "Letters to them",
  "issue.uncertain": {
    one: "The answer of the server was lost. The roll has {count} number more than before, so this \
one is on it, unless somebody else issued one at the same time: ask them before you send letters.",
    other:
      "The answer of the server was lost. The roll has {count} numbers more than before, so these \
are on it, unless somebody else issued as many at the same time: ask them before you send letters.",
  },
  "saving.title": "Save the numbers",
  "saving.text": {
    one: "{count} number is drawn, and on no roll yet. Save the file; it has your list, with the \
column \
{column}. Nobody can make it again.",
    other:
      "{count} numbers are drawn, and on no roll yet. Save the file; it has your list, with the \
column {column}. Nobody can make it again.",
  },
  "saving.left": { one: "{count} second left", other: "{count} seconds left" },
  "saving.file": "1. Save the file",
  "saving.look": "See that the file is there, then say so.",
  "saving.saved": "2. The file is saved: put the numbers on the roll",
  "saving.wait": "Putting the numbers on the roll…",
  "saving.drop": "Do not use these numbers",
  "letters.title": "Letters",
  "letters.text":
    "Each letter has a QR code, which opens the voters’ page with the number in it. Print \
them, or save the list for a mail merge: the column voting_link has the link.",
  "letters.columns": "What stands in the address",
  "letters.column": "Column {count}",
  "letters.words": "Your own words",
  "letters.wordsHint": "They stand on every letter.",
  "letters.range": "Letters {from} to {to} of {all} are below, and are printed together.",
  "letters.print": "Print these letters",
  "letters.merge": "Save the list (CSV)",
  "letters.before": "The letters before",
  "letters.next": "The next letters",
  "letters.secret":
    "Whoever reads a letter can vote with it. Keep the list until the close, for letters \
that are lost, and delete it then.",
  "letters.preview": "What is printed",
  "letters.of": "Letter with the number {number}",
  "letters.test": "This is a test. It counts for nothing.",
  "letters.invited": "You are invited to vote.",
  "letters.qr": "QR code of the voting link",
  "letters.scan": "Scan the code with your telephone,",
  "letters.type": "or open this address:",
  "letters.number": "and type your voter number:",
  "letters.keep": {
    one: "Keep this letter to yourself: whoever has the number can vote in your place. The number \
is good for one vote.",
    other:
      "Keep this letter to yourself: whoever has the number can vote in your place. The number \
is good for one vote in each of the {count} elections.",
  },
  "lettersFile.text":
    "From a file that was saved when numbers were issued, letters can be made again, \
such as for somebody whose letter was lost.",
  "lettersFile.newest": "The letters of the last issue",
  "lettersFile.file": "The file with the numbers",
  "lettersFile.hint":
    "A CSV file with the column voter_number. It is read in this page, and never leaves \
it.",
  "confirm.agreed": "I have read this.",
  "confirm.first": "Say that you have read this.",
  "open.title": "Open the election?",
  "open.text": "What an opening means:",
  "open.slate": "People can vote. The names and the rules are fixed for good.",
  "open.roll": "No number can be taken off the roll any more. More can be issued.",
  "open.rules": "It cannot be taken back.",
  "open.others": "Open these too, with the same voter numbers: {names}",
  "open.nobody": "Nobody can vote before voter numbers are issued: the roll is empty.",
  "open.act": "Open the election",
  "open.done": { one: "The election is open.", other: "Open now: {names}." },
  "open.some": "Open now: {names}. Not open: {others}. {why}",
  "working.openElection": "Opening the election…",
  "close.title": "Close the election?",
  "close.text": "A close is for good:",
  "close.votes": "Nobody can vote any more, not even somebody who is voting at this moment.",
  "close.again": "It cannot be opened again.",
  "close.key": "The key of the ballots is destroyed, so that nobody can find out who chose what.",
  "close.sheet": "The result becomes public, and the tally sheet can be made.",
  "close.others": "Close these too, with the same voter numbers: {names}",
  "close.act": "Close the election",
  "close.done": { one: "The election is closed.", other: "Closed now: {names}." },
  "close.some": "Closed now: {names}. Not closed: {others}. {why}",
  "revoke.title": "Take numbers off the roll",
  "revoke.text": "Such as those of a lost letter. This is possible until the election is opened.",
  "revoke.file": "A file with the numbers",
  "revoke.fileHint": "All numbers in its column voter_number are taken off.",
  "revoke.numbers": "Or the numbers",
  "revoke.numbersHint": "One a line.",
  "revoke.act": "Take these numbers off the roll",
  "revoke.none": "Type at least one number.",
  "revoke.wrong": "Line {line} is no voter number.",
  "revoke.done": {
    one: "{count} number is off the roll.",
    other: "{count} numbers are off the roll.",
  },
  "links.title": "Make a link",
  "links.role": "For whom",
  "links.auditor": "An auditor",
  "links.auditorHint": "Sees the turnout, checks the ledger, and takes the tally sheet.",
  "links.registrar": "A registrar",
  "links.registrarHint":
    "Issues voter numbers, and takes them off the roll until the election is opened.",
  "links.administration": "An administration",
  "links.administrationHint": "Does everything in this election that you can do.",
  "links.make": "Make the link",
  "links.shown":
    "This link is shown once. Whoever has it has that power: give it to one person, on a way \
that nobody else reads.",
  "open.once":
    "This link worked once, for this tab, and opens nothing any more. Keep the tab \
open until you are done.",
  "open.busy":
    "Something is under way here. Wait until it is done, and open the link then.",
  "links.worksOnce": "It works once",
  "links.worksOnceHint":
    "For a link in a mail or a letter: whoever opens it first has that \
power, for as long as the page stays open, and nobody can use it after them.",
  "links.address": "Link",
  "links.copy": "Copy",
  "links.copied": "Copied.",
  "links.save": "Save as a file",
  "links.end": "End this link",
  "links.ended": "This link opens nothing any more.",
  "endLink.title": "End a link",
  "endLink.link": "The link",
  "endLink.linkHint": "Paste it. It is sent to this server only.",
  "endLink.how": "What to do",
  "endLink.revoke": "End it",
  "endLink.revokeHint":
    "It opens nothing any more, and neither do links that were made from it. Numbers \
that were issued with it stay good.",
  "endLink.void": "End it, and void the numbers that were issued with it",
  "endLink.voidHint":
    "For a registrar’s link that was lost. Numbers that have voted stay; all others are \
unknown from then on. This is possible until the close.",
  "endLink.act": "End the link",
  "endLink.done": "The link opens nothing any more.",
  "endLink.voided": {
    one: "The link opens nothing any more, and {count} number is off the roll.",
    other: "The link opens nothing any more, and {count} numbers are off the roll.",
  },
  "letters.opens": "Voting opens on {moment}.",
  "letters.closes": "Voting closes on {moment}.",
  "letters.base": "Address of the server in the links",
  "letters.baseHint": "As voters reach it, such as https://vote.example.org",
  "letters.baseLocal": "This is an address of this machine only: no telephone can open it.",
  "letters.baseWrong": "This is no web address. The links have the one before.",
};
