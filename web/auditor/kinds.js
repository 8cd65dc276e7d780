/** What a file is that was dropped: a tally sheet or a receipt. */

import { readReceiptFile } from "../lib/read-receipt.js";

export const LIMITS = {
  /** Bytes of a file that may be a receipt: with a letter around it. */
  receiptFile: 64 << 10,
  /** Receipts that are looked for; further ones are left out, and the page says so. */
  receipts: 1_000,
};

/** The beginnings of sheets, in all forms, whatever a program has put before them. */
const SHEET = /^[\uFEFF\s"]*(?:# restored|capvote tally sheet|"?election"?[,;\t|])|"ballots"\s*:/;

/**
 * The receipt in a file, if it is that of a voter.
 * @param {Uint8Array} bytes
 * @returns {import("../lib/read-receipt.js").SearchKey | null}
 */
export function receiptIn(bytes) {
  if (bytes.length > LIMITS.receiptFile) return null;
  const text = new TextDecoder().decode(bytes);
  return SHEET.test(text) ? null : readReceiptFile(text);
}
