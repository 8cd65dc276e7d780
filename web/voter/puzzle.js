/** The puzzle that comes with `throttled`: work that lets a vote through beside a guesser. */

import { sha256 } from "../lib/sha256.js";
import { inSlices } from "../lib/steps.js";

/** Hashes between two looks at the clock. */
const HASHES_BETWEEN = 32;

const DOMAIN = new TextEncoder().encode("capvote puzzle 1\0");

/**
 * The first solution from `first` on, computed in slices between which the page lives on.
 * @param {{ challenge: Uint8Array, bits: number, number: bigint }} puzzle
 * @param {bigint} first at least 1
 * @param {number} ms how long to try
 * @param {AbortSignal} [signal] ends the search; the promise is rejected
 * @returns {Promise<bigint | null>} null if none was found in time
 */
export function solve(puzzle, first, ms, signal) {
  return inSlices(search(puzzle, first, performance.now() + ms), () => {}, signal);
}

function* search({ challenge, bits, number }, first, ends) {
  const bytes = new Uint8Array(DOMAIN.length + challenge.length + 16);
  bytes.set(DOMAIN);
  bytes.set(challenge, DOMAIN.length);
  const view = new DataView(bytes.buffer, DOMAIN.length + challenge.length);
  view.setBigUint64(0, number, true);
  for (let solution = first; performance.now() < ends; ) {
    for (let count = 0; count < HASHES_BETWEEN; count++, solution++) {
      view.setBigUint64(8, solution, true);
      if (zeroBits(sha256(bytes)) >= bits) return solution;
    }
    yield { done: 0, all: 0 };
  }
  return null;
}

/** How many zero bits a hash begins with, of its first 32. */
function zeroBits(hash) {
  return Math.clz32((hash[0] << 24) | (hash[1] << 16) | (hash[2] << 8) | hash[3]);
}
