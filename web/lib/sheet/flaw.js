/**
 * What is wrong with a text that is not a valid tally sheet, and what that says of the sheet:
 *
 * - `changed`: a ballot does not fit its receipt, or the file a checksum in it.
 * - `rewritten`: every ballot fits, and only the form of the file is another: a program has saved
 *   it again.
 * - `unreadable`: it cannot be read as a sheet.
 */

import { Refused } from "../refused.js";

/**
 * @param {string} code
 * @param {Record<string, unknown>} [where] `line` of the file or `ballot`, from 1, and more
 */
export function changed(code, where = {}) {
  return new Refused(code, { ...where, flaw: "changed" });
}

/**
 * @param {string} code
 * @param {Record<string, unknown>} [where]
 */
export function unreadable(code, where = {}) {
  return new Refused(code, { ...where, flaw: "unreadable" });
}
