/** What a voter is told while a vote is cast, and of what became of it. */

import { Language, loadShared } from "../lib/language.js";
import { vote } from "../voter/cast.js";
import { doneStep, sendingStep } from "../voter/outcome.js";

const INFO = { id: "one", title: "", candidates: ["Ada", "Grace"], blank: true, rules: null };

/** What a voter sees of a vote in this state. */
async function flowWith(change) {
  const one = Object.assign(vote("one", [1, 0]), change);
  const infos = new Map([["one", INFO]]);
  const casting = { votes: [one], infos, number: 1n, isKept: true, stop() {} };
  return { language: await Language.of("en", loadShared), casting, nextNumber: null };
}

const textOf = ({ content }) => content.map((it) => it?.textContent ?? "").join("\n");

export const tests = {
  async "a vote in an election that is not confirmed is neither unknown nor unsent"({ equal }) {
    const sending = sendingStep(await flowWith({ state: "unconfirmed", sent: true }));
    equal([sending.key, sending.title], ["unconfirmed", "The election is not confirmed yet"]);
    equal(textOf(sending).includes("Stop trying"), true);
    equal(textOf(sending).includes("has not arrived"), false);
    const stopped = doneStep(await flowWith({ state: "notConfirmed" }));
    equal(stopped.title, "Your vote was not counted");
    equal(/Not recorded: .* not confirmed/.test(textOf(stopped)), true);
    equal(textOf(stopped).includes("Not sent"), false);
  },
  async "a number that has voted is told that those votes count, and not in red"({ equal }) {
    for (const [count, title] of [
      [1, "This number has voted already; that vote counts"],
      [2, "This number has voted already; those votes count"],
    ]) {
      const flow = await flowWith({ state: "decided", outcome: { which: "alreadyVoted" } });
      flow.casting.votes = Array(count).fill(flow.casting.votes[0]);
      const step = doneStep(flow);
      equal(step.title, title);
      const sections = step.content.flatMap((it) => [...(it?.querySelectorAll("section") ?? [])]);
      equal(sections.map(({ className }) => className), Array(count).fill("outcome"));
      equal(textOf(step).includes("save them before you leave"), false);
    }
  },
  async "what receipts are for is said once"({ equal }) {
    const recorded = { commitment: "A-B", ledger: new Uint8Array(16), epoch: 1n };
    const flow = await flowWith({ state: "decided", outcome: { which: "recorded", recorded } });
    flow.casting.votes.push(flow.casting.votes[0]);
    const step = doneStep(flow);
    equal(step.title, "Your 2 votes are recorded");
    equal(textOf(step).split("save them before you leave").length, 2);
    const twice = await flowWith({ state: "decided", outcome: { which: "alreadyVoted" } });
    flow.casting.votes[1] = twice.casting.votes[0];
    equal(doneStep(flow).title, "Your vote is recorded");
  },
  async "a receipt without end is shown up to its maximum"({ equal }) {
    const recorded = { commitment: "A-".repeat(200_000), ledger: new Uint8Array(16), epoch: 1n };
    const flaw = "BBBB";
    const outcome = { which: "recorded", recorded };
    const step = doneStep(await flowWith({ state: "decided", outcome, flaw }));
    const [shown] = step.content.flatMap((it) => [...(it?.querySelectorAll(".receipt") ?? [])]);
    equal(shown.textContent.length, 256);
  },
};
