/**
 * SHA-256 (FIPS 180-4), synchronous and without `crypto.subtle`, which a page on plain http does
 * not have, and which is slower for the many short texts of a tally sheet.
 */

const PRIMES = [];
for (let number = 2; PRIMES.length < 64; number++) {
  if (PRIMES.every((prime) => number % prime > 0)) PRIMES.push(number);
}

/** The first 32 bits of the fractional parts of these numbers: as many as a `Uint32Array` takes. */
const fractions = (numbers) => Uint32Array.from(numbers, (number) => (number % 1) * 2 ** 32);

/** Of the cube roots of the first 64 primes (4.2.2), for which the precision of numbers is enough. */
const K = fractions(PRIMES.map(Math.cbrt));

/** The initial hash value (5.3.3), of the square roots of the first 8. */
const INITIAL = fractions(PRIMES.slice(0, 8).map(Math.sqrt));

const BLOCK_BYTES = 64;

/** The message schedule; one is enough, since no call is interrupted. */
const SCHEDULE = new Uint32Array(64);

const ENCODER = new TextEncoder();

/** A SHA-256 under way. */
export class Sha256 {
  #state = Int32Array.from(INITIAL);
  #block = new Uint8Array(BLOCK_BYTES);
  #filled = 0;
  #bytes = 0;

  /**
   * Adds bytes, or a text in UTF-8.
   * @param {Uint8Array | string} data
   * @returns {this}
   */
  update(data) {
    const bytes = typeof data === "string" ? ENCODER.encode(data) : data;
    this.#bytes += bytes.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(BLOCK_BYTES - this.#filled, bytes.length);
      this.#block.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < BLOCK_BYTES) return this;
      compress(this.#state, this.#block, 0);
      this.#filled = 0;
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) compress(this.#state, bytes, at);
    this.#block.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
    return this;
  }

  /**
   * The hash, after the last `update`.
   * @returns {Uint8Array} 32 bytes
   */
  digest() {
    const block = this.#block;
    block[this.#filled] = 0x80;
    block.fill(0, this.#filled + 1);
    if (this.#filled + 1 > BLOCK_BYTES - 8) {
      compress(this.#state, block, 0);
      block.fill(0);
    }
    // The length in bits is below 2 to the power of 53, as every length of JavaScript.
    const view = new DataView(block.buffer);
    view.setUint32(BLOCK_BYTES - 8, Math.floor(this.#bytes / 0x2000_0000));
    view.setUint32(BLOCK_BYTES - 4, (this.#bytes << 3) >>> 0);
    compress(this.#state, block, 0);
    const hash = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, place) => hash.setInt32(place * 4, word));
    return new Uint8Array(hash.buffer);
  }
}

/** One block of 64 bytes (6.2.2). */
function compress(state, bytes, at) {
  const w = SCHEDULE;
  for (let t = 0, from = at; t < 16; t++, from += 4) {
    w[t] = (bytes[from] << 24) | (bytes[from + 1] << 16) | (bytes[from + 2] << 8) | bytes[from + 3];
  }
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15];
    const y = w[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let t = 0; t < 64; t++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[t] + w[t]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/**
 * The SHA-256 of bytes, or of a text in UTF-8.
 * @param {Uint8Array | string} data
 * @returns {Uint8Array} 32 bytes
 */
export function sha256(data) {
  return new Sha256().update(data).digest();
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Bytes in lower-case hexadecimal digits. */
export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}
