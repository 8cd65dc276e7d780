/**
 * Long work on the page's own thread, in slices: a worker is no way out, since the pages allow no
 * script whose address is made by a script (`require-trusted-types-for`).
 *
 * Long work is a generator that yields how far it is, often, and returns its result.
 * @template T
 * @typedef {Generator<Progress, T, void>} Work
 */

/** @typedef {{ done: number, all: number }} Progress how much is done, of an estimate of all */

export const LIMITS = {
  /** How long a slice takes, in milliseconds: less than a frame, so that typing is not held up. */
  sliceMs: 12,
};

/**
 * Does all of it at once.
 * @template T
 * @param {Work<T>} work
 * @returns {T}
 */
export function atOnce(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * Does it in slices, between which the page lives on.
 * @template T
 * @param {Work<T>} work
 * @param {(progress: Progress) => void} [onProgress] called after each slice
 * @param {AbortSignal} [signal] ends the work; the promise is rejected with its reason
 * @returns {Promise<T>}
 */
export async function inSlices(work, onProgress = () => {}, signal) {
  for (;;) {
    const ends = performance.now() + LIMITS.sliceMs;
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (performance.now() < ends) continue;
      onProgress(value);
      break;
    }
    await pause();
    signal?.throwIfAborted();
  }
}

/** A turn of the event loop; a timer of 0 ms would wait for 4 ms. */
function pause() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
