/** Reading receipts, and the files that hold one, as people and programs have changed them. */

import { unbase32, unhex } from "./decode.js";
import { NONCE_BYTES, receiptOfMarks, receiptOfName, receiptText } from "./receipt.js";
import { isStrict } from "./strict.js";

export const LIMITS = {
  /** The longest text that is read for a receipt, in characters. */
  text: 1 << 20,
  /** The most characters of a receipt, with what stands around it, and without separators. */
  receipt: 256,
};

/** What may stand between the groups, and what programs and people put around a receipt. */
const SEPARATOR = /[\s\p{Pd}\p{Cf}\u2212\u2043\u30FC]/gu;
const AROUND = /^["'`*_<([“”„‘’‚«»‹]+|["'`*_>)\]“”‘’«»›.,;:!]+$/gu;

/**
 * Reads a receipt in capitals or not, and with or without separators.
 * @param {string} text
 * @returns {Uint8Array | null}
 */
export function readReceipt(text) {
  if (text.length > LIMITS.text) return null;
  const close = text.replace(SEPARATOR, "");
  if (close.length > LIMITS.receipt) return null;
  const plain = close.replace(AROUND, "").normalize("NFKC").toUpperCase();
  return plain.length === 32 ? unbase32(plain) : null;
}

/** A receipt in a text: alone, or as the only one among its words. */
function receiptIn(text) {
  const whole = readReceipt(text);
  if (whole) return whole;
  const found = text.split(/\s+/).map(readReceipt).filter(Boolean);
  return found.length === 1 ? found[0] : null;
}

/**
 * What to look for on a sheet.
 * @typedef {object} SearchKey
 * @property {Uint8Array | null} receipt
 * @property {string | null} candidate
 * @property {{ candidate: string, mark: number }[] | null} marks
 * @property {Uint8Array | null} nonce
 * @property {string | null} election where the vote was recorded
 * @property {number | null} epoch the ledger's epoch in which it was
 */

/**
 * Reads a receipt, or a receipt file as `capvote-client vote --receipt` and the voter's page save
 * it, also as a mail program or a word processor has changed it.
 * @param {string} text
 * @returns {SearchKey | null} null if there is no receipt in it, nor what it can be computed from
 */
export function readReceiptFile(text) {
  if (text.length > LIMITS.text) return null;
  const file = parsed(text) ?? parsed(mended(text));
  if (!file) {
    // A sheet has receipts, too, and is none.
    const receipt = text.trimStart().startsWith("{") ? null : receiptIn(text);
    return (
      receipt && { receipt, candidate: null, marks: null, nonce: null, election: null, epoch: null }
    );
  }
  const nonce = unhex(file.nonce);
  const key = {
    receipt: typeof file.receipt === "string" ? readReceipt(file.receipt) : null,
    candidate: file.candidate,
    marks: file.marks ?? null,
    nonce: nonce?.length === NONCE_BYTES ? nonce : null,
    election: typeof file.election === "string" ? file.election : null,
    epoch: Number.isSafeInteger(file.epoch) ? file.epoch : null,
  };
  return key.receipt || key.nonce ? key : null;
}

/** The content of a receipt file, if the text is that. */
function parsed(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    return null;
  }
  const isMark = (it) =>
    typeof it?.candidate === "string" &&
    Number.isInteger(it.mark) &&
    it.mark >= 0 &&
    it.mark <= 0xffff;
  const areMarks =
    file?.marks === undefined ||
    file.marks === null ||
    (Array.isArray(file.marks) && file.marks.every(isMark));
  const texts = ["candidate", "nonce", "voter"].every((key) => typeof file?.[key] === "string");
  return texts && areMarks && isStrict(text) ? file : null;
}

/** The JSON object in a text, without the quotation marks and the like that programs put in it. */
function mended(text) {
  const inside = text.slice(text.indexOf("{") + 1, Math.max(0, text.lastIndexOf("}")));
  const lines = inside.split(/\r\n|\r|\n/).map((line) => line.replace(/^[> \t\u00a0]+/, ""));
  const plain = lines
    .join("")
    .replace(/[“”„‟«»]/g, '"')
    .replaceAll("\u00a0", " ");
  return `{${plain.replace(/\p{Cf}/gu, "")}}`;
}

/**
 * Whether a receipt in this election is that of the vote that a file says; so it is where there is
 * a receipt alone.
 * @param {SearchKey} key
 * @param {string} election
 * @param {Uint8Array} receipt
 */
export function isOfVote(key, election, receipt) {
  if (!key.nonce) return true;
  const text = receiptText(receipt);
  const receipts = receiptsOf({ ...key, receipt: null }, election);
  return receipts.some((it) => receiptText(it) === text);
}

/**
 * The receipts that a vote may have in this election, the likeliest first: programs store names
 * composed and decomposed.
 * @param {SearchKey} key
 * @param {string} election
 * @returns {Uint8Array[]}
 */
export function receiptsOf(key, election) {
  const receipts = key.receipt ? [key.receipt] : [];
  if (!key.nonce) return receipts;
  const forms = [(name) => name, (name) => name.normalize("NFC"), (name) => name.normalize("NFD")];
  for (const form of forms) {
    const marks = key.marks?.map(({ candidate, mark }) => ({ name: form(candidate), mark }));
    receipts.push(
      marks
        ? receiptOfMarks(election, marks, key.nonce)
        : receiptOfName(election, form(key.candidate), key.nonce),
    );
  }
  return receipts;
}
