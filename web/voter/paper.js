/**
 * A voter's paper: its questions, what the voter has said, and what the tab's storage keeps while
 * the votes are cast.
 */

import { check, hasOneMark, isRanked, ranks, votes } from "../lib/ballot.js";
import { element, foreign } from "../lib/dom.js";
import { readNumber, showNumber } from "../lib/number.js";
import { checkFields, orderFields, radioFields } from "./fields.js";

/** @import { Answer, Around, KeptVote, Question } from "./shapes.d.ts" */

/** The bytes of a nonce, as lib/receipt.js has them too: no ballot waits for that module. */
const NONCE_BYTES = 16;

const REQUESTS = { plurality: "ask.votes", transferable: "ask.ranks", schulze: "ask.sharedRanks" };

/** @returns {Answer} */
export function noAnswer() {
  return { blank: false, order: [] };
}

/**
 * What was said by these marks.
 * @param {import("../lib/shapes.d.ts").Form} form
 * @param {number[]} marks
 * @returns {Answer}
 */
export function answerOf(form, marks) {
  if (marks.length === 0) return { blank: true, order: [] };
  const places = marks.map((mark, place) => ({ mark, place })).filter(({ mark }) => mark > 0);
  places.sort((one, other) => one.mark - other.mark);
  const shares = (mark, at) => isRanked(form) && places[at - 1]?.mark === mark;
  const order = places.map(({ mark, place }, at) => ({ place, shares: shares(mark, at) }));
  return { blank: false, order };
}

/** @param {Question} question */
export function isAnswered({ answer }) {
  return answer.blank || answer.order.length > 0;
}

/**
 * The marks of what the voter has said.
 * @param {Question} question
 * @returns {number[]}
 */
export function marksOf({ info, form, answer }) {
  const names = info.candidates.length;
  if (answer.blank) return [];
  if (isRanked(form)) return ranks(names, answer.order);
  return votes(names, answer.order.map((it) => it.place));
}

/** What an election is called: its title, or its id if it has none. */
export function titleOf({ title, id }) {
  return title.trim() === "" ? id : title;
}

/**
 * What is wrong with an answer, in words; null if nothing is.
 * @param {Question} question
 * @param {import("../lib/language.js").Language} language
 * @returns {string | null}
 */
export function problemOf(question, language) {
  const { form, info } = question;
  if (!isAnswered(question)) {
    return language.text(form.blank ? "ballot.nothingOrBlank" : "ballot.nothing");
  }
  const refusal = check(form, info.candidates.length, marksOf(question));
  return refusal && language.text(`ballot.${refusal.code}`, refusal.values);
}

/**
 * What a ballot can say, as a request to the voter.
 * @param {Question} question
 * @param {import("../lib/language.js").Language} language
 * @returns {string}
 */
export function requestOf({ form, info }, language) {
  if (hasOneMark(form)) return language.text("ask.one");
  const all = form.marks >= info.candidates.length;
  const how = REQUESTS[form.method];
  return language.text(all ? `${how}All` : how, { count: form.marks });
}

/**
 * Makes the fields of a question.
 * @param {Question} question its answer is changed as the voter changes the fields
 * @param {Around} of
 * @returns {HTMLElement} a `fieldset`
 */
export function questionFields(question, { language, index, all, onChange }) {
  const { info, form } = question;
  const hint = `hint-${index}`;
  const legend = element(
    "legend",
    {},
    all > 1
      ? element("h2", {}, `${language.number(index + 1)}. `, foreign("bdi", titleOf(info)))
      : language.text("yourChoice"),
  );
  const about = element("p.hint", { id: hint }, requestOf(question, language));
  if (form.none) about.append(" ", language.text("ask.none", { name: info.candidates.at(-1) }));
  const id = `question-${index}`;
  const fields = element("fieldset.question", { id, "aria-describedby": hint });
  const body = element("div");
  const clear = element("button.quiet", { type: "button" }, language.text("clear"));
  const changed = () => {
    clear.hidden = !isAnswered(question);
    onChange();
  };
  const redraw = () => {
    const make = isRanked(form) ? orderFields : hasOneMark(form) ? radioFields : checkFields;
    body.replaceChildren(...make(question, { language, index, all, onChange: changed }));
    clear.hidden = !isAnswered(question);
  };
  redraw();
  fields.append(legend, about, body);
  if (all > 1) {
    clear.onclick = () => {
      Object.assign(question.answer, noAnswer());
      redraw();
      onChange();
      body.querySelector("input, button").focus();
    };
    fields.append(element("p.hint", {}, language.text("leaveOut")), clear);
  }
  return fields;
}

/** Where votes without an outcome are kept. */
const KEPT = "capvote votes without an outcome";

/**
 * Keeps votes in the storage of this tab, over a reload; false if the browser keeps nothing.
 * @param {bigint} number
 * @param {KeptVote[]} votes
 */
export function keepVotes(number, votes) {
  const kept = votes.map(({ election, marks, nonce }) => ({ election, marks, nonce: [...nonce] }));
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ number: showNumber(number), votes: kept }));
    return true;
  } catch {
    return false; // Storage is full, or switched off.
  }
}

/**
 * The votes of this tab that have no outcome, from before a reload.
 * @returns {{ number: bigint, votes: KeptVote[] } | null}
 */
export function keptVotes() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT));
    const votes = kept.votes.map((vote) => ({ ...vote, nonce: Uint8Array.from(vote.nonce) }));
    const isWhole = votes.every(({ nonce }) => nonce.length === NONCE_BYTES);
    return isWhole ? { number: readNumber(kept.number).number, votes } : null;
  } catch {
    return null; // There are none, or storage is switched off.
  }
}

/** Forgets them. */
export function forgetVotes() {
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // Storage is switched off, and keeps nothing.
  }
}
