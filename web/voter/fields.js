/** The fields of a ballot: radio buttons, check boxes, or an order of names. */

import { moved, ranks } from "../lib/ballot.js";
import { element, foreign, say } from "../lib/dom.js";

/** @import { Around, Question } from "./shapes.d.ts" */

export const LIMITS = {
  /** From this many names on, a field finds names in the slate. */
  findNames: 25,
};

/**
 * One name, or blank.
 * @param {Question} question
 * @param {Around} of
 * @returns {HTMLElement[]}
 */
export function radioFields({ info, form, answer }, { language, index, onChange }) {
  const name = `choice-${index}`;
  const choose = (blank, order) => () => {
    Object.assign(answer, { blank, order });
    onChange();
  };
  const names = info.candidates.map((candidate, place) => {
    const checked = !answer.blank && answer.order[0]?.place === place;
    const order = [{ place, shares: false }];
    return choice("radio", { name, checked, onchange: choose(false, order) }, candidate);
  });
  const blank = form.blank
    ? [
        element("p.or", {}, language.text("or")),
        blankChoice("radio", { name, checked: answer.blank, onchange: choose(true, []) }, language),
      ]
    : [];
  return [...finder(names, info.candidates, language), ...names, ...blank];
}

/**
 * Several names, or blank.
 * @param {Question} question
 * @param {Around} of
 * @returns {HTMLElement[]}
 */
export function checkFields({ info, form, answer }, { language, onChange }) {
  const left = element("p.left", { role: "status" });
  const boxes = [];
  let blankBox = null;
  const show = () => {
    const rest = form.marks - answer.order.length;
    const key = rest < 0 ? "tooManyBy" : rest === 0 ? "marksFull" : "marksLeft";
    say(left, language.text(key, { count: Math.abs(rest), all: form.marks }));
    left.classList.toggle("error", rest < 0);
  };
  const changed = () => {
    show();
    onChange();
  };
  const names = info.candidates.map((candidate, place) => {
    const mark = ({ target }) => {
      answer.order = answer.order.filter((it) => it.place !== place);
      if (target.checked) {
        answer.order.push({ place, shares: false });
        answer.blank = false;
        if (blankBox) blankBox.checked = false;
      }
      changed();
    };
    const checked = answer.order.some((it) => it.place === place);
    const label = choice("checkbox", { checked, onchange: mark }, candidate);
    boxes.push(label.querySelector("input"));
    return label;
  });
  const blank = ({ target }) => {
    Object.assign(answer, { blank: target.checked, order: target.checked ? [] : answer.order });
    if (target.checked) for (const box of boxes) box.checked = false;
    changed();
  };
  show();
  const fields = [...finder(names, info.candidates, language), ...names];
  if (form.blank) {
    const label = blankChoice("checkbox", { checked: answer.blank, onchange: blank }, language);
    blankBox = label.querySelector("input");
    fields.push(element("p.or", {}, language.text("or")), label);
  }
  return [...fields, left];
}

/** A button to be checked, with the name of a candidate. */
function choice(type, attributes, candidate) {
  const name = foreign("span", candidate);
  return element("label.choice", {}, element("input", { type, ...attributes }), name);
}

/** The same for a blank ballot. */
function blankChoice(type, attributes, language) {
  const text = element("span", {}, language.text("blank"));
  return element("label.choice", {}, element("input", { type, ...attributes }), text);
}

/**
 * A field that hides the names without what is typed, for a long slate. Checked names stay.
 * @param {HTMLElement[]} rows one for each name
 * @param {string[]} candidates
 * @param {import("../lib/language.js").Language} language
 * @returns {HTMLElement[]} none for a short slate
 */
function finder(rows, candidates, language) {
  if (candidates.length < LIMITS.findNames) return [];
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const names = candidates.map(plain);
  const found = element("span.hint", { role: "status" });
  const find = ({ target }) => {
    const wanted = plain(target.value.trim());
    let count = 0;
    rows.forEach((row, at) => {
      const isFound = names[at].includes(wanted);
      count += isFound;
      row.hidden = !isFound && !row.querySelector("input:checked");
    });
    say(found, wanted === "" ? "" : language.text("found", { count, all: candidates.length }));
  };
  const field = element("input", { type: "search", autocomplete: "off", oninput: find });
  const label = element("label", {}, language.text("find"), field);
  return [element("div.find", {}, label, found)];
}

/**
 * An order of names, which are added to it and moved in it. No order that these fields can make has
 * a gap, or a rank twice where that is refused.
 * @param {Question} question
 * @param {Around} of
 * @returns {HTMLElement[]}
 */
export function orderFields(question, of) {
  return new Order(question, of).fields();
}

class Order {
  #question;
  #language;
  #onChange;
  #status = element("p.left", { role: "status" });
  #ordered;
  #empty;
  #rest;
  #lists;

  constructor(question, { language, index, all, onChange }) {
    this.#question = question;
    this.#language = language;
    this.#onChange = onChange;
    // Where a paper has several questions, each has a heading of its own.
    const heading = (id, key) => element(all > 1 ? "h3" : "h2", { id }, language.text(key));
    this.#ordered = element("ol.order", { "aria-labelledby": `order-${index}` });
    this.#empty = element("p.hint", {}, language.text("order.empty"));
    this.#rest = restList(question, { language, index, add: (place) => this.#add(place) });
    this.#lists = element(
      "div",
      {},
      heading(`order-${index}`, "order.yours"),
      this.#ordered,
      this.#empty,
      this.#status,
      heading(`rest-${index}`, "order.rest"),
      ...this.#rest.finder,
      this.#rest.list,
    );
    this.#draw();
  }

  fields() {
    const { form, answer } = this.#question;
    if (!form.blank) return [this.#lists];
    const blank = ({ target }) => {
      answer.blank = target.checked;
      say(this.#status, "");
      this.#draw();
      this.#onChange();
    };
    const attributes = { checked: answer.blank, onchange: blank };
    return [
      this.#lists,
      element("p.or", {}, this.#language.text("or")),
      blankChoice("checkbox", attributes, this.#language),
    ];
  }

  #draw() {
    const { info, answer } = this.#question;
    const marks = ranks(info.candidates.length, answer.order);
    const act = (place, action) => this.#act(place, action);
    const of = { language: this.#language, marks, act };
    const rows = answer.order.map((_, at) => row(this.#question, at, of));
    this.#ordered.replaceChildren(...rows);
    this.#empty.hidden = rows.length > 0;
    this.#rest.draw();
    this.#lists.hidden = answer.blank;
  }

  #add(place) {
    const { form, answer } = this.#question;
    if (answer.order.length >= form.marks) {
      say(this.#status, this.#language.text("ballot.orderFull", { count: form.marks }));
      return;
    }
    const next = this.#rest.after(place);
    answer.order.push({ place, shares: false });
    this.#changed(place);
    (next ?? this.#ordered.lastElementChild.querySelector("button")).focus();
  }

  #act(place, action) {
    const { answer } = this.#question;
    const at = answer.order.findIndex((it) => it.place === place);
    const order = moved(answer.order, at, action);
    answer.order = order;
    this.#changed(place);
    const button = ({ place }) =>
      this.#ordered.querySelector(`[data-place="${place}"] [data-act="${action}"]`);
    const instead = order[Math.min(at, order.length - 1)];
    const target = button({ place }) ?? (instead && button(instead)) ?? this.#rest.button(place);
    target.focus();
  }

  #changed(place) {
    this.#draw();
    say(this.#status, standing(this.#question, place, this.#language));
    this.#onChange();
  }
}

/** A name of the order, with what can be done to it. */
function row({ info, form, answer }, at, { language, marks, act }) {
  const { place, shares } = answer.order[at];
  const name = info.candidates[place];
  const button = (action, sign, attributes = {}) =>
    element(
      "button.quiet",
      {
        type: "button",
        "data-act": action,
        "aria-label": language.text(`order.${action}`, { name }),
        onclick: () => act(place, action),
        ...attributes,
      },
      sign,
    );
  const before = answer.order[at - 1];
  const after = answer.order[at + 1];
  const above = before && info.candidates[before.place];
  return element(
    "li",
    { "data-place": place },
    element("span.rank", {}, `${language.number(marks[place])}.`),
    foreign("span.name", name),
    element(
      "span.acts",
      {},
      button("up", "↑", { "aria-disabled": String(!before && !after?.shares) }),
      button("down", "↓", { "aria-disabled": String(!after && !shares) }),
      form.method === "schulze" && before
        ? button("share", "=", {
            "aria-pressed": String(shares),
            "aria-label": language.text("order.share", { name, above }),
          })
        : null,
      button("remove", "×"),
    ),
  );
}

/** The names that are not in the order, each of which is a button that adds it. */
function restList({ info, answer }, { language, index, add }) {
  const rows = info.candidates.map((candidate, place) => {
    const sign = element("span", { "aria-hidden": "true" }, "+");
    const name = foreign("span", candidate);
    const button = element("button.add", { type: "button", onclick: () => add(place) }, sign, name);
    return element("li", {}, button);
  });
  const list = element("ul.rest", { "aria-labelledby": `rest-${index}` });
  const isIn = (place) => answer.order.some((it) => it.place === place);
  const button = (place) => rows[place].querySelector("button");
  const visible = (from, to) =>
    rows.findIndex((row, place) => place >= from && place < to && !row.hidden && !isIn(place));
  return {
    list,
    finder: finder(rows, info.candidates, language),
    draw: () => list.replaceChildren(...rows.filter((_, place) => !isIn(place))),
    button,
    /** The button behind the one of a name, or else before it. */
    after(place) {
      const next = visible(place + 1, rows.length);
      const other = next >= 0 ? next : visible(0, place);
      return other >= 0 ? button(other) : null;
    },
  };
}

/** Where a name stands in the order, in words. */
function standing({ info, answer }, place, language) {
  const name = info.candidates[place];
  const rank = ranks(info.candidates.length, answer.order)[place];
  const key = rank === 0 ? "order.out" : "order.in";
  return language.text(key, { name, rank });
}
