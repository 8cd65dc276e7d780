/**
 * Receipts of recorded votes, as docs/clients.md has them: hashes over the election, the ballot and
 * the nonce, by which a voter finds the ballot on the tally sheet.
 */

import { encode } from "./base32.js";
import { Sha256, hex } from "./sha256.js";

export const RECEIPT_BYTES = 20;
export const NONCE_BYTES = 16;

const ENCODER = new TextEncoder();

/** The receipt of a ballot that is one name, or blank for the empty name: 20 bytes. */
export function receiptOfName(election, candidate, nonce) {
  const hash = new Sha256().update("capvote receipt 1\0");
  behindLength(hash, ENCODER.encode(election));
  behindLength(hash, ENCODER.encode(candidate));
  behindLength(hash, nonce);
  return hash.digest().subarray(0, RECEIPT_BYTES);
}

/**
 * The receipt of a ballot with marks, where a ballot can say more than one.
 * @param {string} election
 * @param {Iterable<{ name: string, mark: number }>} marked in the order of the slate
 * @param {Uint8Array} nonce
 * @returns {Uint8Array} 20 bytes
 */
export function receiptOfMarks(election, marked, nonce) {
  const hash = new Sha256().update("capvote receipt 2\0");
  behindLength(hash, ENCODER.encode(election));
  for (const { name, mark } of marked) {
    hash.update(Uint8Array.of(mark & 0xff, mark >>> 8));
    behindLength(hash, ENCODER.encode(name));
  }
  return hash.update(nonce).digest().subarray(0, RECEIPT_BYTES);
}

/** With each part's length before it, different parts are different inputs. */
function behindLength(hash, bytes) {
  const { length } = bytes;
  hash.update(
    Uint8Array.of(length & 0xff, (length >>> 8) & 0xff, (length >>> 16) & 0xff, length >>> 24),
  );
  hash.update(bytes);
}

/** A receipt as it is shown: eight groups of four characters. */
export function receiptText(receipt) {
  const text = encode(receipt);
  let groups = text.slice(0, 4);
  for (let at = 4; at < text.length; at += 4) groups += `-${text.slice(at, at + 4)}`;
  return groups;
}

/** What binds a receipt file to the voter number without revealing it: 64 hexadecimal digits. */
export function boundToNumber(nonce, number) {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, number, true);
  const hash = new Sha256().update("capvote receipt file 1\0").update(nonce);
  return hex(hash.update(new Uint8Array(bytes.buffer)).digest());
}

/**
 * The receipt file of a recorded vote, as capvote-client reads it.
 * @param {import("./shapes.d.ts").RecordedVote} vote
 */
export function receiptFileText({
  candidate,
  marks,
  nonce,
  number,
  election,
  receipt,
  ledger,
  epoch,
}) {
  const where = epoch > 0n ? { ledger: hex(ledger), epoch: Number(epoch) } : {};
  const voter = boundToNumber(nonce, number);
  const content = { candidate, ...(marks && { marks }), nonce: hex(nonce), voter, ...where };
  return `${JSON.stringify({ ...content, election, receipt }, null, 2)}\n`;
}
