/** The step in which voter numbers are issued: to the people of a list, or to so many. */

import { element, foreign } from "../lib/dom.js";
import { filePlace, saveLink } from "../lib/files.js";
import { showNumber } from "../lib/number.js";
import { wide } from "../lib/tables.js";
import { NUMBER_COLUMN, listParts } from "./people.js";
import { button, field } from "./fields.js";
import { LIMITS as SAVE_LIMITS } from "./issue.js";
import { baseField } from "./letters.js";

const LIMITS = {
  /** Rows that are shown of a list, and of what is strange in it. */
  shown: 5,
  strange: 20,
};

/** Choosing a list, or a number. @param {any} flow the `Flow` of officer.js */
export function rollStep(flow) {
  const { language } = flow;
  const { info } = flow.here;
  const text = (key, values) => language.text(key, values);
  const submit = (event) => {
    event.preventDefault();
    flow.takeCount(event.target.elements.count.value);
  };
  return {
    title: text("roll.title"),
    content: [
      element("h1", {}, text("roll.title")),
      foreign("p.of", info.title || info.id),
      element("p", {}, text("list.voters", { count: info.voters })),
      info.voters > 0n ? element("p.notice", {}, text("roll.more")) : null,
      filePlace({
        id: "people",
        label: text("roll.file"),
        hint: text("roll.fileHint"),
        accept: ".csv,.txt,.tsv,text/csv",
        onFiles: ([file]) => flow.takePeople(file),
      }),
      element(
        "form",
        { onsubmit: submit },
        field({
          id: "count",
          label: text("roll.count"),
          hint: text("roll.countHint"),
          attributes: { inputmode: "numeric", autocomplete: "off" },
        }),
        element("p", {}, button(text("roll.countGo"), null)),
      ),
      flow.back(),
    ],
  };
}

/** Checking what was read. @param {any} flow the `Flow` of officer.js */
export function peopleStep(flow) {
  const { language } = flow;
  const { people } = flow.here;
  const text = (key, values) => language.text(key, values);
  const missing = people.rows.filter(({ number }) => number === null).length;
  const kept = people.rows.length - missing;
  const asked = missing > 0 ? questions(flow, kept) : [];
  const go = (event) => {
    event.preventDefault();
    const open = asked.find(({ box }) => !box.checked);
    if (open) return flow.fail(open.first);
    flow.issue();
  };
  return {
    title: text("people.title"),
    content: [
      element("h1", {}, text("people.title")),
      element("p.verdict", {}, text("people.missing", { count: missing })),
      kept > 0 ? element("p", {}, text("people.kept", { count: kept })) : null,
      ...strange(people, language),
      people.heading.length > 0 ? preview(people, text) : null,
      element("p", {}, text("people.local")),
      baseField(flow, () => {}),
      element("p.notice", {}, text("people.time", { seconds: SAVE_LIMITS.saveMs / 1_000 })),
      element(
        "form",
        { onsubmit: go },
        ...asked.map(({ asks }) => asks),
        missing > 0 ? button(text("people.issue", { count: missing }), null, "main") : null,
      ),
      missing === 0 ? element("p", {}, text("people.nobody")) : null,
      kept > 0 && missing === 0
        ? button(text("people.letters"), () => flow.lettersFrom(people))
        : null,
      flow.back("roll"),
    ],
  };
}

/** What has to be said first: what somebody could have two numbers by. */
function questions({ language, here: { people, info } }, kept) {
  const text = (key, values) => language.text(key, values);
  const ask = (name, notice) => {
    const box = element("input", { type: "checkbox", id: name, name });
    const label = element("label.choice", {}, box, element("span", {}, text(`roll.${name}`)));
    const said = notice && element("p.notice", {}, notice);
    return { box, asks: element("div", {}, said, label), first: `roll.${name}First` };
  };
  const others = info.voters - BigInt(kept);
  return [
    people.doubles.length > 0 ? ask("allow", null) : null,
    others > 0n ? ask("add", text("people.others", { count: others })) : null,
  ].filter(Boolean);
}

/** What is strange in a list. */
function strange({ empty, formulas, doubles }, language) {
  const text = (key, values) => language.text(key, values);
  const named = (key, all) =>
    element("p.notice", {}, text(key, { count: all.length, lines: lines(all, language) }));
  return [
    empty.length > 0 ? named("people.empty", empty) : null,
    formulas.length > 0 ? named("people.formulas", formulas) : null,
    ...(doubles.length > 0 ? doublesSection(doubles, text) : []),
  ];
}

function lines(all, language) {
  const shown = all
    .slice(0, LIMITS.strange)
    .map((line) => language.number(line))
    .join(", ");
  return all.length > LIMITS.strange ? `${shown}, …` : shown;
}

function doublesSection(doubles, text) {
  const items = doubles
    .slice(0, LIMITS.strange)
    .map(({ first, second, shown }) =>
      element("li", {}, text("people.double", { first, second }), " ", foreign("span", shown)),
    );
  const more = doubles.length - items.length;
  return [
    element("h2", {}, text("people.doubles", { count: doubles.length })),
    element(
      "ul",
      {},
      ...items,
      more > 0 ? element("li", {}, text("people.more", { count: more })) : null,
    ),
  ];
}

function preview({ heading, rows }, text) {
  const head = element("tr", {}, ...heading.map((name) => foreign("th", name, { scope: "col" })));
  const shown = rows
    .slice(0, LIMITS.shown)
    .map(({ fields }) => element("tr", {}, ...fields.map((it) => foreign("td", it))));
  return wide(text("people.preview", { count: Math.min(rows.length, LIMITS.shown) }), head, shown);
}

/**
 * Saving the numbers, before they are put on the roll.
 * @param {any} flow the `Flow` of officer.js
 */
export function savingStep(flow) {
  const { language } = flow;
  const { saving, people, info } = flow.here;
  const text = (key, values) => language.text(key, values);
  const left = element("p.verdict", { id: "left", role: "timer" });
  const parts = () => listParts(people, showNumber, (number) => flow.votingLink(number));
  const file = saveLink(text("saving.file"), `${info.id}.numbers.csv`, parts, "text/csv", {
    id: "save",
  });
  const status = element("p", { role: "status" });
  file.addEventListener("click", () => {
    saved.removeAttribute("aria-disabled");
    status.textContent = text("saving.look");
  });
  const saved = button(
    text("saving.saved"),
    () => {
      if (saved.getAttribute("aria-disabled")) return file.focus();
      saving.settle.saved();
      status.textContent = text("saving.wait");
    },
    "main",
  );
  saved.setAttribute("aria-disabled", "true");
  const tell = () => {
    const seconds = Math.max(0, Math.ceil((saving.ends - performance.now()) / 1_000));
    left.textContent = text("saving.left", { count: seconds });
    if (seconds === 0 || (!left.isConnected && seconds < saving.begun)) clearInterval(timer);
  };
  const timer = setInterval(tell, 1_000);
  tell();
  return {
    title: text("saving.title"),
    content: [
      element("h1", {}, text("saving.title")),
      element("p", {}, text("saving.text", { count: saving.count, column: NUMBER_COLUMN })),
      left,
      element("p", {}, file),
      status,
      saved,
      element(
        "p",
        {},
        button(text("saving.drop"), () => saving.settle.dropped(), "quiet"),
      ),
    ],
  };
}
