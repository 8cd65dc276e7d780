/**
 * The parts of the auditor's page that need no server. Each gives its content from the state of the
 * page, or null if it has nothing to show.
 */

import { element, foreign } from "../lib/dom.js";
import { filePlace } from "../lib/files.js";
import { isOfVote } from "../lib/read-receipt.js";
import { receiptText } from "../lib/receipt.js";
import { why } from "../officer/texts.js";
import { LIMITS } from "./kinds.js";
import { recountSections } from "./report.js";

/** @typedef {any} Page the `Auditor` of auditor.js */

/** @param {Page} page */
export function titlePart({ language, server, id }) {
  const title = server?.info.title || id;
  document.title = `${language.text("audit.title")} – ${title}`;
  return [
    element("h1", {}, language.text("audit.title")),
    foreign("p.of", title),
    element("p", {}, language.text("audit.intro")),
  ];
}

/** @param {Page} page */
export function dropPart(page) {
  const { language } = page;
  const files = filePlace({
    id: "files",
    label: language.text("audit.files"),
    hint: language.text("audit.filesHint"),
    accept: ".csv,.json,.txt,text/csv,application/json,text/plain",
    multiple: true,
    onFiles: (chosen) => page.takeFiles(chosen),
  });
  const typed = element("textarea", {
    id: "receipts",
    rows: "3",
    spellcheck: "false",
    autocomplete: "off",
  });
  const look = (event) => {
    event.preventDefault();
    if (typed.value.trim() === "") return typed.focus();
    page.takeTyped(typed.value);
    typed.value = "";
  };
  const form = element(
    "form",
    { onsubmit: look },
    element("label", { for: "receipts" }, language.text("audit.receipts")),
    element("p.hint", {}, language.text("audit.receiptsHint")),
    typed,
    element("p", {}, element("button", {}, language.text("audit.look"))),
  );
  return [files, form];
}

/** @param {Page} page */
export function progressPart({ language, progress }) {
  const status = element("p", { role: "status" });
  if (progress === null) return [status];
  const percent = Math.floor(progress * 100);
  // Screen readers are told of every tenth.
  status.textContent = language.text("audit.working", { percent: Math.floor(percent / 10) * 10 });
  return [
    status,
    element("progress", { max: "100", value: percent, "aria-label": status.textContent }),
  ];
}

/** @param {Page} page */
export function sheetPart(page) {
  const { language, sheet } = page;
  if (!sheet) return null;
  const heading = (key) => element("h2", { tabindex: "-1" }, language.text(key));
  if (sheet.refused) return refusedSheet(sheet, heading, language);
  const { name, mark, sheet: read, counted, contradiction, seconds } = sheet;
  return [
    element(
      `div.outcome.${contradiction ? "bad" : "good"}`,
      {},
      heading(contradiction ? "audit.contradicts" : "audit.sound"),
      contradiction && element("p.error", {}, why(language, contradiction)),
      contradiction && element("p", {}, language.text("audit.advice.changed")),
      element(
        "p",
        {},
        language.text("audit.read", {
          count: read.length,
          name,
          seconds: language.number(Math.ceil(seconds * 10) / 10),
        }),
      ),
    ),
    read.restored && element("p.notice", {}, language.text("audit.restored", read.restored)),
    ...facts(read, language),
    element(
      "p",
      {},
      language.text("audit.fingerprint"),
      " ",
      element("code.mark-of-file", {}, mark),
    ),
    ...(counted
      ? recountSections(counted, language)
      : [element("p", {}, language.text("audit.noCount"))]),
  ];
}

function refusedSheet({ name, refused }, heading, language) {
  const { flaw, line, ballot } = refused.values;
  const where = line
    ? language.text("audit.atLine", { line })
    : ballot
      ? language.text("audit.atBallot", { ballot })
      : "";
  return [
    element(
      "div.outcome.bad",
      {},
      heading(flaw === "rewritten" ? "audit.rewritten" : "audit.refused"),
      element("p.error", {}, `${name}: ${where}${why(language, refused)}`),
      element("p", {}, language.text(`audit.advice.${flaw ?? "unreadable"}`)),
    ),
  ];
}

function facts({ election, header }, language) {
  if (!header) return [element("p", {}, language.text("audit.noHeader"))];
  const rows = [
    ["audit.election", election],
    ["audit.name", header.title],
    ["audit.voters", language.number(header.voters)],
  ];
  const list = rows
    .filter(([, value]) => value !== "")
    .flatMap(([key, value]) => [element("dt", {}, language.text(key)), foreign("dd", value)]);
  return [element("dl", {}, ...list)];
}

/** @param {Page} page */
export function receiptsPart(page) {
  const { language, receipts, sheet } = page;
  if (receipts.length === 0) return null;
  const items = receipts.map(({ name, key }) => {
    const shown = name || (key?.receipt ? receiptText(key.receipt) : "");
    const [is, text] = found(page, key);
    return element(`li.outcome.${is}`, {}, foreign("p", shown), element("p.verdict", {}, text));
  });
  return [
    element("h2", {}, language.text("audit.receiptsTitle")),
    sheet?.sheet ? null : element("p", {}, language.text("audit.needsSheet")),
    receipts.length < LIMITS.receipts
      ? null
      : element("p.notice", {}, language.text("audit.receiptsFull", { count: LIMITS.receipts })),
    element("div", { role: "status" }, element("ul.choices", {}, ...items)),
  ];
}

/** Whether that is good or bad, and what a receipt comes to. */
function found(page, key) {
  const { language, sheet } = page;
  if (!key) return ["bad", language.text("audit.noReceipt")];
  if (!sheet?.sheet) return ["open", language.text("audit.waits")];
  const place = page.find(key);
  if (place === null) {
    const { restored, election } = sheet.sheet;
    const other = key.election && key.election !== election;
    if (other)
      return [
        "bad",
        language.text("audit.otherElection", { other: key.election, election: election ?? "" }),
      ];
    const isRestored = restored && !(key.epoch >= restored.epoch);
    return [
      "bad",
      language.text(isRestored ? "audit.notFoundRestored" : "audit.notFound", {
        count: sheet.sheet.length,
      }),
    ];
  }
  const isOf = isOfVote(key, sheet.sheet.election, sheet.sheet.receipt(place));
  return [
    isOf ? "good" : "bad",
    language.text(isOf ? "audit.found" : "audit.otherVote", {
      place: place + 1,
      vote: voteText(sheet.sheet, place, language),
    }),
  ];
}

/** What a ballot says. */
function voteText(sheet, place, language) {
  const { candidate, marks } = sheet.line(place);
  if (!marks) return candidate === "" ? language.text("audit.blank") : quoted(candidate);
  const marked = sheet.marked(marks).sort((one, other) => one.mark - other.mark);
  if (marked.length === 0) return language.text("audit.blank");
  const isRanked = sheet.header.rules.method !== "plurality";
  return marked
    .map(({ name, mark }) => (isRanked ? `${mark}. ${quoted(name)}` : quoted(name)))
    .join(", ");
}

/** A name between quotes, which keep its direction apart. */
function quoted(name) {
  return `“\u2068${name}\u2069”`;
}

/** @param {Page} page */
export function proofPart({ language }) {
  const list = (key, count) =>
    element(
      "ul",
      {},
      ...Array.from({ length: count }, (_, at) =>
        element("li", {}, language.text(`${key}.${at + 1}`)),
      ),
    );
  return [
    element("h2", {}, language.text("proof.title")),
    list("proof.is", 4),
    element("h2", {}, language.text("proof.notTitle")),
    list("proof.not", 5),
    element("p", {}, language.text("proof.own")),
  ];
}
