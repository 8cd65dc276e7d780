/** Letters with a QR code each, as pages to print. */

import { element, foreign } from "../lib/dom.js";
import { saveLink } from "../lib/files.js";
import { isLoopback } from "../lib/link.js";
import { showNumber } from "../lib/number.js";
import { dayAndTime, moment } from "../lib/time.js";
import { qrElement } from "../qr/svg.js";
import { button, choice, field, group } from "./fields.js";
import { listParts, ownColumns } from "./people.js";

export const LIMITS = {
  /** Letters that are shown and printed at a time: a browser holds all of their pages. */
  letters: 500,
  /** Characters of the officer's own words on each letter. */
  words: 2_000,
};

/** @param {any} flow the `Flow` of officer.js */
export function lettersStep(flow) {
  const { language } = flow;
  const { letters, info } = flow.here;
  const { people, shown, from } = letters;
  const text = (key, values) => language.text(key, values);
  const rows = people.rows.slice(from, from + LIMITS.letters);
  const parts = () => listParts(people, showNumber, (number) => flow.votingLink(number));
  const sheets = element("div.letters", { lang: language.code });
  const draw = () => sheets.replaceChildren(...rows.map((row) => letter(row, flow)));
  const own = wordsField(flow, draw);
  const columns = columnChoices(people, shown, text);
  const chosen = group(text("letters.columns"), columns);
  chosen.addEventListener("change", () => {
    letters.shown = [...chosen.querySelectorAll("input:checked")].map(({ value }) => Number(value));
    draw();
  });
  draw();
  const to = from + rows.length;
  return {
    title: text("letters.title"),
    content: [
      element(
        "div.controls",
        {},
        element("h1", {}, text("letters.title")),
        foreign("p.of", info.title || info.id),
        element("p", {}, text("letters.text")),
        columns.length > 0 ? chosen : null,
        own,
        baseField(flow, draw),
        people.rows.length > LIMITS.letters
          ? element("p", {}, text("letters.range", { from: from + 1, to, all: people.rows.length }))
          : null,
        element(
          "p.links",
          {},
          button(text("letters.print"), () => print()),
          saveLink(text("letters.merge"), `${info.id}.numbers.csv`, parts, "text/csv"),
          from > 0
            ? button(text("letters.before"), () => flow.lettersAt(from - LIMITS.letters), "quiet")
            : null,
          to < people.rows.length
            ? button(text("letters.next"), () => flow.lettersAt(to), "quiet")
            : null,
        ),
        element("p.hint", {}, text("letters.secret")),
        flow.back("election"),
      ),
      element("h2.controls", {}, text("letters.preview")),
      sheets,
    ],
  };
}

/** The officer's own words, on every letter. */
function wordsField({ language, here: { letters } }, draw) {
  const text = (key) => language.text(key);
  const own = field({
    id: "words",
    label: text("letters.words"),
    hint: text("letters.wordsHint"),
    tag: "textarea",
    value: letters.words,
    attributes: { rows: "3", maxlength: LIMITS.words },
  });
  own.querySelector("textarea").addEventListener("change", ({ target }) => {
    letters.words = target.value;
    draw();
  });
  return own;
}

/** One letter. */
function letter({ fields, number }, flow) {
  const { language } = flow;
  const { info, letters } = flow.here;
  const text = (key, values) => language.text(key, values);
  const link = flow.votingLink(number);
  const to = letters.shown.map((at) => fields[at]).filter(Boolean);
  return element(
    "article.letter",
    { "aria-label": text("letters.of", { number: showNumber(number) }) },
    flow.isTest(info) ? element("p.error", {}, text("letters.test")) : null,
    element("address", {}, ...to.map((line) => foreign("div", line))),
    ...questions(flow),
    letters.words ? foreign("p.words", letters.words) : null,
    element(
      "div.ways",
      {},
      qrElement(link, text("letters.qr")),
      element(
        "div",
        {},
        element("p", {}, text("letters.scan")),
        element(
          "p",
          {},
          text("letters.type"),
          " ",
          element("span.address", {}, `${flow.base}/${info.id}`),
        ),
        element(
          "p",
          {},
          text("letters.number"),
          " ",
          element("strong.number", {}, showNumber(number)),
        ),
      ),
    ),
    element("p", {}, text("letters.keep", { count: onLetters(flow).length })),
  );
}

/** The elections that a number is good for, when the letters were made. */
function onLetters(flow) {
  const { info, paper } = flow.here;
  const those = paper.filter((it) => it.state !== "closed" && !flow.isTest(it));
  return flow.isTest(info) || those.length === 0 ? [info] : those;
}

/** What is voted on, and when. */
function questions(flow) {
  const { language } = flow;
  const all = onLetters(flow).map((info) => [info.title || info.id, times(info, language)]);
  const [[, first]] = all;
  const isSame = all.every(([, lines]) => lines.join() === first.join());
  const show = (lines) => lines.map((line) => element("p", {}, line));
  return [
    ...all.flatMap(([title, lines]) => [
      foreign("p.letter-title", title),
      ...(isSame ? [] : show(lines)),
    ]),
    element("p", {}, language.text("letters.invited")),
    ...(isSame ? show(first) : []),
  ];
}

/** When voting begins and ends, as far as that is known before. */
function times(info, language) {
  const line = (what) => {
    const date = moment(info[what]);
    return date && language.text(`letters.${what}`, { moment: dayAndTime(date, language.code) });
  };
  return [info.state === "draft" ? line("opens") : null, line("closes")].filter(Boolean);
}

/**
 * The address that voters are given: this page may be open under another, such as one of this
 * machine only.
 * @param {any} flow
 * @param {() => void} onChange
 */
export function baseField(flow, onChange) {
  const { language } = flow;
  const made = field({
    id: "base",
    label: language.text("letters.base"),
    hint: language.text("letters.baseHint"),
    value: flow.base,
    attributes: { inputmode: "url", autocomplete: "off", spellcheck: "false" },
  });
  const said = element("p.error", { role: "status" });
  const tell = () => {
    said.textContent = isLoopback(flow.base) ? language.text("letters.baseLocal") : "";
  };
  made.querySelector("input").addEventListener("change", ({ target }) => {
    const base = readBase(target.value);
    if (base) flow.base = base;
    tell();
    if (!base) said.textContent = language.text("letters.baseWrong");
    onChange();
  });
  tell();
  made.append(said);
  return made;
}

/** The address of a server, without a path. */
function readBase(text) {
  try {
    const { protocol, origin } = new URL(text.trim());
    return ["http:", "https:"].includes(protocol) ? origin : null;
  } catch {
    return null;
  }
}

/** The columns of a list that letters show, as check boxes. */
function columnChoices(people, shown, text) {
  return ownColumns(people).map((at) =>
    choice({
      type: "checkbox",
      name: "columns",
      value: String(at),
      label: people.heading[at] || text("letters.column", { count: at + 1 }),
      checked: shown.includes(at),
    }),
  );
}
