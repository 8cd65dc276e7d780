/** The texts of the voter’s page, and what all pages share, in English. */

export const texts = {
  language: "Language",
  connecting: "Connecting to the server…",
  connectionLost: "The connection is lost. Trying again…",
  connectionBack: "The connection is back.",
  "trouble.title": "Something went wrong",
  "trouble.text": "Load this page again. What is known: {why}",
  serverSays: "In the server’s own words",
  or: "or",
  allElections: "All elections on this server",

  "list.vote": "Vote",
  "list.watch": "Turnout and result",
  "when.opens": "Voting opens on {moment} ({away}).",
  "when.opensByHand": "Voting begins when the returning officer opens it.",
  "when.closes": "Voting closes on {moment} ({away}).",
  "when.closesByHand": "Voting ends when the returning officer closes it.",
  "when.closed": "Voting has ended.",

  "missing.title": "There is no such election",
  "missing.text": "This server has no election with the id {id}. Check the link.",
  "left.text": "This tab keeps a vote in {id} whose outcome is not known, with its number. This \
server has no such election. If that changes, load this page again.",
  "left.forget": "Forget this vote",
  "newer.title": "This page is too old",
  "newer.text": "A ballot of this election can say something that this page does not know. \
Load the page again, or use the program capvote-client.",
  "draft.title": "Voting has not begun",
  "draft.text": "Keep your voter number until then.",
  "draft.looking": "This page looks again by itself.",
  "closed.title": "Voting has ended",
  "closed.text": "This election takes no more votes. A vote that was recorded before stands.",
  "closed.result": "See the result",

  "paper.title": "Your ballot paper",
  "paper.questions": {
    one: "This paper has {count} question. Your number is good for one vote in it.",
    other: "This paper has {count} questions. Your number is good for one vote in each.",
  },
  "paper.seats": { one: "One is elected.", other: "{count} are elected." },
  "paper.names": { one: "One name is on the ballot.", other: "{count} names are on the ballot." },

  "number.label": "Your voter number",
  "number.hint": "20 digits, such as 1234-5678-9012-3456-7890. With or without separators.",
  "number.soFar": { one: "{count} of 20 digits", other: "{count} of 20 digits" },
  "number.next": "Go on to the ballot",
  "number.back": "Go back to your vote",
  "number.none": "Type your voter number. It is in the letter or message that invites you to vote.",
  "number.others": "A voter number has digits only. Here is something else, too. Check what you \
typed.",
  "number.length": "A voter number has 20 digits. You typed {count}.",
  "number.tooLarge": "This is no voter number: there is none above 1844-6744-0737-0955-1615. \
Check the digits.",
  "number.unknown": "The number ending in {end} is not on the roll of this election. Check each \
digit. It may be for another election.",
  "number.ending": "You vote with the number ending in {end}.",
  "number.change": "Use another number",
  "number.gone": "This page was loaded again, and keeps no number. Open your link again, or type \
the number.",
  "number.waits": "Another number was opened here. It can vote when this vote has its outcome.",
  "number.badLink": "The link has no whole voter number behind its #. Type the number here.",
  "number.private": "Keep the number to yourself: whoever knows it can vote in your place.",

  yourChoice: "Your choice",
  "ask.one": "Mark one name.",
  "ask.votes": { one: "Mark at most {count} name.", other: "Mark at most {count} names." },
  "ask.votesAll": "Mark any number of names.",
  "ask.ranks": {
    one: "Choose at most {count} name.",
    other: "Choose up to {count} names in the order in which you prefer them.",
  },
  "ask.ranksAll": "Choose names in the order in which you prefer them. You need not choose all.",
  "ask.sharedRanks": {
    one: "Choose at most {count} name.",
    other: "Choose up to {count} names in the order in which you prefer them. Names may share a \
rank.",
  },
  "ask.sharedRanksAll": "Choose names in the order in which you prefer them. Names may share a \
rank. You need not choose all.",
  "ask.none": "{name} stands for nobody: whom you put behind it, you would rather not see elected.",
  blank: "A blank ballot: I vote, and for none of these names",
  leaveOut: "You can leave this question out.",
  clear: "Clear this answer",
  find: "Find a name",
  found: { one: "{count} of {all} names", other: "{count} of {all} names" },
  marksLeft: {
    one: "You can mark {count} more name, of {all} at most.",
    other: "You can mark {count} more names, of {all} at most.",
  },
  marksFull: "You have marked {all} names, which is all that you can.",
  tooManyBy: {
    one: "{count} name too many: at most {all} can be marked.",
    other: "{count} names too many: at most {all} can be marked.",
  },

  "order.yours": "Your order",
  "order.empty": "Nobody yet. Choose whom you like best from the list below, then the next.",
  "order.rest": "Without a rank",
  "order.up": "Move {name} up",
  "order.down": "Move {name} down",
  "order.share": "{name} has the same rank as {above}",
  "order.remove": "Take {name} out of your order",
  "order.in": "{name} has rank {rank}.",
  "order.out": "{name} has no rank.",
  "ballot.orderFull": {
    one: "{count} name has a rank, which is all that you can give. Take it out to add another.",
    other: "{count} names have ranks, which is all that you can give. Take one out to add \
another.",
  },

  review: "Check your vote",
  "problem.title": "There is a problem",
  "problem.in": "{title}: {problem}",
  "problem.paper": "Answer at least one question.",
  "ballot.nothing": "Choose at least one name.",
  "ballot.nothingOrBlank": "Choose at least one name, or a blank ballot.",
  "ballot.noBlank": "This election takes no blank ballots: mark at least one name.",
  "ballot.length": "The slate has changed: load the page again.",
  "ballot.zeros": "Mark at least one name.",
  "ballot.tooMany": {
    one: "At most {count} name can be marked; you marked {given}.",
    other: "At most {count} names can be marked; you marked {given}.",
  },
  "ballot.notOne": "A name is marked once, or not at all.",
  "ballot.shared": "Two names have rank {rank}; each rank is given once.",
  "ballot.gap": "Nobody has rank {rank}, but somebody has a rank behind it.",

  "review.title": "Check your vote",
  "review.notYet": "Nothing is cast yet.",
  "review.final": "A vote that is cast cannot be changed or taken back.",
  "review.blank": "A blank ballot",
  "review.left": "Left out here. If this number has answered it before, that vote stands.",
  "review.rank": "{rank}.",
  "review.others": {
    one: "{count} name has no rank.",
    other: "{count} names have no rank.",
  },
  "review.change": "Change",
  "review.changeOf": "Change: {title}",
  "review.castAll": { one: "Cast this vote", other: "Cast these {count} votes" },

  "sending.title": "Your vote is on its way",
  "sending.text": "Please wait for the outcome.",
  "sending.sending": "Sent. Waiting for the server…",
  "sending.waiting": "Comes next.",
  "sending.busy": "The server is busy or starting again. Nothing was recorded yet. Trying again…",
  "sending.solving": "Too many wrong numbers came from your network. This device is solving a \
task, so that your vote gets through. That takes some seconds.",
  "sending.throttled": "Too many wrong numbers came from your network. Waiting a moment, then \
trying again…",
  "sending.unknown": "Trying again…",
  "sending.unreachable": "Trying again…",
  "unreachable.title": "The server cannot be reached",
  "unreachable.text": "Your vote has not been sent yet. You need not do anything: this page goes \
on by itself. Keep it open.",
  "sending.unconfirmed": "Waiting for the returning officer…",
  "sending.unkept": "This browser stores nothing. Do not load this page again before the outcome.",
  "unconfirmed.title": "The election is not confirmed yet",
  "unconfirmed.text": "The server was restored from a backup, and takes no votes until the \
returning officer confirms that. Your vote is not recorded yet. This page goes on by itself: keep \
it open.",
  "unknown.title": "Not known yet",
  "unknown.text": "The answer has not arrived, so it is not known whether your vote is recorded. \
You need not do anything: this page goes on by itself and sends the same vote again. It never \
counts twice. Keep this page open.",
  "unknown.why": "The last try: {why}",
  "unknown.cannotWait": "If you cannot wait",
  "unknown.save": "Save this file: with it, the program capvote-client can send the same vote \
again, from any machine.",
  "unknown.stop": "Stop trying",

  "done.recorded": { one: "Your vote is recorded", other: "Your {count} votes are recorded" },
  "done.some": {
    one: "{count} of {all} votes is recorded",
    other: "{count} of {all} votes are recorded",
  },
  "done.refused": { one: "Your vote was not counted", other: "No vote was counted" },
  "done.twice": {
    one: "This number has voted already; that vote counts",
    other: "This number has voted already; those votes count",
  },
  "done.flawed": "The receipt is not right",
  "done.stopped": "It is not known whether your vote is recorded",
  "outcome.recorded": "Recorded. It is stored safely, and counts once.",
  "outcome.alreadyVoted": "This number has voted here before. That vote counts, and this one does \
not. Was it not you? Then tell the returning officer.",
  "outcome.unknownVoterNumber": "Not counted: this number is not on the roll. It may be mistyped, \
or for another election.",
  "outcome.unknownCandidate": "Not counted: the name is not on the ballot. Nothing was recorded. \
Mark the ballot again.",
  "outcome.invalidBallot": "Not counted: the ballot breaks a rule. Nothing was recorded. Mark it \
again.",
  "outcome.notOpen": "Not counted: voting has not begun. Nothing was recorded.",
  "outcome.closed": "Not counted: the election closed before this vote came. A vote that was \
recorded before stands.",
  "outcome.newer": "Not counted, for a reason that this page does not know.",
  "outcome.notSent": "Not sent.",
  "outcome.notConfirmed": "Not recorded: the returning officer has not confirmed the election yet.",
  "outcome.stopped": "You stopped before the answer came. The vote may be recorded. If you vote \
again with the same number, the page tells you whether one stands.",
  "receipt.title": "Receipt",
  "receipt.what": "Receipts are only on this page: save them before you leave. With a receipt \
file you can find your ballot on the tally sheet after the close, and send the same vote again if \
the server lost it. It tells whom you voted for: keep it to yourself.",
  "receipt.save": "Save the receipt file",
  "receipt.saveOf": "Save the receipt file: {title}",
  "receipt.right": "This page has computed the receipt, too: it is that of your vote.",
  "receipt.wrong": "Something is wrong: the receipt is not that of the vote that this page sent. \
It should be {expected}. The server may have recorded another vote. Write both receipts down, and \
tell the returning officer.",
  "done.correct": "Correct the number",
  "done.again": "Mark the ballot again",
  "done.other": "Vote with the other number",
  "done.finish": "Finish, and clear this page",
  "done.finishHint": "On a shared device, so that the next person does not see your receipt.",
  "done.before": "A vote was recorded from this tab at {time}. Nothing is left to do. Its receipt \
was only on that page.",
};
