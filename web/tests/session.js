/** A session over connections that fail, hang and end, as a false WebSocket says. */

import { RpcError } from "../capnp/rpc.js";
import { LIMITS, Pauses, Session, checked, isPassing } from "../lib/session.js";

/** Runs a case with a WebSocket that does this once it is made. */
async function withSocket(does, run) {
  const real = globalThis.WebSocket;
  const made = [];
  globalThis.WebSocket = class {
    bufferedAmount = 0;
    constructor(url) {
      this.url = url;
      made.push(this);
      queueMicrotask(() => does(this, made.length));
    }
    send() {}
    close() {
      const { onclose } = this;
      this.onclose = null;
      onclose?.({});
    }
  };
  try {
    return await run(made);
  } finally {
    globalThis.WebSocket = real;
  }
}

const opens = (socket) => socket.onopen?.({});
const fails = (socket) => socket.close();

/** A session, and the states that it tells. */
function session() {
  const states = [];
  const made = new Session({ url: "ws://nowhere/rpc", onState: (state) => states.push(state) });
  return { session: made, states };
}

export const tests = {
  "an election that is larger than any can be is refused"({ equal }) {
    const is = (names, name, title) => {
      try {
        checked({ title, candidates: Array(names).fill(name) });
        return true;
      } catch (error) {
        return isPassing(error);
      }
    };
    const { names, nameCharacters } = LIMITS;
    const [right, long] = ["x".repeat(nameCharacters), "x".repeat(nameCharacters + 1)];
    equal(is(names, right, right), true);
    equal([is(names + 1, "", ""), is(1, long, ""), is(1, "", long)], [false, false, false]);
  },
  async "what cannot be asked is asked again over new connections"({ equal }) {
    const does = (socket, count) => (count < 3 ? fails(socket) : opens(socket));
    await withSocket(does, async (made) => {
      const { session: it, states } = session();
      equal(await it.again(async () => "answer"), "answer");
      equal(made.length, 3);
      equal(states, ["lost", "connected"]);
    });
  },
  async "a connection is used again until it ends, and that is told as no loss"({ equal }) {
    await withSocket(opens, async (made) => {
      const { session: it, states } = session();
      await it.once(async () => 1);
      await it.once(async () => 2);
      equal(made.length, 1);
      made[0].close();
      await new Promise((resolve) => setTimeout(resolve));
      equal(states, ["connected", "idle"]);
      await it.once(async () => 3);
      equal(made.length, 2);
    });
  },
  async "an exception that another try does not change is told at once"({ equal, failure }) {
    await withSocket(opens, async (made) => {
      const { session: it } = session();
      const ask = async () => {
        throw new RpcError("failed", "there is no such election");
      };
      equal((await failure(it.again(ask))).message, "there is no such election");
      equal(made.length, 1);
    });
  },
  "what passes is told from what does not"({ equal }) {
    const kinds = ["overloaded", "disconnected", "failed", "unimplemented"];
    equal(kinds.map((kind) => isPassing(new RpcError(kind, ""))), [true, true, false, false]);
    equal(isPassing(new Error("disconnected")), false);
  },
  async "what is not answered in time counts as lost, with its connection"({ equal, failure }) {
    await withSocket(opens, async (made) => {
      const { session: it, states } = session();
      const error = await failure(it.once(() => new Promise(() => {}), 5));
      equal(error.kind, "disconnected");
      equal(states, ["lost"]);
      await it.once(async () => 1);
      equal(made.length, 2);
    });
  },
  async "a pause ends early when the page is woken, or its signal is"({ equal }) {
    const { session: it } = session();
    const began = performance.now();
    const stop = new AbortController();
    const pauses = [it.pause(60_000), it.pause(60_000, stop.signal)];
    stop.abort();
    await pauses[1];
    it.wake();
    await pauses[0];
    equal(performance.now() - began < 30_000, true);
  },
  "pauses double, up to a maximum"({ equal }) {
    const pauses = new Pauses();
    const drawn = Array.from({ length: 20 }, () => pauses.next());
    equal(drawn[0] >= LIMITS.pauseFirstMs / 2 && drawn[0] <= LIMITS.pauseFirstMs, true);
    for (let at = 2; at < 5; at++) equal(drawn[at] > drawn[at - 2], true);
    const last = drawn.at(-1);
    equal(last >= LIMITS.pauseMaxMs / 2 && last <= LIMITS.pauseMaxMs, true);
  },
};
