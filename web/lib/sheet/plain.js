/** Sheets in CSV of format 1: a ballot is one name or blank, and the rules are the plain ones. */

import { isElectionId } from "../../count/definition.js";
import { records, inQuotes } from "../csv.js";
import { NONCE_BYTES, receiptText } from "../receipt.js";
import { unhex } from "../decode.js";
import { hex, sha256 } from "../sha256.js";
import { changed, unreadable } from "./flaw.js";
import { Sheet } from "./sheet.js";

export const HEADING = ["election", "candidate", "nonce", "receipt"];

const RESTORED = /^# restored from a backup: ledger ([0-9a-f]{32}), epoch ([0-9]{1,15}), check .*$/;

/** How much of a hash is a checksum, in hexadecimal digits. */
const CHECK_DIGITS = 16;

/**
 * Reads a sheet.
 * @param {string} text
 * @returns {import("../steps.js").Work<Sheet>}
 */
export function* readPlain(text) {
  const end = text.indexOf("\n");
  const first = end < 0 ? text : text.slice(0, end);
  const isRestored = first.startsWith("#") && end >= 0;
  const restored = isRestored ? readRestored(first) : null;
  if (isRestored && !restored) throw changed("sheet.otherRestore", { line: 1 });
  const above = isRestored ? 1 : 0;
  const rest = isRestored ? text.slice(end + 1) : text;
  let sheet = null;
  let isHeading = true;
  for (const { fields, line, end } of records(rest)) {
    const where = { line: line + above };
    if (isHeading) {
      if (!isSame(fields, HEADING)) throw unreadable("sheet.columns", where);
      isHeading = false;
      continue;
    }
    if (fields.length !== HEADING.length) throw unreadable("sheet.fourColumns", where);
    const [election, candidate, nonce, receipt] = fields;
    if (!isElectionId(election)) throw unreadable("sheet.id", where);
    sheet ??= new Sheet(election, null, restored);
    if (election !== sheet.election) throw changed("sheet.otherElection", where);
    sheet.add(candidate, readNonce(nonce, where), receipt, where);
    yield { done: end, all: rest.length };
  }
  if (isHeading) throw unreadable("sheet.columns", { line: above + 1 });
  return sheet ?? new Sheet(null, null, restored);
}

function isSame(fields, expected) {
  return fields.length === expected.length && fields.every((field, at) => field === expected[at]);
}

/**
 * The 16 bytes of a nonce in hexadecimal digits.
 * @param {string} text
 * @param {Record<string, unknown>} where
 */
export function readNonce(text, where) {
  const nonce = unhex(text);
  if (!nonce) throw unreadable("sheet.nonceDigits", where);
  if (nonce.length !== NONCE_BYTES) throw unreadable("sheet.nonceLength", where);
  return nonce;
}

/**
 * The parts of a sheet as it is written.
 * @param {Sheet} sheet
 * @returns {Generator<string>}
 */
export function* plainParts(sheet) {
  // Without a ballot, no line names the election, so that a reader does not know it.
  const named = sheet.length > 0 ? sheet.election : "";
  if (sheet.restored) yield `${restoredLine(sheet.restored, named)}\n`;
  yield `${HEADING.join(",")}\n`;
  for (let place = 0; place < sheet.length; place++) {
    const { candidate, nonce, receipt } = sheet.line(place);
    yield `${sheet.election},${inQuotes(candidate)},${hex(nonce)},${receiptText(receipt)}\n`;
  }
}

/** What the first line says of a restore, but for its checksum. */
export function readRestored(line) {
  const parts = RESTORED.exec(line);
  return parts && { ledger: parts[1], epoch: Number(parts[2]) };
}

/** The first line of the sheet of a restored election. */
export function restoredLine({ ledger, epoch }, election) {
  const what = `# restored from a backup: ledger ${ledger}, epoch ${epoch}`;
  return `${what}, check ${checksum(sha256(`${what}, election ${election}`))}`;
}

/** The beginning of a hash, as the checksums of sheets are. */
export function checksum(hash) {
  return hex(hash).slice(0, CHECK_DIGITS);
}
