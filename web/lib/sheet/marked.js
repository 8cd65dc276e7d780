/**
 * Sheets in CSV of format 2: a ballot is a mark for each name. Rows of a key and a value say what
 * the election is and how its ballots are counted; then come a heading with the names, and a row
 * for each ballot.
 */

import { checkDefinition, isElectionId } from "../../count/definition.js";
import { METHODS, isPlain, readShare, shareText } from "../../count/rules.js";
import { records, inQuotes } from "../csv.js";
import { receiptText } from "../receipt.js";
import { Sha256, hex } from "../sha256.js";
import { changed, unreadable } from "./flaw.js";
import { checksum, readNonce } from "./plain.js";
import { Sheet } from "./sheet.js";

export const FORMAT = 2;

const FIRST = "capvote tally sheet";

/** The columns behind the names. */
const COLUMNS = ["nonce", "receipt"];

const ENCODER = new TextEncoder();

/** Whether a text begins as a sheet of this format, whatever a program has done to it. */
export function isMarked(text) {
  return text.replace(/^"+/, "").startsWith(FIRST);
}

/**
 * Reads a sheet.
 * @param {string} text
 * @param {string} separator
 * @returns {import("../steps.js").Work<Sheet>}
 */
export function* readMarked(text, separator) {
  const rows = records(text, separator);
  const { head, names, line } = readHead(rows);
  const election = head.get("election") ?? "";
  const header = readHeader(head, names);
  if (!header || !isElectionId(election)) throw unreadable("sheet.head", { line });
  const sheet = new Sheet(election, header, restoredIn(head));
  const ballots = /^\d{1,10}$/.test(head.get("ballots") ?? "") ? Number(head.get("ballots")) : null;
  if (ballots === null) throw unreadable("sheet.noCount", { line });
  if (headCheck(headText(sheet, ballots), names) !== head.get("check")) {
    throw changed("sheet.headCheck");
  }
  try {
    checkDefinition(header);
  } catch (why) {
    throw unreadable("sheet.definition", { why });
  }
  for (const { fields, line, end } of rows) {
    if (fields.every((field) => field.trim() === "")) continue;
    addRecord(sheet, fields, { line });
    yield { done: end, all: text.length };
  }
  if (sheet.length !== ballots) {
    throw changed("sheet.otherNumber", { written: ballots, found: sheet.length });
  }
  return sheet;
}

/** The rows above the heading, by their keys, and the names in it. */
function readHead(rows) {
  const head = new Map();
  for (let next = rows.next(); !next.done; next = rows.next()) {
    const { fields, line } = next.value;
    const names = namesIn(fields);
    if (names) return { head, names, line };
    if (fields.length > 1) head.set(fields[0], fields[1]);
  }
  throw unreadable("sheet.ends");
}

/** The names in a heading, if the fields are one. */
function namesIn(fields) {
  const last = fields.findLastIndex((field) => field !== "");
  const names = fields.slice(0, last - 1);
  const isHeading = fields[last - 1] === COLUMNS[0] && fields[last] === COLUMNS[1];
  return isHeading && names.length > 0 ? names : null;
}

/** @returns {import("./sheet.js").SheetHeader | null} */
function readHeader(head, candidates) {
  const number = (key) => (/^\d{1,15}$/.test(head.get(key) ?? "") ? Number(head.get(key)) : NaN);
  const share = (key) =>
    (head.get(key) ?? "") === "" ? null : (readShare(head.get(key)) ?? undefined);
  const rules = {
    method: head.get("method"),
    seats: number("seats"),
    marks: number("marks"),
    majority: share("majority"),
    quorum: share("quorum"),
    none: head.get("none") === "yes",
  };
  const voters = number("voters");
  const isValid =
    head.get(FIRST) === String(FORMAT) &&
    METHODS.includes(rules.method) &&
    [voters, rules.seats, rules.marks].every(Number.isInteger) &&
    rules.majority !== undefined &&
    rules.quorum !== undefined &&
    ["yes", "no"].includes(head.get("none")) &&
    !isPlain(rules);
  return isValid ? { title: head.get("title") ?? "", candidates, voters, rules } : null;
}

function restoredIn(head) {
  const [ledger, epoch] = [head.get("restored in ledger"), head.get("restored in epoch")];
  const isRead = /^[0-9a-f]{32}$/.test(ledger ?? "") && /^\d{1,15}$/.test(epoch ?? "");
  return isRead ? { ledger, epoch: Number(epoch) } : null;
}

function addRecord(sheet, fields, where) {
  const names = sheet.header.candidates.length;
  const [nonce, receipt, ...more] = fields.slice(names);
  if (receipt === undefined || more.some((field) => field !== "")) {
    throw unreadable("sheet.columnCount", where);
  }
  const marks = fields.slice(0, names).map((field) => {
    const mark = field.trim() === "" ? 0 : Number(/^\d{1,5}$/.test(field.trim()) ? field : NaN);
    if (!(mark <= 0xffff)) throw unreadable("sheet.markNumber", where);
    return mark;
  });
  const isBlank = marks.every((mark) => mark === 0);
  sheet.add(isBlank ? [] : marks, readNonce(nonce, where), receipt, where);
}

/** The rows before the checksum. */
function headText({ election, header, restored }, ballots) {
  const { title, voters, rules } = header;
  const share = (it) => (it ? shareText(it) : "");
  const rows = [
    [FIRST, FORMAT],
    ["election", election],
    ["title", inQuotes(title)],
    ["voters", voters],
    ["method", rules.method],
    ["seats", rules.seats],
    ["marks", rules.marks],
    ["majority", share(rules.majority)],
    ["quorum", share(rules.quorum)],
    ["none", rules.none ? "yes" : "no"],
  ];
  if (restored) {
    rows.push(["restored in ledger", restored.ledger], ["restored in epoch", restored.epoch]);
  }
  rows.push(["ballots", ballots]);
  return rows.map(([key, value]) => `${key},${value}\n`).join("");
}

/** The checksum of what is above the ballots. */
function headCheck(head, names) {
  const hash = new Sha256().update(head);
  for (const name of names) {
    const bytes = ENCODER.encode(name);
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, bytes.length, true);
    hash.update(new Uint8Array(length.buffer)).update(bytes);
  }
  return checksum(hash.digest());
}

/**
 * The parts of a sheet as it is written.
 * @param {Sheet} sheet
 * @returns {Generator<string>}
 */
export function* markedParts(sheet) {
  const { candidates } = sheet.header;
  const head = headText(sheet, sheet.length);
  yield `${head}check,${headCheck(head, candidates)}\n`;
  yield `${[...candidates.map(inQuotes), ...COLUMNS].join(",")}\n`;
  for (let place = 0; place < sheet.length; place++) {
    const { marks, nonce, receipt } = sheet.line(place);
    const cells = Array.from(marks, (mark) => (mark === 0 ? "" : mark));
    yield `${cells.join(",")},${hex(nonce)},${receiptText(receipt)}\n`;
  }
}
