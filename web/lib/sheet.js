/**
 * The tally sheet of a closed election, as capvote-client writes it and reads it: in CSV and in
 * JSON, of formats 1 and 2.
 *
 * A sheet has one exact form in each. Reading checks every receipt against its ballot, and then
 * that writing the sheet again gives the same text: every alteration is found.
 */

import { Ballots } from "../count/ballots.js";
import { count } from "../count/count.js";
import { checkDefinition } from "../count/definition.js";
import { lotSeed } from "../count/lot.js";
import { plainRules } from "../count/rules.js";
import { readReceiptFile } from "./read-receipt.js";
import { Refused } from "./refused.js";
import { Sha256, hex } from "./sha256.js";
import { unreadable } from "./sheet/flaw.js";
import { jsonParts, readJson } from "./sheet/json.js";
import { isMarked, markedParts, readMarked } from "./sheet/marked.js";
import { plainParts, readPlain } from "./sheet/plain.js";
import { explain } from "./sheet/rewritten.js";
import { Sheet } from "./sheet/sheet.js";

export { Sheet };

export const LIMITS = {
  /** Bytes of the largest file: a million ballots of most elections. */
  file: 128 << 20,
  /** Bytes that are hashed at a time, between two looks at the clock. */
  hashed: 256 << 10,
};

/**
 * Reads the bytes of a file.
 * @param {Uint8Array} bytes
 * @returns {import("./steps.js").Work<Sheet>}
 * @throws {Refused} with what is wrong, where, and what that says of the sheet (`values.flaw`)
 */
export function* readSheetFile(bytes) {
  if (bytes.length > LIMITS.file) {
    throw unreadable("sheet.tooLarge", { mib: LIMITS.file >> 20 });
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw unreadable("sheet.encoding");
  }
  return yield* readSheet(text);
}

/**
 * The fingerprint of a file: its SHA-256, as `sha256sum` prints it.
 * @param {Uint8Array} bytes
 * @returns {import("./steps.js").Work<string>}
 */
export function* fingerprint(bytes) {
  const hash = new Sha256();
  for (let at = 0; at < bytes.length; at += LIMITS.hashed) {
    hash.update(bytes.subarray(at, at + LIMITS.hashed));
    yield { done: at, all: bytes.length };
  }
  return hex(hash.digest());
}

/**
 * Reads a sheet in either form, and checks all of it.
 * @param {string} text
 * @returns {import("./steps.js").Work<Sheet>}
 * @throws {Refused} as {@link readSheetFile}
 */
export function* readSheet(text) {
  if (text.trim() === "") throw unreadable("sheet.empty");
  try {
    if (text.startsWith("{")) return yield* readJson(text, true);
    const sheet = yield* isMarked(text) ? readMarked(text, ",") : readPlain(text);
    yield* checkForm(text, csvParts(sheet));
    return sheet;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const why = yield* explain(text, error);
    if (why.values.flaw === "unreadable" && readReceiptFile(text)?.nonce) {
      throw unreadable("sheet.receiptFile");
    }
    throw why;
  }
}

/** Checks that a text is written as the sheet is. */
function* checkForm(text, parts) {
  let at = 0;
  for (const part of parts) {
    if (!text.startsWith(part, at)) throw unreadable("sheet.form");
    at += part.length;
    yield { done: at, all: text.length };
  }
  if (at !== text.length) throw unreadable("sheet.form");
}

/**
 * The parts of a sheet in CSV, to be written one after the other.
 * @param {Sheet} sheet
 * @returns {Generator<string>}
 */
export function csvParts(sheet) {
  return sheet.isMarked ? markedParts(sheet) : plainParts(sheet);
}

export { jsonParts };

/**
 * @typedef {object} Recount
 * @property {string[]} slate
 * @property {import("../count/rules.js").Rules} rules
 * @property {import("../count/count.js").Count} count
 */

/**
 * Counts a sheet by the rules of its election, as the server did at the close.
 * @param {Sheet} sheet
 * @returns {import("./steps.js").Work<Recount | null>} null where the sheet does not say who the
 *   candidates were, or has a ballot for somebody else
 */
export function* recount(sheet) {
  const definition = definitionOf(sheet);
  if (!definition) return null;
  const { candidates: slate, rules, voters } = definition;
  const places = new Map(slate.map((name, place) => [name, place]));
  const ballots = new Ballots();
  const mark = new Uint8Array(slate.length);
  for (let place = 0; place < sheet.length; place++) {
    const { candidate, marks } = sheet.line(place);
    if (marks) {
      ballots.add(marks.some((it) => it > 0) ? marks : []);
    } else if (candidate === "") {
      ballots.add([]);
    } else {
      const name = places.get(candidate);
      if (name === undefined) return null;
      mark.fill(0);
      mark[name] = 1;
      ballots.add(mark);
    }
    yield { done: place + 1, all: sheet.length };
  }
  const seed = lotSeed(sheet.receipts);
  return { slate, rules, count: yield* count(slate, rules, ballots, BigInt(voters), seed) };
}

/** The election, as far as the sheet has it. */
function definitionOf({ election, header, namesOnBallots, length }) {
  if (election === null) return null;
  const candidates = [...namesOnBallots].sort(byCodePoint);
  const definition = header ?? { title: "", candidates, voters: length, rules: plainRules() };
  try {
    checkDefinition(definition);
    return definition;
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

/** The order of two texts in UTF-8, which is that of their code points. */
function byCodePoint(one, other) {
  const [ones, others] = [Array.from(one), Array.from(other)];
  const at = ones.findIndex((it, place) => it !== others[place]);
  if (at < 0) return ones.length - others.length;
  return at >= others.length ? 1 : ones[at].codePointAt(0) - others[at].codePointAt(0);
}
