// One connection: what each message does to the tables of questions, answers and capabilities.
// https://github.com/capnproto/capnproto/blob/v2/c++/src/capnp/rpc.capnp

import { Answers } from "./answers.js";
import { Builder } from "./builder.js";
import {
  Exports, Imports, Numbered, pipeline, Remote, remote, RpcError, safely,
} from "./capabilities.js";
import { Reader, WIRE_LIMITS } from "./reader.js";
import { types } from "./rpc-schema.js";

/** @import * as shapes from "./shapes.d.ts" */

/**
 * The bounds of a connection that is told of no others. shapes.d.ts says what happens at each.
 *
 * @type {Readonly<import("./shapes.d.ts").Limits>}
 */
export const LIMITS = Object.freeze({
  ...WIRE_LIMITS,
  questions: 1_000, answers: 4_096, callBytes: 64 << 20, exports: 4_096, imports: 4_096,
  unsentBytes: 32 << 20, reasonCharacters: 2_000, connectMs: 20_000,
});

/** A connection. */
export class Connection {
  #transport;
  #limits;
  #onClosed;
  /** @type {RpcError | null} */
  #closed = null;
  /** @type {Numbered<shapes.Question>} */
  #questions;
  #answers;
  #exports;
  #imports;

  /**
   * @param {shapes.Transport} transport
   * @param {shapes.Options} [options]
   */
  constructor(transport, { onClosed = () => {}, bootstrap, limits = {} } = {}) {
    this.#transport = transport;
    this.#onClosed = onClosed;
    this.#limits = { ...LIMITS, ...limits };
    this.#questions = new Numbered(this.#limits.questions, "too many calls are not answered");
    this.#exports = new Exports(this.#limits.exports);
    this.#imports = new Imports(this.#limits.imports, (id, referenceCount) =>
      this.#tell({ release: { id, referenceCount } }));
    this.#answers = new Answers({
      limits: this.#limits, bootstrap, exports: this.#exports,
      tell: (message, exported) => this.#tell(message, exported),
      table: (reader, payload) => this.#table(reader, payload),
      drained: async () => { await transport.drained?.(this.#limits.unsentBytes / 4); },
      abort: (error) => this.#abort(error),
    });
    this.#run();
  }

  /**
   * The other side's bootstrap capability.
   *
   * @param {shapes.Type} type its interface
   * @param {shapes.CallOptions} [options]
   * @returns {shapes.Answer}
   */
  bootstrap(type, options) {
    return this.#ask(type, (questionId) => ({ bootstrap: { questionId } }), options);
  }

  /** Ends the connection. Calls without an answer fail with `disconnected`. */
  close() {
    this.#end(new RpcError("disconnected", "the connection was closed"));
  }

  /** How much is in each table, as its limit is called. */
  get usage() {
    return {
      questions: this.#questions.size, answers: this.#answers.size,
      callBytes: this.#answers.bytes, exports: this.#exports.size, imports: this.#imports.size,
      unsentBytes: this.#transport.unsent ?? 0,
    };
  }

  async #run() {
    try {
      for (;;) {
        const bytes = await this.#transport.receive();
        if (!bytes) throw new RpcError("disconnected", "the other side has ended the connection");
        if (this.#closed) return;
        try {
          this.#receive(bytes);
        } catch (error) {
          return this.#abort(error);
        }
      }
    } catch (error) {
      this.#end(error instanceof RpcError ? error : new RpcError("disconnected", String(error)));
    }
  }

  #end(error) {
    if (this.#closed) return;
    this.#closed = error;
    this.#transport.close();
    for (const question of this.#questions.clear()) settle(question, error);
    this.#answers.clear();
    this.#imports.clear();
    this.#exports.clear();
    safely(() => this.#onClosed(error));
  }

  /** Ends the connection because of what the other side did. */
  #abort(error) {
    const reason = `the other side broke the protocol: ${error?.message ?? error}`;
    try {
      this.#tell({ abort: { reason, type: "failed" } });
    } finally {
      this.#end(new RpcError("failed", reason));
    }
  }

  /** Sends a message. */
  #tell(message, exported = [], isCall = false) {
    if (this.#closed) return;
    const table = [];
    try {
      const builder = new Builder((value, type) =>
        table.push(this.#describe(value, type, exported)) - 1, this.#limits);
      const written = typeof message === "function" ? message(table) : message;
      const bytes = builder.finish(types.Message, written);
      const { unsent = 0 } = this.#transport;
      const room = isCall ? this.#limits.unsentBytes / 2 : this.#limits.unsentBytes;
      if (unsent === 0 || unsent + bytes.length <= room) return this.#transport.send(bytes);
      const error = new RpcError("overloaded", "too much is not sent yet");
      if (isCall) throw error;
      this.#end(error);
    } catch (error) {
      for (const id of exported.splice(0)) this.#exports.release(id, 1);
      throw error;
    }
  }

  #describe(value, type, exported) {
    const target = Remote.target(value);
    if (target) {
      if (target.connection !== this) throw new TypeError("it belongs to another connection");
      return target.descriptor();
    }
    if (typeof value !== "object") throw new TypeError("there has to be an object");
    const senderHosted = this.#exports.add(value, type);
    exported.push(senderHosted);
    return { senderHosted };
  }

  /** Sends what is answered. */
  #ask(results, message, /** @type {shapes.CallOptions} */ { signal } = {}) {
    const question = /** @type {any} */ ({ results, exported: [], cancelled: false });
    const promise = question.promise =
      new Promise((resolve, reject) => Object.assign(question, { resolve, reject }));
    try {
      if (this.#closed) throw this.#closed;
      signal?.throwIfAborted();
      question.id = this.#questions.add(question);
      this.#tell((table) => message(question.id, table), question.exported, true);
      const cancel = () => this.#cancel(question, signal?.reason);
      signal?.addEventListener("abort", cancel);
      question.ended = () => signal?.removeEventListener("abort", cancel);
    } catch (error) {
      this.#questions.delete(question.id);
      settle(question, error);
    }
    return /** @type {any} */ (Object).defineProperty(promise, "pipeline", {
      get: () => {
        // Calls on it tell of its failure.
        promise.catch(() => {});
        return pipeline(results, (path) => this.#promised(question, path));
      },
    });
  }

  #cancel(question, reason) {
    settle(question, reason);
    if (question.answered) return;
    question.cancelled = true;
    this.#tell(finish(question.id, true));
  }

  #caller = (address) => ({ interfaceId, index, params, results }, value = {}, options) =>
    this.#ask(results, (questionId, capTable) => ({
      call: {
        questionId, target: address(), interfaceId, methodId: index,
        // The content is written first, and fills the table.
        params: { content: { type: params, value }, capTable },
      },
    }), options);

  /** What stands for a capability that the other side has passed. */
  #imported(id) {
    return this.#imports.add(id, () => {
      let isHeld = true;
      const held = () => {
        if (!isHeld) throw new RpcError("failed", "the capability was released");
        return id;
      };
      return {
        connection: this, call: this.#caller(() => ({ importedCap: held() })),
        address: () => ({ importedCap: held() }), descriptor: () => ({ receiverHosted: held() }),
        release: () => { isHeld = isHeld && this.#imports.release(id, 1); },
      };
    });
  }

  /**
   * What stands for a capability in the results of a question: a place in its answer, until that is
   * here.
   */
  #promised(question, path) {
    const at = () => path.reduce((value, { name }) => value?.[name], question.value);
    const settled = () => {
      if (question.error !== undefined) throw question.error;
      if (question.value === undefined) return null;
      const target = Remote.target(at());
      if (!target) throw new RpcError("failed", "the results have no capability of the peer there");
      return target;
    };
    const promisedAnswer = () => ({
      questionId: question.id,
      transform: path.map(({ offset }) => ({ getPointerField: offset })),
    });
    const address = () => settled()?.address() ?? { promisedAnswer: promisedAnswer() };
    return {
      connection: this, call: this.#caller(address), address,
      descriptor: () => settled()?.descriptor() ?? { receiverAnswer: promisedAnswer() },
      release: () => {
        if (question.value !== undefined) return Remote.target(at())?.release();
        question.promise.then(() => Remote.target(at())?.release(), () => {});
      },
    };
  }

  #receive(bytes) {
    const reader = new Reader(bytes, this.#limits);
    const message = reader.root(types.Message);
    const which = message?.which;
    const body = message?.[which];
    if (which === "unimplemented") return this.#unimplemented(body);
    // Of three sides, of a later version, or out of use.
    if (which === undefined) return this.#tell({ unimplemented: {} });
    if (!body) throw new Error("a message is empty");
    switch (which) {
      case "bootstrap": return this.#answers.bootstrapped(body);
      case "call": return this.#answers.called(reader, body, bytes.length);
      case "finish": return this.#answers.finished(body);
      case "disembargo": return this.#answers.disembargo(body);
      case "return": return this.#returned(reader, body);
      case "release": return this.#exports.release(body.id, body.referenceCount);
      case "resolve": return this.#resolved(body.cap);
      case "abort": return this.#end(this.#failure(body));
    }
  }

  /**
   * Puts a message's table of capabilities before its reader. Returns what has to be waited for:
   * those that will be in answers of this side.
   */
  #table(reader, payload) {
    const pending = [];
    const entries = (payload?.capTable ?? []).map((descriptor) => {
      switch (descriptor.which) {
        case "senderHosted": return this.#imported(descriptor.senderHosted);
        // It can be called at once, and stays what it is when it is resolved.
        case "senderPromise": return this.#imported(descriptor.senderPromise);
        // It forwards to the third party.
        case "thirdPartyHosted": return this.#imported(descriptor.thirdPartyHosted.vineId);
        case "receiverHosted": return this.#exports.get(descriptor.receiverHosted);
        case "receiverAnswer": {
          const entry = { object: null };
          const keep = ({ value }) => { entry.object = value; };
          pending.push(this.#answers.pipelined(descriptor.receiverAnswer).then(keep, () => {}));
          return entry;
        }
        default: return null;
      }
    });
    reader.capability = (index, type) => {
      const entry = entries[index];
      if (!entry) return null;
      return "object" in entry ? entry.object : remote(type, entry);
    };
    return pending;
  }

  #returned(reader, answer) {
    const { answerId, which, noFinishNeeded } = answer;
    const question = this.#questions.get(answerId);
    if (!question || question.answered) throw new Error("there is no such question");
    // If this answer ends the connection, the question ends with it.
    question.answered = true;
    if (answer.releaseParamCaps) {
      for (const id of question.exported) this.#exports.release(id, 1);
    }
    const end = (error) => {
      this.#questions.delete(answerId);
      settle(question, error);
    };
    // Its results were given back by the `finish` that cancelled it.
    if (question.cancelled) return end();
    if (which === "results") {
      if (this.#table(reader, answer.results).length > 0) {
        throw new Error("a capability in an answer of this side cannot be answered");
      }
      const { content } = answer.results ?? {};
      const { results } = question;
      question.value = content?.as(results) ?? (results.fields ? reader.defaults(results) : null);
    }
    const taken = which === "takeFromOtherQuestion" && this.#answers.taken(answer[which]);
    if (!noFinishNeeded) this.#tell(finish(answerId, false));
    if (which === "results") return end();
    if (which === "exception") return end(this.#failure(answer.exception));
    if (!taken) throw new Error("it answers in a way that was not asked for");
    taken.then((value) => {
      question.value = value;
      end();
    }, (error) => end(error ?? new RpcError("failed", "it failed")));
  }

  /** A promise goes on to work when it is resolved; so what it came to is given back. */
  #resolved(cap) {
    const id = cap?.senderHosted ?? cap?.senderPromise ?? cap?.thirdPartyHosted?.vineId;
    if (id !== undefined) this.#tell({ release: { id, referenceCount: 1 } });
  }

  /** The other side does not know a message of this one. */
  #unimplemented(message) {
    const id = message?.call?.questionId ?? message?.bootstrap?.questionId;
    const question = this.#questions.get(id);
    if (!question || question.answered) return;
    this.#questions.delete(id);
    settle(question, new RpcError("unimplemented", "the other side knows no calls"));
  }

  #failure(exception) {
    const { type, reason } = exception ?? { type: "failed", reason: "" };
    const kind = typeof type === "string" ? type : "failed";
    const text = reason.slice(0, this.#limits.reasonCharacters);
    return new RpcError(/** @type {any} */ (kind), text);
  }
}

const finish = (questionId, releaseResultCaps) =>
  ({ finish: { questionId, releaseResultCaps, requireEarlyCancellationWorkaround: false } });

/** Ends a question, by the results that it has or by this error. */
function settle(question, error) {
  question.ended?.();
  if (error === undefined) return question.resolve(question.value);
  question.error ??= error;
  question.reject(error);
}
