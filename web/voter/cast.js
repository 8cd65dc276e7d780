/**
 * Casting the votes of a paper. What is needed to send them again is in the tab's storage from
 * before the first call until every vote has an outcome, so that no lost answer and no reload makes
 * a vote count twice, or leaves its outcome unknown.
 */

import { form, hasOneMark, named, nameOf, padding } from "../lib/ballot.js";
import { NONCE_BYTES, receiptOfMarks, receiptOfName, receiptText } from "../lib/receipt.js";
import { Pauses, isPassing } from "../lib/session.js";
import { hex } from "../lib/sha256.js";
import { forgetVotes, keepVotes } from "./paper.js";

/** @import { KeptVote, Vote } from "./shapes.d.ts" */

export const LIMITS = {
  /** Puzzles with more bits are not begun: a telephone would take minutes. */
  puzzleBits: 24,
  /** How long a puzzle is worked on, in milliseconds. Challenges are good for 30 s at least. */
  solveMs: 25_000,
  /** The pause between tries in an election that waits for an officer after a restore. */
  unconfirmedMs: 30_000,
  /** The longest wait that a throttled vote keeps to, in milliseconds. */
  throttledMs: 60_000,
  /** The server's own words that are shown, in characters. */
  toldCharacters: 2_000,
};

/**
 * @param {string} election
 * @param {number[]} marks
 * @returns {Vote}
 */
export function vote(election, marks) {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const nothing = { sent: false, lost: false, told: "", why: "", file: "" };
  return { election, marks, nonce, state: "waiting", outcome: null, flaw: null, ...nothing };
}

/**
 * A vote that was cast before the page was loaded again, and whose outcome is not known.
 * @param {KeptVote} kept
 * @returns {Vote}
 */
export function sentVote({ election, marks, nonce }) {
  return { ...vote(election, marks), nonce, state: "unknown", lost: true };
}

/** The votes under one number, while they are cast. */
export class Casting {
  #session;
  #onChange;
  #stop = new AbortController();
  #stopped;

  /**
   * @param {{ session: import("../lib/session.js").Session, number: bigint, votes: Vote[],
   *   infos: Map<string, object>, onChange: () => void }} of the elections by their ids, and who is
   *   told whenever a vote has changed
   */
  constructor({ session, number, votes, infos, onChange }) {
    this.#session = session;
    this.number = number;
    this.votes = votes;
    this.infos = infos;
    this.#onChange = onChange;
    this.#stopped = new Promise((_, reject) => {
      this.#stop.signal.addEventListener("abort", () => reject(this.#stop.signal.reason));
    });
    this.#stopped.catch(() => {});
    /** Whether a reload of the page goes on with these votes. */
    this.isKept = keepVotes(number, votes);
  }

  /** Casts them, one after the other, until each has an outcome or `stop` is called. */
  async run() {
    for (const vote of this.votes) {
      await this.#cast(vote).catch((error) => {
        if (!this.#stop.signal.aborted) throw error;
      });
      if (this.#stop.signal.aborted) break;
      // It is not on the roll of the others either.
      if (vote.outcome?.which === "unknownVoterNumber") break;
    }
    const isOver = !this.#stop.signal.aborted;
    for (const vote of this.votes.filter(({ state }) => state !== "decided")) {
      const isWaiting = vote.state === "unconfirmed" && !isOver;
      vote.state = vote.lost && !isOver ? "stopped" : isWaiting ? "notConfirmed" : "notSent";
    }
    forgetVotes();
  }

  /** Ends the tries. The outcome of a vote that was sent stays unknown. */
  stop() {
    this.#stop.abort();
  }

  #set(vote, change) {
    Object.assign(vote, change);
    this.#onChange();
  }

  async #cast(vote) {
    const pauses = new Pauses();
    const signal = this.#stop.signal;
    let solved = { solution: 0n, bits: 0 };
    for (;;) {
      signal.throwIfAborted();
      const isNew = !["unreachable", "unconfirmed"].includes(vote.state) && !vote.lost;
      this.#set(vote, { sent: false, ...(isNew && { state: "sending" }) });
      let outcome;
      try {
        const sent = this.#session.once((live) => this.#send(live, vote, solved.solution));
        outcome = await Promise.race([sent, this.#stopped]);
        if (!outcome || (outcome.which === "recorded" && !outcome.recorded)) {
          throw new Error("the server’s answer lacks the outcome");
        }
      } catch (error) {
        if (signal.aborted) vote.lost ||= vote.sent;
        signal.throwIfAborted();
        this.#failed(vote, error);
        await this.#session.pause(pauses.next(), signal);
        continue;
      }
      if (outcome.which === "throttled") {
        // A solution that did not help was not enough work.
        if (solved.solution > 0n) await this.#session.pause(pauses.next(), signal);
        solved = await this.#solve(vote, outcome, solved);
        continue;
      }
      if (outcome.which === "notOpen" && outcome.unconfirmed) {
        // It would have been told if it was recorded before.
        this.#set(vote, { state: "unconfirmed", lost: false });
        await this.#session.pause(LIMITS.unconfirmedMs, signal);
        continue;
      }
      const flaw = outcome.which === "recorded" ? this.#flawOf(vote, outcome.recorded) : null;
      return this.#set(vote, { state: "decided", outcome, flaw });
    }
  }

  /** Sends it once. */
  async #send(live, vote, solution) {
    const { candidates, ...info } = this.infos.get(vote.election);
    const ballot = form({ candidates, ...info });
    const { marks, nonce } = vote;
    const messages = {
      message: ({ text }) => {
        vote.told = text.slice(0, LIMITS.toldCharacters);
      },
    };
    const sent = { voterNumber: this.number, messages, nonce, solution };
    sent.padding = padding(ballot, candidates, marks);
    const election = await live.election(vote.election);
    this.#stop.signal.throwIfAborted();
    const state = vote.state === "unconfirmed" ? vote.state : "sending";
    this.#set(vote, { sent: true, state: vote.lost ? "unknown" : state });
    const answer = hasOneMark(ballot)
      ? election.vote({ ...sent, candidate: nameOf(candidates, marks) })
      : election.cast({ ...sent, marks });
    return (await answer).outcome;
  }

  /** After a call without an answer, nobody knows whether the vote is recorded. */
  #failed(vote, error) {
    const isBusy = isPassing(error) && error.kind === "overloaded";
    const lost = vote.lost || (vote.sent && !isBusy);
    const why = error.message ?? String(error);
    const unsent = isBusy ? "busy" : "unreachable";
    this.#set(vote, { lost, state: lost ? "unknown" : unsent, why });
  }

  /** Solves the puzzle of a throttled vote, or waits. The next try has a new connection. */
  async #solve(vote, { throttled, puzzle }, last) {
    const signal = this.#stop.signal;
    this.#session.renew();
    const more = last.solution === 0n ? 0 : Math.min(last.bits + 1, LIMITS.puzzleBits);
    const bits = Math.max(puzzle?.bits ?? 0, more);
    if (puzzle && bits <= LIMITS.puzzleBits) {
      this.#set(vote, { state: "solving" });
      const of = { challenge: puzzle.challenge, bits, number: this.number };
      const solution = await solutionOf(of, last.solution + 1n, signal);
      if (solution !== null) return { solution, bits };
    }
    this.#set(vote, { state: "throttled" });
    await this.#session.pause(Math.min(throttled, LIMITS.throttledMs), signal);
    return { solution: 0n, bits: 0 };
  }

  /** The receipt that a vote should have, which the page computes itself; null if it has that. */
  #flawOf(vote, receipt) {
    const { candidates, ...info } = this.infos.get(vote.election);
    const isOne = hasOneMark(form({ candidates, ...info }));
    const { election, marks, nonce } = vote;
    const expected = isOne
      ? receiptOfName(election, nameOf(candidates, marks), nonce)
      : receiptOfMarks(election, named(candidates, marks), nonce);
    const name = isOne ? receipt.candidate : "";
    const isSame =
      receipt.election === election &&
      name === (isOne ? nameOf(candidates, marks) : "") &&
      hex(receipt.nonce) === hex(nonce) &&
      receipt.commitment === receiptText(expected);
    return isSame ? null : receiptText(expected);
  }
}

/**
 * The solution of a puzzle, or null. Few voters ever need one: the code for it is loaded then, and
 * where that fails, the vote waits instead.
 */
async function solutionOf(puzzle, first, signal) {
  const code = await import("./puzzle.js").catch(() => null);
  return code && code.solve(puzzle, first, LIMITS.solveMs, signal);
}
