/**
 * One connection to the server, made when it is needed and made again when it was lost. Every wait
 * ends: what hangs is given up, and tried again over a new connection.
 */

import { RpcError, connect } from "../capnp/rpc.js";
import * as schema from "../capnp/schema.js";

/** @import { Live } from "./shapes.d.ts" */

export const LIMITS = {
  /** How long connecting may take, in milliseconds. */
  connectMs: 10_000,
  /** How long an answer may take. */
  answerMs: 30_000,
  /** The pause between tries. It doubles with each try, and is drawn from its upper half. */
  pauseFirstMs: 100,
  pauseMaxMs: 5_000,
  /** Bytes of a text of the server: what happened in a round, with every name of a long slate. */
  textBytes: 512 << 10,
  /** What an election has, as servers keep to: names, and the characters of one, or of the title. */
  names: 1_000,
  nameCharacters: 256,
};

/** What is worth another try over a new connection. */
const PASSING = ["disconnected", "overloaded"];

/** Whether another try over a new connection may be answered. */
export function isPassing(error) {
  return error instanceof RpcError && PASSING.includes(error.kind);
}

/**
 * Checks that an election is none that would keep a page busy for ever.
 * @template {{ title: string, candidates: string[] }} T
 * @param {T} info
 * @returns {T}
 */
export function checked(info) {
  const isLong = ({ length }) => length > LIMITS.nameCharacters;
  const { title, candidates } = info;
  if (candidates.length > LIMITS.names || [title, ...candidates].some(isLong)) {
    throw new RpcError("failed", "an election is larger than any can be");
  }
  return info;
}

/**
 * The elections with the roll of this one, itself among them: the questions of one paper.
 * @param {{ id: string, roll: string }} info
 * @param {object[]} infos
 */
export function ofRoll(info, infos) {
  const owner = ({ id, roll }) => roll || id;
  return infos.filter((it) => owner(it) === owner(info));
}

/** The address of the server that this page came from. */
export function serverAddress() {
  return `${location.origin.replace(/^http/, "ws")}/rpc`;
}

/** The pauses between the tries of one thing, in milliseconds. */
export class Pauses {
  #next = LIMITS.pauseFirstMs;

  next() {
    const pause = this.#next;
    this.#next = Math.min(2 * pause, LIMITS.pauseMaxMs);
    return pause * (0.5 + Math.random() / 2);
  }
}

/** A connection that is made again. */
export class Session {
  #url;
  #state = "idle";
  /**
   * Told when the state changes. "lost" comes only while something waits for the server.
   * @type {(state: "idle" | "connected" | "lost") => void}
   */
  onState;
  /** The promise of the connection of the moment. */
  #opening = null;
  /** Ends the pauses of the moment. */
  #wakes = new Set();

  /** @param {{ url?: string, onState?: (state: string) => void }} [options] */
  constructor({ url = serverAddress(), onState = () => {} } = {}) {
    this.#url = url;
    this.onState = onState;
    const wake = () => this.wake();
    addEventListener("online", wake);
    addEventListener("pageshow", wake);
    document.addEventListener("resume", wake);
    document.addEventListener("visibilitychange", () => !document.hidden && wake());
  }

  /**
   * Asks once. What is not answered in time counts as a lost connection.
   * @template T
   * @param {(live: Live) => Promise<T>} ask
   * @param {number} [answerMs]
   * @returns {Promise<T>}
   * @throws {RpcError}
   */
  async once(ask, answerMs = LIMITS.answerMs) {
    const live = await this.#connected();
    try {
      const answer = await inTime(ask(live), answerMs);
      this.#tell("connected");
      return answer;
    } catch (error) {
      if (isPassing(error)) {
        this.renew();
        this.#tell("lost");
      }
      throw error;
    }
  }

  /**
   * Asks until there is an answer, or an exception that another try does not change. For what may
   * be asked twice.
   * @template T
   * @param {(live: Live) => Promise<T>} ask
   * @param {AbortSignal} [signal] ends the tries
   * @returns {Promise<T>}
   */
  async again(ask, signal) {
    const pauses = new Pauses();
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await this.once(ask);
      } catch (error) {
        if (!isPassing(error)) throw error;
        await this.pause(pauses.next(), signal);
      }
    }
  }

  /**
   * Waits, but not longer than until the network is back, or the page is looked at again.
   * @param {number} ms
   * @param {AbortSignal} [signal]
   */
  async pause(ms, signal) {
    let end;
    const timer = new Promise((resolve) => {
      end = resolve;
    });
    const id = setTimeout(end, ms);
    this.#wakes.add(end);
    signal?.addEventListener("abort", end);
    await timer;
    clearTimeout(id);
    this.#wakes.delete(end);
    signal?.removeEventListener("abort", end);
  }

  /** Ends all pauses. */
  wake() {
    for (const end of this.#wakes) end();
  }

  /** Ends the connection. The next call is made over a new one. */
  renew() {
    const opening = this.#opening;
    this.#opening = null;
    opening?.then(({ connection }) => connection.close()).catch(() => {});
  }

  async #connected() {
    this.#opening ??= this.#open();
    const opening = this.#opening;
    try {
      return await opening;
    } catch (error) {
      if (this.#opening === opening) this.#opening = null;
      this.#tell("lost");
      throw error;
    }
  }

  #open() {
    const opening = open(this.#url, () => {
      if (this.#opening !== opening) return;
      this.#opening = null;
      this.#tell("idle");
    });
    return opening;
  }

  #tell(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.onState(state);
  }
}

/** @returns {Promise<Live>} */
async function open(url, onClosed) {
  let end;
  const ended = new Promise((_, reject) => {
    end = reject;
  });
  ended.catch(() => {}); // Not everybody waits for it.
  const closed = (error) => {
    end(error);
    onClosed();
  };
  const { textBytes } = LIMITS;
  const connecting = connect(url, { onClosed: closed, limits: { textBytes } });
  try {
    const connection = await inTime(connecting, LIMITS.connectMs);
    const bootstrap = connection.bootstrap(schema.Directory);
    // Calls go out before the capability that they are made on has come.
    const live = { connection, directory: bootstrap.pipeline, ended };
    bootstrap.then((directory) => Object.assign(live, { directory }), () => {});
    return Object.assign(live, { election: elections(live) });
  } catch (error) {
    // Also one that is made too late.
    connecting.then((connection) => connection.close()).catch(() => {});
    throw isPassing(error) ? error : new RpcError("disconnected", String(error?.message ?? error));
  }
}

/** The elections of a connection, each of which is looked up once. */
function elections(live) {
  const known = new Map();
  return async (id) => {
    if (!known.has(id)) {
      const answer = live.directory.election({ id });
      known.set(id, answer.pipeline.election);
      answer.then(({ election }) => known.set(id, election), () => known.delete(id));
    }
    return known.get(id);
  };
}

/** An answer in time; a late one counts as lost. */
function inTime(promise, ms) {
  return new Promise((resolve, reject) => {
    const late = () => reject(new RpcError("disconnected", `no answer came in ${ms / 1_000} s`));
    const id = setTimeout(late, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(id));
  });
}
