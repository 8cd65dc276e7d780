/** Sheets as a JSON document, of both formats. */

import { checkDefinition, isElectionId } from "../../count/definition.js";
import {
  LIMITS,
  METHODS,
  isPlain,
  plainRules,
  readShare,
  shareText,
} from "../../count/rules.js";
import { receiptText } from "../receipt.js";
import { Sha256, hex } from "../sha256.js";
import { isStrict } from "../strict.js";
import { changed, unreadable } from "./flaw.js";
import { FORMAT } from "./marked.js";
import { readNonce } from "./plain.js";
import { Sheet } from "./sheet.js";

const RULES_KEYS = ["method", "seats", "marks", "majority", "quorum", "none"];
const RESTORED_KEYS = ["ledger", "epoch"];
const NO_LEDGER = "0".repeat(32);
const BALLOT_KEYS = ["candidate", "marks", "nonce", "receipt"];

/** Half a character, which no text in UTF-8 has, but an escape in JSON may. */
const HALF = /\p{Surrogate}/u;

/**
 * Reads a sheet.
 * @param {string} text
 * @param {boolean} isExact whether it has to be in the exact form in which sheets are written
 * @returns {import("../steps.js").Work<Sheet>}
 */
export function* readJson(text, isExact) {
  const document = parsed(text);
  // What is in the exact form has nothing twice.
  if (!isExact && !isStrict(text)) throw unreadable("sheet.form");
  const { election, ballots, sha256 } = document;
  if (!isElectionId(election)) throw unreadable("sheet.id", { line: 2 });
  const header = readHeader(document);
  const sheet = new Sheet(election, header, document.restored ?? null);
  if (sheet.isMarked) {
    try {
      checkDefinition(header);
    } catch (why) {
      throw unreadable("sheet.definition", { why });
    }
  }
  for (const [at, row] of ballots.entries()) {
    const where = { ballot: at + 1 };
    sheet.add(
      readBallot(row, sheet.isMarked, where),
      readNonce(row.nonce, where),
      row.receipt,
      where,
    );
    yield { done: at + 1, all: ballots.length };
  }
  const written = yield* rewrite(sheet, text);
  if (sha256 !== written.sha256) throw changed("sheet.digest");
  const ledger = sheet.restored?.ledger ?? NO_LEDGER;
  if (!/^[0-9a-f]{32}$/.test(ledger)) throw unreadable("sheet.ledger");
  if (isExact && !written.isSame) throw unreadable("sheet.form");
  return sheet;
}

/** The document, with everything in it that a sheet has, and nothing else. */
function parsed(text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw unreadable("sheet.json", { line: lineOf(text, String(error?.message)) });
  }
  const isText = (it) => typeof it === "string" && !HALF.test(it);
  const isNumber = (it) => Number.isSafeInteger(it) && it >= 0;
  const isList = (it) => Array.isArray(it);
  const fields = {
    format: (it) => it === undefined || isNumber(it),
    election: isText,
    title: (it) => isText(it) && it.length <= LIMITS.titleBytes,
    candidates: (it) => isList(it) && it.length <= LIMITS.candidates && it.every(isText),
    voters: isNumber,
    rules: (it) => it === undefined || has(it, RULES_KEYS),
    restored: (it) =>
      it === undefined || (has(it, RESTORED_KEYS) && isText(it.ledger) && isNumber(it.epoch)),
    ballots: isList,
    sha256: isText,
  };
  const other = Object.keys(document).find((key) => !Object.hasOwn(fields, key));
  const wrong = other ?? Object.keys(fields).find((key) => !fields[key](document[key]));
  if (wrong !== undefined) {
    const at = text.indexOf(`"${wrong}"`);
    throw unreadable("sheet.document", { key: wrong, line: at < 0 ? 1 : lineAt(text, at) });
  }
  return document;
}

/** The line that an error of `JSON.parse` is about: engines name it, or a place; or the end. */
function lineOf(text, message) {
  const line = /line (\d+)/.exec(message)?.[1];
  const place = /position (\d+)/.exec(message)?.[1];
  return Number(line ?? lineAt(text, Number(place ?? text.length)));
}

function lineAt(text, place) {
  return text.slice(0, place).split("\n").length;
}

/** Whether something is an object with no other keys. */
function has(object, keys) {
  return (
    typeof object === "object" &&
    object !== null &&
    !Array.isArray(object) &&
    Object.keys(object).every((key) => keys.includes(key))
  );
}

/** @returns {import("./sheet.js").SheetHeader} */
function readHeader({ format, rules, title, candidates, voters }) {
  if (format > FORMAT) throw unreadable("sheet.format", { line: 2, format });
  const isMarked = format === FORMAT && rules;
  const read = isMarked ? readRules(rules) : plainRules();
  const isPlainSheet = format === undefined && rules === undefined;
  if (!read || !(isMarked ? !isPlain(read) : isPlainSheet)) {
    throw unreadable("sheet.rules", { line: 2 });
  }
  return { title, candidates, voters, rules: read };
}

/** @returns {import("../../count/rules.js").Rules | null} */
function readRules({ method, seats, marks, majority, quorum, none }) {
  const share = (text) =>
    text === null ? null : typeof text === "string" ? readShare(text) : null;
  const shares = { majority: share(majority), quorum: share(quorum) };
  const isNumber = (it) => Number.isInteger(it) && it >= 0 && it <= 0xffff;
  const isValid =
    METHODS.includes(method) &&
    isNumber(seats) &&
    isNumber(marks) &&
    typeof none === "boolean" &&
    (majority === null || shares.majority) &&
    (quorum === null || shares.quorum);
  return isValid ? { method, seats, marks, ...shares, none } : null;
}

/** The name on a ballot, or its marks. */
function readBallot(row, isMarked, where) {
  const { candidate, marks, nonce, receipt } = has(row, BALLOT_KEYS) ? row : {};
  const texts = typeof nonce === "string" && typeof receipt === "string";
  const isName = typeof candidate === "string" && !HALF.test(candidate) && marks === undefined;
  const isMark = (it) => Number.isInteger(it) && it >= 0 && it <= 0xffff;
  const areMarks = Array.isArray(marks) && marks.every(isMark) && candidate === undefined;
  if (!texts || !(isMarked ? areMarks : isName)) throw unreadable("sheet.otherBallot", where);
  return isMarked ? marks : candidate;
}

/**
 * Writes a sheet again: the SHA-256 of the document in which that is empty, and whether the text is
 * the document.
 */
function* rewrite(sheet, text) {
  const hash = new Sha256();
  let [at, done, last] = [0, 0, ""];
  for (const part of partsWith(sheet, "")) {
    hash.update(part);
    if (at >= 0) at = text.startsWith(last, at) ? at + last.length : -1;
    last = part;
    yield { done: ++done, all: sheet.length };
  }
  const sha256 = hex(hash.digest());
  return { sha256, isSame: at >= 0 && text.slice(at) === end(sheet, sha256) };
}

/**
 * The parts of a sheet as it is written. A sheet without a header has no such form.
 * @param {Sheet} sheet
 * @returns {Generator<string>}
 */
export function* jsonParts(sheet) {
  const hash = new Sha256();
  for (const part of partsWith(sheet, "")) hash.update(part);
  yield* partsWith(sheet, hex(hash.digest()));
}

function* partsWith(sheet, sha256) {
  const { election, header, restored, isMarked } = sheet;
  const { title, candidates, voters } = header;
  const head = {
    ...(isMarked && { format: FORMAT }),
    election,
    title,
    candidates,
    voters,
    ...(isMarked && { rules: rulesText(header.rules) }),
    ...(restored && { restored }),
  };
  yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "ballots": [`;
  for (let place = 0; place < sheet.length; place++) {
    const { candidate, marks, nonce, receipt } = sheet.line(place);
    const ballot = isMarked ? marksText(marks) : `"candidate": ${JSON.stringify(candidate)}`;
    const rest = `"nonce": "${hex(nonce)}",\n      "receipt": "${receiptText(receipt)}"`;
    yield `${place > 0 ? "," : ""}\n    {\n      ${ballot},\n      ${rest}\n    }`;
  }
  yield end(sheet, sha256);
}

/** What follows the last ballot. */
function end(sheet, sha256) {
  return `${sheet.length > 0 ? "\n  " : ""}],\n  "sha256": "${sha256}"\n}\n`;
}

/** A blank ballot has no marks. */
function marksText(marks) {
  const isBlank = marks.every((mark) => mark === 0);
  return `"marks": [${isBlank ? "" : `\n        ${marks.join(",\n        ")}\n      `}]`;
}

function rulesText({ method, seats, marks, majority, quorum, none }) {
  const share = (it) => (it ? shareText(it) : null);
  return { method, seats, marks, majority: share(majority), quorum: share(quorum), none };
}
