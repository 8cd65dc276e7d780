/**
 * Sheets that an editor, a spreadsheet or a mail program has saved again: not to be trusted as they
 * are, and not forged either.
 */

import { compareBytes } from "../../count/lot.js";
import { isElectionId } from "../../count/definition.js";
import { records, without } from "../csv.js";
import { readReceipt } from "../read-receipt.js";
import { NONCE_BYTES, receiptOfName } from "../receipt.js";
import { Refused } from "../refused.js";
import { unhex } from "../decode.js";
import { changed, unreadable } from "./flaw.js";
import { readJson } from "./json.js";
import { isMarked, readMarked } from "./marked.js";
import { HEADING, readRestored, restoredLine } from "./plain.js";

/** The separators that programs write. */
const SEPARATORS = [",", ";", "\t", "|"];

/**
 * Why a text is not a sheet in its exact form: whether every ballot on it fits its receipt all the
 * same.
 * @param {string} text
 * @param {Refused} exact the error of reading it as it is
 * @returns {import("../steps.js").Work<Refused>}
 */
export function* explain(text, exact) {
  const inside = without("\uFEFF \t\r\n\0\x1A", text);
  const plain = `${inside.replace(/\r\n?/g, "\n")}\n`;
  try {
    if (isMarked(plain)) {
      const first = plain.slice(0, plain.indexOf("\n"));
      const separator = SEPARATORS.find((it) => first.includes(it)) ?? ",";
      yield* readMarked(plain, separator);
      return savedAgain(text, separator === "," ? [] : ["separators"]);
    }
    if (plain.startsWith("{")) {
      yield* readJson(plain, false);
      return savedAgain(text, []);
    }
    const form = findForm(plain);
    if (!form) return new Refused(exact.code, { ...exact.values, flaw: "unreadable" });
    const inOrder = yield* checkBallots(plain, form);
    const isOther = form.columns.some((column, at) => column !== at);
    return savedAgain(text, [
      ...(form.separator === "," ? [] : ["separators"]),
      ...(isOther ? ["columns"] : []),
      ...(inOrder ? [] : ["order"]),
    ]);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return error.values.flaw
      ? error
      : new Refused(error.code, { ...error.values, flaw: "unreadable" });
  }
}

/** The error for a sheet whose ballots all fit their receipts. */
function savedAgain(text, more) {
  const found = [
    ...(text.startsWith("\uFEFF") ? ["byteOrderMark"] : []),
    ...(text.includes("\r") ? ["lineEnds"] : []),
    ...(text.includes("\n\n") || text.startsWith("\n") ? ["emptyLine"] : []),
    ...(text.endsWith("\n") ? [] : ["lastLine"]),
    ...more,
  ];
  return new Refused("sheet.rewritten", {
    found: found.length > 0 ? found : ["quotes"],
    flaw: "rewritten",
  });
}

/**
 * Where the ballots of a sheet in CSV are: below the first line that has the names of all columns.
 * @returns {{ before: number, separator: string, columns: number[] } | null}
 */
function findForm(text) {
  let before = 0;
  while (before < text.length) {
    const end = text.indexOf("\n", before) + 1;
    const line = text.slice(before, end);
    for (const separator of SEPARATORS) {
      const fields = line.split(separator).map(plainField);
      const columns = HEADING.map((name) => fields.indexOf(name));
      if (!columns.includes(-1)) return { before, separator, columns };
    }
    before = end;
  }
  return null;
}

function plainField(field) {
  return without('"', field.trim()).toLowerCase();
}

/** Whether the ballots are in order. It is an error if one does not fit its receipt. */
function* checkBallots(text, { before, separator, columns }) {
  const head = text.slice(0, before);
  const linesBefore = head.split("\n").length - 1;
  let [inOrder, election, last, isHeading] = [true, null, null, true];
  for (const { fields, line, end } of records(text.slice(before), separator)) {
    if (isHeading) {
      isHeading = false;
      continue;
    }
    if (fields.every((field) => field.trim() === "")) continue;
    const where = { line: line + linesBefore };
    const ballot = readBallot(columns.map((column) => fields[column]));
    if (!ballot) throw unreadable("sheet.noBallot", where);
    election ??= ballot.election;
    if (!ballot.fits || ballot.election !== election) throw changed("sheet.mismatch", where);
    inOrder &&= last === null || compareBytes(last, ballot.receipt) <= 0;
    last = ballot.receipt;
    yield { done: end, all: text.length };
  }
  checkRestored(head, election ?? "");
  return inOrder;
}

function checkRestored(head, election) {
  const line = head.split("\n").find((it) => it.replace(/^"+/, "").startsWith("#"));
  const plain = line && without('",;\t| ', line);
  const restored = plain === undefined ? null : readRestored(plain);
  const isWritten = restored && restoredLine(restored, election) === plain;
  if (plain !== undefined && !isWritten) throw changed("sheet.otherRestore", { line: 1 });
}

/** The ballot in a row, and whether it fits its receipt. */
function readBallot([id, candidate, nonceText, receiptText]) {
  const election = id?.trim() ?? "";
  const nonce = unhex((nonceText ?? "").trim().toLowerCase());
  const receipt = readReceipt(receiptText ?? "");
  if (!isElectionId(election) || nonce?.length !== NONCE_BYTES || !receipt) return null;
  // Quotes after a blank are not those of CSV.
  const unquoted = without('"', candidate.trim()).replaceAll('""', '"');
  const names = [candidate, candidate.trim(), unquoted];
  const isIt = (name) => compareBytes(receiptOfName(election, name, nonce), receipt) === 0;
  return { election, receipt, fits: names.some(isIt) };
}
