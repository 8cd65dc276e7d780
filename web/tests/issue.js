/** Why no numbers are issued, if whoever should save them does not. */

import { LIMITS, issue } from "../officer/issue.js";

/** An authority of a server that draws a number. */
const authority = {
  again: async () => ({ info: { voters: 0n } }),
  once: (ask) =>
    ask({
      registrar: async () => ({
        async issue({ into }) {
          into.numbers({ numbers: [1n] });
          await into.done();
          return { outcome: { which: "done" } };
        },
      }),
    }),
};

async function refusal(ask) {
  try {
    await issue(authority, "board", 1, ask);
    return null;
  } catch ({ code, values }) {
    return [code, values.seconds];
  }
}

export const tests = {
  async "numbers that are dropped are told from those that nobody saved in time"({ equal }) {
    const { saveMs } = LIMITS;
    equal(await refusal((_, settle) => settle.dropped()), ["issue.dropped", saveMs / 1_000]);
    try {
      LIMITS.saveMs = 1;
      equal(await refusal(() => {}), ["issue.late", 1 / 1_000]);
    } finally {
      LIMITS.saveMs = saveMs;
    }
  },
};
