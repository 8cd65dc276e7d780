/** Moments, as people read them. */

import { away, moment } from "../lib/time.js";

export const tests = {
  "a moment that there is not is none"({ equal }) {
    equal(moment(0n), null);
    equal(moment(18_446_744_073_709_551_615n), null);
    equal(moment(1_700_000_000n).toISOString(), "2023-11-14T22:13:20.000Z");
  },
  "a moment is told in the largest unit that it has"({ equal }) {
    const now = Date.UTC(2026, 0, 1);
    for (const [seconds, told] of [
      [30, "in 30 seconds"],
      [90, "in 1 minute"],
      [7_300, "in 2 hours"],
      [-200_000, "2 days ago"],
    ]) {
      equal(away(new Date(now + seconds * 1_000), "en", now), told);
    }
  },
};
