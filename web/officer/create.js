/** The form for a new election, with every rule. */

import { shareInWords } from "../auditor/report.js";
import { readShare, shareText } from "../count/rules.js";
import { element, foreign } from "../lib/dom.js";
import { away, dayAndTime } from "../lib/time.js";
import { why } from "./texts.js";
import { button, choice, field, group, problemBox } from "./fields.js";
import { idFrom } from "./spec.js";

/** What the form begins with. @returns {import("./spec.js").Typed} */
export function nothingTyped() {
  return {
    id: "",
    title: "",
    candidates: "",
    method: "plurality",
    seats: "1",
    marks: "",
    majority: "",
    quorum: "",
    none: false,
    blank: false,
    publication: "sealed",
    opens: "",
    closes: "",
    roll: "",
  };
}

const MAJORITIES = [
  ">1/2 of marked",
  ">=2/3 of marked",
  ">1/2 of ballots",
  ">=2/3 of ballots",
  ">1/2 of roll",
  ">=2/3 of roll",
];
const QUORUMS = [">=1/4 of roll", ">=1/3 of roll", ">1/2 of roll"];

/** @param {any} flow the `Flow` of officer.js */
export function createStep(flow) {
  const { language, typed, problems } = flow;
  const text = (key, values) => language.text(key, values);
  const wrong = (name) => {
    const found = problems.find(({ field }) => field === name);
    return found && sentence(why(language, found.why));
  };
  const one = (name, attributes, more = {}) =>
    field({
      id: name,
      label: text(`create.${name}`),
      hint: text(`create.${name}Hint`),
      problem: wrong(name),
      value: typed[name],
      attributes,
      ...more,
    });
  const listed = problems.map(({ field, why: refused }) => ({
    field,
    text: sentence(why(language, refused)),
  }));
  const form = element(
    "form",
    { novalidate: true },
    one("title", { autocomplete: "off", dir: "auto" }),
    one("id", { autocomplete: "off", spellcheck: "false", autocapitalize: "none" }),
    one("candidates", { rows: "6", spellcheck: "false", dir: "auto" }, { tag: "textarea" }),
    ...ruleFields(flow, one),
    ...scheduleFields(flow, one),
    element("p.notice", {}, text("create.final")),
    button(text("create.submit"), null, "main"),
    element(
      "p",
      {},
      button(text("create.test"), () => flow.create(read(form), true)),
    ),
    element("p.hint", {}, text("create.testHint")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    flow.create(read(form), false);
  });
  keepTidy(form, flow);
  return {
    title: text("create.heading"),
    content: [
      element("h1", {}, text("create.heading")),
      problemBox(text("problem.title"), listed),
      form,
      flow.back(),
    ],
  };
}

/** The fields for what a ballot can say, and how ballots are counted. */
function ruleFields({ typed, language }, one) {
  const text = (key, values) => language.text(key, values);
  const methods = ["plurality", "transferable", "schulze"].map((value) =>
    choice({
      name: "method",
      value,
      checked: typed.method === value,
      label: text(`create.method.${value}`),
      hint: text(`create.method.${value}Hint`),
    }),
  );
  const box = (name) =>
    choice({
      type: "checkbox",
      name,
      value: "yes",
      checked: typed[name],
      label: text(`create.${name}`),
      hint: text(`create.${name}Hint`),
    });
  const number = { inputmode: "numeric", autocomplete: "off" };
  return [
    group(text("create.method"), methods),
    one("seats", number),
    one("marks", number),
    element("div.for-plurality", {}, shareField("majority", MAJORITIES, language, one)),
    shareField("quorum", QUORUMS, language, one),
    element("div.for-ranks", {}, box("none")),
    box("blank"),
  ];
}

/** A share as a text, with the usual ones to choose from. */
function shareField(name, usual, language, one) {
  const id = `${name}-usual`;
  const options = usual.map((share) =>
    element("option", { value: share }, shareInWords(readShare(share), language)),
  );
  const made = one(name, { list: id, autocomplete: "off", spellcheck: "false" });
  const said = element("p.hint", { id: `${name}-said`, role: "status" });
  const input = made.querySelector("input");
  const tell = () => {
    const share = readShare(input.value);
    said.textContent = share ? `${shareText(share)}: ${shareInWords(share, language)}` : "";
  };
  input.addEventListener("input", tell);
  tell();
  made.append(element("datalist", { id }, ...options), said);
  return made;
}

function scheduleFields({ typed, language, elections }, one) {
  const text = (key, values) => language.text(key, values);
  const publication = ["sealed", "live"].map((value) =>
    choice({
      name: "publication",
      value,
      checked: typed.publication === value,
      label: text(`create.publication.${value}`),
      hint: text(`create.publication.${value}Hint`),
    }),
  );
  const rolls = elections.filter(({ roll, state }) => roll === "" && state !== "closed");
  const options = [
    element("option", { value: "" }, text("create.ownRoll")),
    ...rolls.map(({ id, title }) =>
      foreign("option", title ? `${title} (${id})` : id, { value: id }),
    ),
  ];
  return [
    group(text("create.publication"), publication),
    momentField("opens", language, one),
    momentField("closes", language, one),
    one("roll", {}, { tag: "select", options, value: typed.roll }),
  ];
}

/** A local time, and how it is understood. */
function momentField(name, language, one) {
  const made = one(name, { type: "datetime-local" });
  const said = element("p.hint", { role: "status" });
  const input = made.querySelector("input");
  const tell = () => {
    const date = input.value ? new Date(input.value) : null;
    const isMoment = date && Number.isFinite(date.getTime());
    said.textContent = isMoment
      ? `${dayAndTime(date, language.code)} (${away(date, language.code)})`
      : "";
  };
  input.addEventListener("input", tell);
  tell();
  made.append(said);
  return made;
}

/** Shows the fields that go with the method, and proposes an id until one is typed. */
function keepTidy(form, { typed }) {
  const { title, id } = form.elements;
  let isOwn = id.value !== "" && id.value !== idFrom(title.value);
  const tidy = () => {
    const isRanked = form.elements.method.value !== "plurality";
    for (const it of form.querySelectorAll(".for-plurality")) it.hidden = isRanked;
    for (const it of form.querySelectorAll(".for-ranks")) it.hidden = !isRanked;
  };
  title.addEventListener("input", () => {
    if (!isOwn) id.value = idFrom(title.value);
  });
  id.addEventListener("input", () => {
    isOwn = id.value !== "";
  });
  form.addEventListener("input", () => Object.assign(typed, read(form)));
  form.addEventListener("change", tidy);
  tidy();
}

/** What the form has. @returns {import("./spec.js").Typed} */
function read(form) {
  const { elements } = form;
  const texts = [
    "id",
    "title",
    "candidates",
    "seats",
    "marks",
    "majority",
    "quorum",
    "opens",
    "closes",
    "roll",
  ];
  const typed = Object.fromEntries(texts.map((name) => [name, elements[name].value]));
  const [method, publication] = ["method", "publication"].map((name) => elements[name].value);
  return {
    ...typed,
    method,
    publication,
    none: elements.none.checked,
    blank: elements.blank.checked,
  };
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
