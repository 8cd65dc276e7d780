/** Casting votes against a server that answers, fails, and loses answers as each case says. */

import { RpcError } from "../capnp/rpc.js";
import { receiptOfMarks, receiptOfName, receiptText } from "../lib/receipt.js";
import { Sha256 } from "../lib/sha256.js";
import { Casting, LIMITS, sentVote, vote } from "../voter/cast.js";
import { keptVotes } from "../voter/paper.js";

const NUMBER = 1234n;

const ONE = { id: "one", title: "", candidates: ["Ada", "Grace"], blank: true, rules: null };
const RANKS = {
  id: "ranks",
  title: "",
  candidates: ["Ada", "Grace", "Zoe"],
  blank: true,
  rules: { method: "schulze", marks: 3, seats: 1, none: false },
};

/** What the server says of a vote that it records. */
function receipt({ id, candidates, rules }, { candidate, marks, nonce }) {
  const marked = candidates
    .map((name, place) => ({ name, mark: marks?.[place] ?? 0 }))
    .filter(({ mark }) => mark > 0);
  const commitment = rules
    ? receiptText(receiptOfMarks(id, marked, nonce))
    : receiptText(receiptOfName(id, candidate, nonce));
  return { election: id, candidate: candidate ?? "", marks: marks ?? [], nonce, commitment };
}

const recorded = (info, sent) => ({ which: "recorded", recorded: receipt(info, sent) });
const refused = (which) => () => ({ which });
const fails = (kind) => () => {
  throw new RpcError(kind, `it is ${kind}`);
};

/** A session whose server answers each call by the next of these functions. */
function sessionWith(answers) {
  const calls = [];
  const infos = { one: ONE, ranks: RANKS };
  const answer = (id, method) => async (sent) => {
    calls.push({ id, method, ...sent });
    await sent.messages.message({ text: "as the server says" });
    return { outcome: answers.shift()(infos[id], sent) };
  };
  const election = async (id) => ({ vote: answer(id, "vote"), cast: answer(id, "cast") });
  return {
    calls,
    pauses: 0,
    renewed: 0,
    once: (ask) => ask({ election }),
    async pause() {
      this.pauses += 1;
    },
    renew() {
      this.renewed += 1;
    },
  };
}

/** Casts votes, and tells what became of them, and which states they were in. */
async function cast(votes, answers, session = sessionWith(answers)) {
  const infos = new Map([ONE, RANKS].map((info) => [info.id, info]));
  const states = [];
  const onChange = () => {
    const now = votes.map(({ state }) => state).join();
    if (states.at(-1) !== now) states.push(now);
  };
  const casting = new Casting({ session, number: NUMBER, votes, infos, onChange });
  await casting.run();
  const which = votes.map(({ outcome, state }) => outcome?.which ?? state);
  return { session, states, which: which.join(), casting };
}

const BITS = 4;

/** The zero bits that the hash of a solution begins with, of its first 16. */
function work(challenge, solution) {
  const numbers = new DataView(new ArrayBuffer(16));
  numbers.setBigUint64(0, NUMBER, true);
  numbers.setBigUint64(8, solution, true);
  const hash = new Sha256().update("capvote puzzle 1\0").update(challenge);
  const [high, low] = hash.update(new Uint8Array(numbers.buffer)).digest();
  return Math.clz32((high << 8) | low) - 16;
}

/** A challenge whose first solution shows more work than was asked for, and its second does not. */
function challengeWithMoreWork() {
  const next = (challenge, solution) =>
    work(challenge, solution) < BITS ? next(challenge, solution + 1n) : solution;
  for (let seed = 0; ; seed++) {
    const challenge = new Uint8Array(16).fill(seed);
    const first = next(challenge, 1n);
    const second = next(challenge, first + 1n);
    if (work(challenge, first) > BITS && work(challenge, second) === BITS) return challenge;
  }
}

export const tests = {
  async "a vote is cast with its number, nonce and choice, and its receipt is checked"({ equal }) {
    const one = vote("one", [0, 1]);
    const { which, session } = await cast([one], [recorded]);
    const [call] = session.calls;
    equal(which, "recorded");
    equal([call.method, call.candidate, call.voterNumber], ["vote", "Grace", NUMBER]);
    equal(call.nonce, one.nonce);
    equal([one.flaw, one.told], [null, "as the server says"]);
  },
  async "ranks are cast as marks, and a blank ballot as none"({ equal }) {
    const { session, which } = await cast(
      [vote("ranks", [2, 1, 1]), vote("one", [])],
      [recorded, recorded],
    );
    equal(which, "recorded,recorded");
    equal(session.calls.map(({ method }) => method), ["cast", "vote"]);
    equal(session.calls[0].marks, [2, 1, 1]);
    equal(session.calls[1].candidate, "");
  },
  async "after a lost answer the same vote is sent again, and is not known until then"({ equal }) {
    const answers = [fails("disconnected"), fails("failed"), fails("overloaded"), recorded];
    const { session, which, states } = await cast([vote("one", [1, 0])], answers);
    equal(which, "recorded");
    const nonces = session.calls.map(({ nonce }) => nonce.join());
    equal(new Set(nonces).size, 1);
    equal([session.calls.length, session.pauses], [4, 3]);
    equal(states, ["sending", "unknown", "decided"]);
  },
  async "a busy server has recorded nothing"({ equal }) {
    const one = vote("one", [1, 0]);
    const { states } = await cast([one], [fails("overloaded"), recorded]);
    equal(states, ["sending", "busy", "sending", "decided"]);
    equal(one.lost, false);
  },
  async "a vote that was not sent is told from one whose answer was lost"({ equal }) {
    const session = sessionWith([recorded]);
    const { once } = session;
    session.once = async () => {
      session.once = once;
      throw new RpcError("disconnected", "there is no connection");
    };
    const { states } = await cast([vote("one", [1, 0])], [], session);
    equal(states, ["sending", "unreachable", "sending", "decided"]);
  },
  async "a receipt that is not the vote's is told"({ equal }) {
    const changes = [{ commitment: "AAAA" }, { election: "two" }, { candidate: "Ada" }];
    for (const change of [...changes, { nonce: new Uint8Array(16) }]) {
      const one = vote("one", [0, 1]);
      const wrong = (info, sent) => ({
        which: "recorded",
        recorded: { ...receipt(info, sent), ...change },
      });
      await cast([one], [wrong]);
      const right = receiptText(receiptOfName("one", "Grace", one.nonce));
      equal(one.flaw, right, JSON.stringify(change));
    }
  },
  async "a throttled vote solves the puzzle, over a new connection"({ equal }) {
    const puzzle = { challenge: challengeWithMoreWork(), bits: BITS };
    const throttled = () => ({ which: "throttled", throttled: 10, puzzle });
    const { session, states } = await cast([vote("one", [1, 0])], [throttled, throttled, recorded]);
    const solutions = session.calls.map(({ solution }) => solution);
    equal(solutions[0], 0n);
    // A solution that did not help is not sent again, and the next one shows more work.
    equal([solutions[1] > 0n, solutions[2] > solutions[1]], [true, true]);
    equal(work(puzzle.challenge, solutions[1]) >= BITS, true);
    equal(work(puzzle.challenge, solutions[2]) > BITS, true);
    equal(session.renewed, 2);
    equal(states, ["sending", "solving", "sending", "solving", "sending", "decided"]);
  },
  async "without a puzzle, or with too hard a one, it waits"({ equal }) {
    const hard = { challenge: new Uint8Array(16), bits: 25 };
    for (const puzzle of [null, hard]) {
      const throttled = () => ({ which: "throttled", throttled: 10, puzzle });
      const { session, states } = await cast([vote("one", [1, 0])], [throttled, recorded]);
      equal(states, ["sending", "throttled", "sending", "decided"]);
      equal([session.calls[1].solution, session.pauses], [0n, 1]);
    }
  },
  async "after an unknown number the other votes of the paper are not sent"({ equal }) {
    const votes = [vote("one", [1, 0]), vote("ranks", [1, 0, 0])];
    const { which, session } = await cast(votes, [refused("unknownVoterNumber")]);
    equal(which, "unknownVoterNumber,notSent");
    equal(session.calls.length, 1);
  },
  async "after any other refusal they are"({ equal }) {
    const votes = [vote("one", [1, 0]), vote("ranks", [1, 0, 0])];
    const { which } = await cast(votes, [refused("closed"), recorded]);
    equal(which, "closed,recorded");
  },
  async "an unconfirmed election is tried until it is confirmed"({ equal }) {
    const unconfirmed = () => ({ which: "notOpen", unconfirmed: true });
    const { which, states } = await cast([vote("one", [1, 0])], [unconfirmed, recorded]);
    equal(which, "recorded");
    equal(states, ["sending", "unconfirmed", "decided"]);
    equal((await cast([vote("one", [1, 0])], [refused("notOpen")])).which, "notOpen");
  },
  async "who does not wait for that is told that nothing is recorded"({ equal }) {
    const unconfirmed = () => ({ which: "notOpen", unconfirmed: true });
    for (const answers of [[unconfirmed], [fails("disconnected"), unconfirmed]]) {
      const session = sessionWith([...answers]);
      const one = vote("one", [1, 0]);
      const infos = new Map([["one", ONE]]);
      const casting = new Casting({ session, number: NUMBER, votes: [one], infos, onChange() {} });
      session.pause = async () => one.state === "unconfirmed" && casting.stop();
      await casting.run();
      equal([one.state, session.calls.length], ["notConfirmed", answers.length]);
    }
  },
  async "an answer without an outcome leaves the vote unknown, and kept"({ equal }) {
    for (const answer of [null, { which: "recorded", recorded: null }]) {
      const session = sessionWith([() => answer, () => answer, recorded]);
      const one = vote("one", [1, 0]);
      const kept = [];
      session.pause = async () => kept.push(keptVotes()?.votes.length ?? "none");
      const { states, which } = await cast([one], [], session);
      equal([states, which], [["sending", "unknown", "decided"], "recorded"]);
      equal([kept, keptVotes()], [[1, 1], null]);
    }
  },
  async "the server's words have a maximum"({ equal }) {
    const session = sessionWith([recorded]);
    const one = vote("one", [1, 0]);
    const { once } = session;
    session.once = (ask) =>
      once(({ election }) =>
        ask({
          election: async (id) => ({
            vote: async ({ messages, ...sent }) => {
              await messages.message({ text: "word ".repeat(100_000) });
              return (await election(id)).vote({ ...sent, messages: { message() {} } });
            },
          }),
        }),
      );
    await cast([one], [], session);
    equal(one.told.length, LIMITS.toldCharacters);
  },
  async "after a reload a vote goes on as one whose answer was lost"({ equal }) {
    const nonce = new Uint8Array(16).fill(3);
    const one = sentVote({ election: "one", marks: [1, 0], nonce });
    const { session, states } = await cast([one], [fails("overloaded"), recorded]);
    equal(session.calls[1].nonce, nonce);
    equal(states, ["unknown", "decided"]);
  },
  async "who stops is told whether the vote was sent, and nothing is sent afterwards"({ equal }) {
    for (const isSent of [true, false]) {
      const session = sessionWith([recorded]);
      const one = vote("one", [1, 0]);
      const infos = new Map([["one", ONE]]);
      const casting = new Casting({ session, number: NUMBER, votes: [one], infos, onChange() {} });
      let connected;
      session.once = async (ask) => {
        if (isSent) ask({ election: async () => ({ vote: () => new Promise(() => {}) }) });
        else await new Promise((resolve) => (connected = resolve));
        const hangs = new Promise(() => {});
        const vote = async (call) => session.calls.push(call);
        return isSent ? hangs : ask({ election: async () => ({ vote }) });
      };
      const run = casting.run();
      await new Promise((resolve) => setTimeout(resolve));
      casting.stop();
      await run;
      equal(one.state, isSent ? "stopped" : "notSent");
      connected?.();
      await new Promise((resolve) => setTimeout(resolve));
      equal(session.calls.length, 0);
    }
  },
};
