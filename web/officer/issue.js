/**
 * Issuing voter numbers: the page's own sink receives them, and answers `done` only when they are
 * saved. Until then they are on no roll.
 */

import { Refused } from "../lib/refused.js";

export const LIMITS = {
  /** How long the officer has to save the numbers: the server waits 60 s for the answer. */
  saveMs: 50_000,
  /** How long the whole call may take. */
  issueMs: 150_000,
};

/** A VoterNumberSink that asks before it answers `done`. */
class Sink {
  received = [];
  /** Why the numbers are not taken: a `Refused`'s code. */
  dropped = null;

  /**
   * @param {number} count
   * @param {(numbers: bigint[], settle: { saved: () => void, dropped: () => void }, ends: number)
   *   => void} ask is given the numbers, and what to call then; `ends` is when it is too late, on
   *   the clock of `performance.now`
   */
  constructor(count, ask) {
    this.count = count;
    this.ask = ask;
    this.timer = 0;
  }

  numbers({ numbers }) {
    // No more than were asked for: the server might send for ever.
    if (this.received.length + numbers.length > this.count)
      throw new Error("these are too many numbers");
    this.received.push(...numbers);
  }

  done() {
    if (this.received.length !== this.count) throw new Error("these are too few numbers");
    return new Promise((resolve, reject) => {
      const drop = (code) => {
        this.dropped ??= code;
        reject(new Error("the numbers were not saved"));
      };
      this.timer = setTimeout(() => drop("issue.late"), LIMITS.saveMs);
      const settle = { saved: resolve, dropped: () => drop("issue.dropped") };
      this.ask(this.received, settle, performance.now() + LIMITS.saveMs);
    });
  }
}

/**
 * Issues numbers.
 * @param {import("../lib/authority.js").Authority} authority
 * @param {string} id of the election
 * @param {number} count
 * @param {ConstructorParameters<typeof Sink>[1]} ask as of {@link Sink}
 * @returns {Promise<{ numbers: bigint[], isCertain: boolean }>} the numbers, which are on the roll;
 *   not for certain if the answer was lost, and the roll has as many more
 * @throws {Refused} they are not, or it is not known whether they are (`issue.unknown`)
 */
export async function issue(authority, id, count, ask) {
  const before = await voters(authority, id);
  const sink = new Sink(count, ask);
  let answered = false;
  const into = {
    numbers: (batch) => sink.numbers(batch),
    async done() {
      await sink.done();
      answered = true;
    },
  };
  try {
    const call = async (on) => (await on.registrar(id)).issue({ count, into });
    const { outcome } = await authority.once(call, LIMITS.issueMs);
    if (outcome.which !== "done")
      throw new Refused("issue.refused", { said: outcome.refused ?? "" });
    // A registrar's link does not tell which election it is for, and the page may show another.
    const after = await voters(authority, id);
    if (after < before + BigInt(count)) throw new Refused("issue.elsewhere", { id, before, after });
    return { numbers: sink.received, isCertain: true };
  } catch (error) {
    if (error instanceof Refused) throw error;
    // Before the sink has answered, nothing was put on the roll. After that, the roll tells: with
    // as many more, they are on it, unless somebody else has issued as many meanwhile; and
    // otherwise they may still come.
    if (!answered && sink.dropped)
      throw new Refused(sink.dropped, { seconds: LIMITS.saveMs / 1_000 });
    if (!answered) throw new Refused("issue.none", { said: error.message });
    const after = await voters(authority, id);
    if (after !== before + BigInt(count)) throw new Refused("issue.unknown", { before, after });
    return { numbers: sink.received, isCertain: false };
  } finally {
    clearTimeout(sink.timer);
  }
}

/** How many numbers are on the roll. */
async function voters(authority, id) {
  const { info } = await authority.again(async ({ live }) => (await live.election(id)).info());
  return info.voters;
}
