/**
 * The lot, which decides what the ballots leave open, and which everybody can draw again: the order
 * of SHA-256 over `capvote lot 1`, a zero byte, the SHA-256 of all receipts in their order, and the
 * name in UTF-8. Who comes first is drawn first.
 */

import { Sha256, sha256 } from "../lib/sha256.js";

/**
 * What the lot is drawn from.
 * @param {Uint8Array} receipts 20 bytes each, in the order of the sheet
 * @returns {Uint8Array} 32 bytes
 */
export function lotSeed(receipts) {
  return sha256(receipts);
}

/**
 * Draws these names of the slate, each once.
 * @param {Uint8Array} seed
 * @param {string[]} slate
 * @param {number[]} names their places on the slate
 * @returns {number[]} the places, in the order drawn
 */
export function draw(seed, slate, names) {
  const hash = (name) => new Sha256().update("capvote lot 1\0").update(seed).update(name).digest();
  const drawn = names.map((place) => ({ place, hash: hash(slate[place]) }));
  drawn.sort((one, other) => compareBytes(one.hash, other.hash));
  return drawn.map(({ place }) => place);
}

/**
 * The order of two texts of equally many bytes: negative if the first comes first.
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
export function compareBytes(one, other) {
  const at = one.findIndex((byte, place) => byte !== other[place]);
  return at < 0 ? 0 : one[at] - other[at];
}
