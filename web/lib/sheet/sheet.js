/** A tally sheet in memory: every counted ballot of an election, in the order of the receipts. */

import { checkBallot } from "../../count/ballots.js";
import { compareBytes } from "../../count/lot.js";
import { hasOneMark, isPlain } from "../../count/rules.js";
import {
  NONCE_BYTES,
  RECEIPT_BYTES,
  receiptOfMarks,
  receiptOfName,
  receiptText,
} from "../receipt.js";
import { Refused } from "../refused.js";
import { changed } from "./flaw.js";

/**
 * @typedef {object} SheetHeader what a sheet says of the election; one in CSV of format 1 has none
 * @property {string} title
 * @property {string[]} candidates
 * @property {number} voters how many voter numbers were on the roll
 * @property {import("../../count/rules.js").Rules} rules
 *
 * @typedef {{ ledger: string, epoch: number }} Restored the restore from a backup before the close
 *
 * @typedef {object} SheetLine one ballot
 * @property {string} candidate the name; empty for a blank ballot, and where there are marks
 * @property {Uint8Array | null} marks on a sheet of format 2, one for each name; all 0 if blank
 * @property {Uint8Array} nonce
 * @property {Uint8Array} receipt
 */

/** Bytes that grow as they are needed. */
class Bytes {
  #bytes = new Uint8Array(1024);
  length = 0;

  push(bytes) {
    const length = this.length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.length);
    this.length = length;
  }

  part(start, end) {
    return this.#bytes.subarray(start, end);
  }

  get all() {
    return this.#bytes.subarray(0, this.length);
  }
}

/** Every counted ballot of an election. */
export class Sheet {
  #receipts = new Bytes();
  #nonces = new Bytes();
  #marks = new Bytes();
  /** Of format 1: the names on its ballots, and the name of each ballot, by its place. */
  #names = [];
  #places = new Map();
  #choices = [];

  /**
   * @param {string | null} election null only for a sheet in CSV of format 1 without ballots
   * @param {SheetHeader | null} header
   * @param {Restored | null} restored
   */
  constructor(election, header, restored) {
    this.election = election;
    this.header = header;
    this.restored = restored;
    /** Whether its ballots have marks: a sheet of format 2. */
    this.isMarked = Boolean(header) && !isPlain(header.rules);
    this.length = 0;
  }

  /**
   * Adds a ballot after the others.
   * @param {string | ArrayLike<number>} ballot the name, or on a sheet of format 2 the marks
   * @param {Uint8Array} nonce
   * @param {string} receipt as it is shown
   * @param {{ line?: number, ballot?: number }} where it is in the file
   * @throws {Refused} it does not fit its receipt, the rules, or the order of the sheet
   */
  add(ballot, nonce, receipt, where) {
    const computed = this.isMarked
      ? this.#addMarks(ballot, nonce, where)
      : this.#addName(ballot, nonce);
    if (receiptText(computed) !== receipt) throw changed("sheet.mismatch", where);
    const before = this.length > 0 ? this.receipt(this.length - 1) : null;
    if (before && compareBytes(before, computed) > 0) throw changed("sheet.order", where);
    this.#receipts.push(computed);
    this.#nonces.push(nonce);
    this.length++;
  }

  #addName(name, nonce) {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#names.push(name) - 1;
      this.#places.set(name, place);
    }
    this.#choices.push(place);
    return receiptOfName(this.election, name, nonce);
  }

  #addMarks(marks, nonce, where) {
    const { candidates, rules } = this.header;
    try {
      checkBallot(marks, candidates.length, rules);
    } catch (why) {
      throw changed("sheet.ballot", { ...where, why });
    }
    const bytes = new Uint8Array(candidates.length);
    bytes.set(marks);
    this.#marks.push(bytes);
    const marked = this.marked(bytes);
    return hasOneMark(rules)
      ? receiptOfName(this.election, marked[0]?.name ?? "", nonce)
      : receiptOfMarks(this.election, marked, nonce);
  }

  /**
   * The marked names of a ballot, in the order of the slate.
   * @param {ArrayLike<number>} marks one for each name
   */
  marked(marks) {
    const named = this.header.candidates.map((name, place) => ({ name, mark: marks[place] ?? 0 }));
    return named.filter(({ mark }) => mark > 0);
  }

  /** The receipt of a ballot, by its place from 0. */
  receipt(place) {
    return this.#receipts.part(place * RECEIPT_BYTES, (place + 1) * RECEIPT_BYTES);
  }

  /** All receipts, 20 bytes each, in their order. */
  get receipts() {
    return this.#receipts.all;
  }

  /**
   * A ballot, by its place from 0.
   * @param {number} place
   * @returns {SheetLine}
   */
  line(place) {
    const names = this.isMarked ? this.header.candidates.length : 0;
    return {
      candidate: this.isMarked ? "" : this.#names[this.#choices[place]],
      marks: this.isMarked ? this.#marks.part(place * names, (place + 1) * names) : null,
      nonce: this.#nonces.part(place * NONCE_BYTES, (place + 1) * NONCE_BYTES),
      receipt: this.receipt(place),
    };
  }

  /**
   * The place, from 0, of the first ballot with this receipt. Receipts ascend.
   * @param {Uint8Array} receipt
   * @returns {number | null}
   */
  find(receipt) {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareBytes(this.receipt(middle), receipt) < 0) low = middle + 1;
      else high = middle;
    }
    const isIt = low < this.length && compareBytes(this.receipt(low), receipt) === 0;
    return isIt ? low : null;
  }

  /** How many ballots have the same receipt as the one before them. */
  repeated() {
    let repeated = 0;
    for (let place = 1; place < this.length; place++) {
      if (compareBytes(this.receipt(place - 1), this.receipt(place)) === 0) repeated++;
    }
    return repeated;
  }

  /** The names on the ballots of a sheet of format 1, without that of blank ones. */
  get namesOnBallots() {
    return this.#names.filter((name) => name !== "");
  }

  /**
   * Why these cannot be the ballots of the election, although every receipt fits.
   * @returns {Refused | null}
   */
  contradiction() {
    const repeated = this.repeated();
    if (repeated > 0) return new Refused("sheet.repeated", { repeated });
    if (!this.header) return null;
    const { voters, candidates } = this.header;
    if (this.length > voters) {
      return new Refused("sheet.moreThanVoters", { ballots: this.length, voters });
    }
    const slate = new Set(candidates);
    const other = this.isMarked ? undefined : this.namesOnBallots.find((name) => !slate.has(name));
    return other === undefined ? null : new Refused("sheet.noCandidate", { name: other });
  }
}
