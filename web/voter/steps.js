/** The steps of a vote before it is cast: the number, the ballot, and the review. */

import { isRanked, marked } from "../lib/ballot.js";
import { element, foreign, say } from "../lib/dom.js";
import { DIGITS, readNumber, showNumber } from "../lib/number.js";
import { when } from "../lib/time.js";
import { isAnswered, marksOf, problemOf, questionFields, requestOf, titleOf } from "./paper.js";

/** @import { Step } from "./shapes.d.ts" */

/** What is elected, and by when. */
function heading({ paper, language }) {
  const [first] = paper.questions;
  const isOne = paper.questions.length === 1;
  const title = isOne
    ? foreign("h1", titleOf(first.info))
    : element("h1", {}, language.text("paper.title"));
  const count = paper.questions.length;
  const about = isOne
    ? element("p", {}, aboutNames(first, language))
    : element("p", {}, language.text("paper.questions", { count }));
  return [title, about, ...whens(paper.questions, language)];
}

function aboutNames({ info, form }, language) {
  const names = language.text("paper.names", { count: info.candidates.length });
  if (form.seats === 1) return names;
  return `${names} ${language.text("paper.seats", { count: form.seats })}`;
}

/** When the elections of a paper close: one sentence if all close at the same time. */
function whens(questions, language) {
  const times = new Set(questions.map(({ info }) => info.closes));
  if (times.size === 1) return [element("p", {}, when(questions[0].info, language))];
  const items = questions.map(({ info }) =>
    element("li", {}, foreign("bdi", titleOf(info)), ": ", when(info, language)),
  );
  return [element("ul", {}, ...items)];
}

/**
 * The voter number, with what is elected above it.
 * @param {object} flow
 * @returns {Step}
 */
export function numberStep(flow) {
  const { paper, language } = flow;
  const error = element("p.error", { id: "number-error", role: "alert" });
  const soFar = element("p.hint", { id: "number-so-far", role: "status" });
  const field = element("input", {
    id: "number",
    type: "text",
    inputmode: "numeric",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": "number-hint number-error",
    value: paper.typed,
    oninput: () => {
      paper.typed = field.value;
      const { digits } = readNumber(field.value);
      const isPart = digits > 0 && digits !== DIGITS;
      say(soFar, isPart ? language.text("number.soFar", { count: digits }) : "");
    },
  });
  const wrong = (text) => {
    field.setAttribute("aria-invalid", "true");
    error.textContent = text;
    field.focus();
  };
  const submit = (event) => {
    event.preventDefault();
    const typed = readNumber(field.value);
    const problem = numberProblem(typed, language);
    if (problem) return wrong(problem);
    paper.number = typed.number;
    Object.assign(paper, { problem: null, note: null });
    flow.go(paper.isReviewed ? "review" : "ballot");
  };
  if (paper.problem) {
    field.setAttribute("aria-invalid", "true");
    error.textContent = language.text(paper.problem.key, paper.problem.values);
  }
  const label = element("label", { for: "number" }, language.text("number.label"));
  const hint = element("p.hint", { id: "number-hint" }, language.text("number.hint"));
  const next = language.text(paper.isReviewed ? "number.back" : "number.next");
  return {
    title: `${language.text("number.label")} – ${paperTitle(paper, language)}`,
    content: [
      ...heading(flow),
      note(flow),
      element(
        "form",
        { novalidate: true, onsubmit: submit },
        label,
        hint,
        error,
        field,
        soFar,
        element("button.main", {}, next),
      ),
      element("p.hint", {}, language.text("number.private")),
    ],
  };
}

/** What the voter should know before anything else. */
function note({ paper: { note }, language }) {
  return note && element("p.notice", {}, language.text(note.key, note.values));
}

/** What a paper is called: its only question, or the name of all papers. */
export function paperTitle({ questions }, language) {
  return questions.length === 1 ? titleOf(questions[0].info) : language.text("paper.title");
}

/** A link may leave leading zeros out; where somebody types, a digit is missing then. */
function numberProblem({ number, digits, others }, language) {
  if (others) return language.text("number.others");
  if (digits === 0) return language.text("number.none");
  if (digits !== DIGITS) return language.text("number.length", { count: digits });
  return number === null && language.text("number.tooLarge");
}

/** The last digits of a number, by which its owner knows it. */
export function ending(number) {
  return showNumber(number).slice(-4);
}

/** Which number votes, and a way to another one. */
function whose(flow) {
  const { paper, language } = flow;
  const other = () => {
    paper.typed = showNumber(paper.number);
    flow.go("number");
  };
  return element(
    "p.whose",
    {},
    language.text("number.ending", { end: ending(paper.number) }),
    " ",
    element("button.quiet", { type: "button", onclick: other }, language.text("number.change")),
  );
}

/**
 * The ballot, or all ballots of a paper.
 * @param {object} flow
 * @returns {Step}
 */
export function ballotStep(flow) {
  const { paper, language } = flow;
  const all = paper.questions.length;
  const problems = element("div");
  const submit = (event) => {
    event.preventDefault();
    const found = problemsOf(paper, language);
    if (found.length === 0) return flow.go("review");
    problems.replaceChildren(summary(found, paper, language));
    problems.firstElementChild.focus();
  };
  const fields = paper.questions.map((question, index) =>
    questionFields(question, { language, index, all, onChange: flow.changed }),
  );
  return {
    title: paperTitle(paper, language),
    content: [
      ...heading(flow),
      note(flow),
      whose(flow),
      problems,
      element(
        "form",
        { novalidate: true, onsubmit: submit },
        ...fields,
        element("button.main", {}, language.text("review")),
      ),
    ],
  };
}

/**
 * What keeps a paper from its review: with several questions, some may be left out.
 * @returns {{ index: number, problem: string }[]}
 */
export function problemsOf({ questions }, language) {
  const asked = questions.length === 1 ? questions : questions.filter(isAnswered);
  if (asked.length === 0) return [{ index: 0, problem: language.text("problem.paper") }];
  return questions.flatMap((question, index) => {
    const problem = asked.includes(question) ? problemOf(question, language) : null;
    return problem ? [{ index, problem }] : [];
  });
}

function summary(found, { questions }, language) {
  const items = found.map(({ index, problem }) => {
    const title = titleOf(questions[index].info);
    const text = questions.length === 1 ? problem : language.text("problem.in", { title, problem });
    const visit = (event) => {
      // The address bar stays as it is: what is behind "#" there would be a number.
      event.preventDefault();
      const fields = document.getElementById(`question-${index}`);
      fields.querySelector("input:not([type=search]), button").focus();
    };
    return element("li", {}, element("a", { href: `#question-${index}`, onclick: visit }, text));
  });
  return element(
    "div.problems",
    { tabindex: "-1", role: "alert", "aria-labelledby": "problems" },
    element("h2", { id: "problems" }, language.text("problem.title")),
    element("ul", {}, ...items),
  );
}

/**
 * What the voter has said, before it is cast.
 * @param {object} flow
 * @returns {Step}
 */
export function reviewStep(flow) {
  const { paper, language } = flow;
  paper.isReviewed = true;
  const change = (index) => () => {
    flow.go("ballot");
    const fields = document.getElementById(`question-${index}`);
    if (paper.questions.length > 1) fields.scrollIntoView();
    (fields.querySelector("input:checked") ?? fields.querySelector("input, button")).focus();
  };
  const sections = paper.questions.map((question, index) =>
    element(
      "section.said",
      {},
      foreign("h2", titleOf(question.info)),
      ...saidOf(question, language),
      element(
        "button.quiet",
        {
          type: "button",
          "aria-label": language.text("review.changeOf", { title: titleOf(question.info) }),
          onclick: change(index),
        },
        language.text("review.change"),
      ),
    ),
  );
  const count = paper.questions.filter(isAnswered).length;
  return {
    title: `${language.text("review.title")} – ${paperTitle(paper, language)}`,
    content: [
      element("h1", {}, language.text("review.title")),
      element("p", {}, language.text("review.notYet")),
      ...sections,
      whose(flow),
      element("p.notice", {}, language.text("review.final")),
      element(
        "button.main",
        { type: "button", onclick: () => flow.cast() },
        language.text("review.castAll", { count }),
      ),
    ],
  };
}

/** What the answer to a question says. */
function saidOf(question, language) {
  const { info, form, answer } = question;
  if (!isAnswered(question)) return [element("p", {}, language.text("review.left"))];
  if (answer.blank) return [element("p.choices", {}, language.text("review.blank"))];
  const marks = marksOf(question);
  const rows = marked(info.candidates, marks).flatMap(({ mark, names }) =>
    names.map((name) => {
      const rank = isRanked(form) ? language.text("review.rank", { rank: mark }) : "";
      return element("li", {}, rank, rank && " ", foreign("bdi", name));
    }),
  );
  const rest = marks.filter((mark) => mark === 0).length;
  const isPart = isRanked(form) && rest > 0 && answer.order.length < form.marks;
  return [
    element("ul.choices", {}, ...rows),
    isPart ? element("p.hint", {}, language.text("review.others", { count: rest })) : null,
  ];
}
