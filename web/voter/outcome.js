/** The steps of a vote from the moment it is cast: on its way, not known yet, and its outcome. */

import { form, hasOneMark, named, nameOf } from "../lib/ballot.js";
import { element, foreign, say } from "../lib/dom.js";
import { receiptFileText } from "../lib/receipt.js";
import { titleOf } from "./paper.js";

/** @import { Step } from "./shapes.d.ts" */

export const LIMITS = {
  /** The longest receipt that is shown, in characters; those of votes have 39. */
  receiptCharacters: 256,
};

const OUTCOMES = [
  "recorded",
  "alreadyVoted",
  "unknownVoterNumber",
  "unknownCandidate",
  "invalidBallot",
  "notOpen",
  "closed",
];

/** What may take long, while it is known that nothing is recorded. */
const NOT_RECORDED = ["unconfirmed", "unreachable"];

/** The outcomes after which a ballot may be marked again. */
const MARK_AGAIN = ["unknownCandidate", "invalidBallot"];

/**
 * The votes while they have no outcome.
 * @param {object} flow
 * @returns {Step}
 */
export function sendingStep(flow) {
  const { language, casting } = flow;
  const key = keyOf(casting);
  const title = language.text(`${key}.title`);
  const status = element("div", { role: "status" });
  const why = element("p.hint");
  const update = () => {
    const current = currentOf(casting);
    const reason = key !== "sending" && current?.why;
    const said = states(flow);
    if (status.textContent !== said.textContent) status.replaceChildren(said);
    say(why, reason ? language.text("unknown.why", { why: reason }) : "");
    return keyOf(casting) === key;
  };
  update();
  return {
    title,
    key,
    update,
    content: [
      element("h1", {}, title),
      element("p", {}, language.text(`${key}.text`)),
      status,
      casting.isKept ? null : element("p.notice", {}, language.text("sending.unkept")),
      why,
      key === "unknown" ? cannotWait(flow) : null,
      NOT_RECORDED.includes(key) ? element("p", {}, stopButton(flow)) : null,
    ],
  };
}

function keyOf({ votes }) {
  const keys = ["unknown", ...NOT_RECORDED];
  return keys.find((key) => votes.some(({ state }) => state === key)) ?? "sending";
}

/** The vote that is being cast. */
function currentOf({ votes }) {
  return votes.find(({ state }) => state !== "decided" && state !== "waiting");
}

/** What is being done for each vote. */
function states({ language, casting }) {
  const { votes, infos } = casting;
  const text = ({ state, outcome }) =>
    language.text(state === "decided" ? outcomeKey(outcome) : `sending.${state}`);
  if (votes.length === 1) return element("p", {}, text(votes[0]));
  const items = votes.map((vote) =>
    element("li", {}, foreign("bdi", titleOf(infos.get(vote.election))), ": ", text(vote)),
  );
  return element("ul", {}, ...items);
}

/** The ways out of waiting. */
function cannotWait({ language, casting }) {
  const vote = currentOf(casting);
  return element(
    "details",
    {},
    element("summary", {}, language.text("unknown.cannotWait")),
    element("p", {}, language.text("unknown.save")),
    element("p", {}, download(casting, vote, null, language, false)),
    element("p", {}, stopButton({ language, casting })),
  );
}

function stopButton({ language, casting }) {
  const stop = () => casting.stop();
  return element("button.quiet", { type: "button", onclick: stop }, language.text("unknown.stop"));
}

/**
 * What became of the votes.
 * @param {object} flow
 * @returns {Step}
 */
export function doneStep(flow) {
  const { language, casting } = flow;
  const { votes } = casting;
  const title = doneTitle(votes, language);
  const sections = votes.map((vote) => outcomeSection(vote, flow));
  return {
    title,
    content: [
      element("h1", {}, title),
      howMany(votes, "recorded") > 0 ? element("p", {}, language.text("receipt.what")) : null,
      element("div", { role: "status" }, ...sections),
      ...ways(flow),
    ],
  };
}

function doneTitle(votes, language) {
  if (votes.some(({ flaw }) => flaw !== null)) return language.text("done.flawed");
  const all = votes.length;
  const [count, twice] = ["recorded", "alreadyVoted"].map((which) => howMany(votes, which));
  if (twice === all) return language.text("done.twice", { count: all });
  if (count + twice === all) return language.text("done.recorded", { count });
  if (count > 0) return language.text("done.some", { count, all });
  if (votes.some(({ state }) => state === "stopped")) return language.text("done.stopped");
  return language.text("done.refused", { count: all });
}

function howMany(votes, which) {
  return votes.filter(({ outcome }) => outcome?.which === which).length;
}

/** The text for an outcome. */
function outcomeKey(outcome) {
  return `outcome.${OUTCOMES.includes(outcome?.which) ? outcome.which : "newer"}`;
}

/** What became of one vote: in words, in the server's words, and its receipt. */
function outcomeSection(vote, { language, casting }) {
  const { votes, infos } = casting;
  const { outcome, state, told } = vote;
  const isRecorded = outcome?.which === "recorded";
  const key = state === "decided" ? outcomeKey(outcome) : `outcome.${state}`;
  const several = votes.length > 1;
  const isGood = isRecorded && vote.flaw === null;
  const kind = isGood ? ".good" : outcome?.which === "alreadyVoted" ? "" : ".bad";
  return element(
    `section.outcome${kind}`,
    { "data-election": vote.election, "data-outcome": outcome?.which ?? state },
    foreign("h2", titleOf(infos.get(vote.election))),
    element("p.verdict", {}, language.text(key)),
    ...(isRecorded ? receipt(vote, casting, language, several) : []),
    state === "stopped"
      ? element("p", {}, download(casting, vote, null, language, several))
      : null,
    told
      ? element(
          "div.told",
          {},
          element("p.hint", {}, `${language.text("serverSays")}:`),
          element("blockquote", { lang: "en", dir: "auto" }, told),
        )
      : null,
  );
}

function receipt(vote, casting, language, several) {
  const { commitment } = vote.outcome.recorded;
  // A line breaks between the groups, and nowhere else.
  const shown = commitment.slice(0, LIMITS.receiptCharacters);
  const groups = shown.split("-").flatMap((group, at) => {
    const part = element("span", {}, group);
    return at === 0 ? [part] : ["-", element("wbr"), part];
  });
  return [
    element("h3", {}, language.text("receipt.title")),
    element("p.receipt", { translate: "no" }, ...groups),
    vote.flaw === null
      ? element("p.hint", {}, language.text("receipt.right"))
      : element("p.error", {}, language.text("receipt.wrong", { expected: vote.flaw })),
    element("p", {}, download(casting, vote, vote.outcome.recorded, language, several)),
  ];
}

/** A link that saves the receipt file, or of a vote without an outcome what sends it again. */
function download({ number, infos }, vote, recorded, language, several) {
  const info = infos.get(vote.election);
  const isOne = hasOneMark(form(info));
  const { marks, nonce, election } = vote;
  const file = receiptFileText({
    candidate: isOne ? nameOf(info.candidates, marks) : "",
    marks: isOne
      ? null
      : named(info.candidates, marks).map(({ name, mark }) => ({ candidate: name, mark })),
    nonce,
    number,
    election: recorded ? election : undefined,
    receipt: recorded?.commitment,
    ledger: recorded?.ledger ?? new Uint8Array(),
    epoch: recorded?.epoch ?? 0n,
  });
  URL.revokeObjectURL(vote.file);
  vote.file = URL.createObjectURL(new Blob([file], { type: "application/json" }));
  const text = language.text(several ? "receipt.saveOf" : "receipt.save", {
    title: titleOf(info),
  });
  return element("a.button", { href: vote.file, download: `receipt.${election}.json` }, text);
}

/** What can be done next. */
function ways(flow) {
  const { language, casting } = flow;
  const which = casting.votes.map(({ outcome }) => outcome?.which);
  const button = (key, onclick, name = "button.quiet") =>
    element(name, { type: "button", onclick }, language.text(key));
  const isDone = which.includes("recorded");
  return [
    which.includes("unknownVoterNumber")
      ? button("done.correct", () => flow.correctNumber(), "button.main")
      : null,
    casting.votes.every(({ state }) => state === "notSent" || state === "notConfirmed")
      ? button("number.back", () => flow.backToReview(), "button.main")
      : null,
    which.some((it) => MARK_AGAIN.includes(it))
      ? button("done.again", () => flow.markAgain(MARK_AGAIN), "button.main")
      : null,
    flow.nextNumber === null ? null : button("done.other", () => flow.finish()),
    element(
      "p",
      {},
      element(
        "a",
        { href: `/${casting.votes[0].election}/watch` },
        language.text("list.watch"),
      ),
    ),
    isDone ? button("done.finish", () => flow.finish()) : null,
    isDone ? element("p.hint", {}, language.text("done.finishHint")) : null,
  ];
}
