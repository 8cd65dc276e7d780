// The calls of the other side: they are carried out here, and answered.

import { Remote, RpcError } from "./capabilities.js";

/** @import { Call } from "./shapes.d.ts" */

/** The calls that the peer has not finished. */
export class Answers {
  #side;
  /** @type {Map<number, Call>} */
  #answers = new Map();
  /** The last call of each object: the next one waits for it. */
  #turns = new WeakMap();
  /** The messages of the calls that are not answered, in bytes. */
  bytes = 0;

  constructor(side) {
    this.#side = side;
  }

  get size() {
    return this.#answers.size;
  }

  clear() {
    this.#answers.clear();
    this.bytes = 0;
  }

  bootstrapped({ questionId }) {
    const { bootstrap } = this.#side;
    const answer = this.#add(questionId, 0);
    answer.done = bootstrap
      ? Promise.resolve({ type: bootstrap.type, value: bootstrap.object })
      : Promise.reject(new RpcError("unimplemented", "there is no bootstrap capability here"));
    this.#answer(answer);
  }

  /** Carries out a call, whose message has this many bytes. */
  called(reader, call, bytes) {
    const { questionId, target, params, sendResultsTo } = call;
    const answer = this.#add(questionId, bytes);
    answer.elsewhere = sendResultsTo.which === "yourself";
    const pending = this.#side.table(reader, params);
    const start = async (object, type) => {
      if (pending.length > 0) await Promise.all(pending);
      return this.#start(answer, object, type, reader, call);
    };
    if (target?.which === "importedCap") {
      const { object, type } = this.#side.exports.get(target.importedCap);
      answer.done = this.#turn(object, () => start(object, type));
    } else {
      answer.done = this.pipelined(target?.promisedAnswer).then(({ type, value }) =>
        // What is the other side's own is forwarded at once, in order.
        Remote.target(value) ? start(value, type) : this.#turn(value, () => start(value, type)));
    }
    this.#answer(answer);
  }

  #add(questionId, bytes) {
    const { answers, callBytes } = this.#side.limits;
    if (this.#answers.has(questionId)) throw new Error("a question's number is taken");
    this.bytes += bytes;
    if (this.#answers.size >= answers) throw new Error("there are too many calls");
    if (this.bytes > callBytes) throw new Error("there are too many bytes of calls");
    const answer = /** @type {Call} */ ({
      id: questionId, bytes, returned: false, finished: false,
      exported: /** @type {number[]} */ ([]),
    });
    this.#answers.set(questionId, answer);
    return answer;
  }

  /** Does this once the object's calls before are done: a stream relies on that. */
  #turn(object, start) {
    const turn = (this.#turns.get(object) ?? Promise.resolve()).then(start);
    this.#turns.set(object, turn.catch(() => {}));
    return turn;
  }

  async #start(answer, object, type, reader, { interfaceId, methodId, params }) {
    if (!Remote.target(object)) await this.#side.drained();
    if (answer.finished || this.#answers.get(answer.id) !== answer) return { type, value: null };
    for (const method of type.methods.values()) {
      const { name } = method;
      if (method.interfaceId !== interfaceId || method.index !== methodId) continue;
      if (typeof object[name] !== "function" || object[name] === Object.prototype[name]) continue;
      let value;
      try {
        value = params?.content?.as(method.params) ?? reader.defaults(method.params);
      } catch (error) {
        this.#side.abort(error);
        throw error;
      }
      return { type: method.results, value: await object[name](value) ?? {} };
    }
    throw new RpcError("unimplemented", "there is no such method here");
  }

  /** Returns what a call comes to. */
  #answer(answer) {
    answer.done.then(
      ({ type, value }) => this.#return(answer, answer.elsewhere ? { resultsSentElsewhere: null }
        : (capTable) => ({ results: { content: { type, value }, capTable } })),
      (error) => this.#return(answer, { exception: this.#exception(error) }),
    );
  }

  #return(answer, outcome) {
    if (this.#answers.get(answer.id) !== answer) return;
    this.bytes -= answer.bytes;
    if (answer.finished) outcome = { canceled: null };
    const tell = (outcome) => this.#side.tell((table) => ({
      return: {
        answerId: answer.id, releaseParamCaps: false,
        ...(typeof outcome === "function" ? outcome(table) : outcome),
      },
    }), answer.exported);
    try {
      tell(outcome);
    } catch (error) {
      tell({ exception: this.#exception(error) });
    }
    answer.returned = true;
    if (answer.finished) this.#answers.delete(answer.id);
  }

  #exception(error) {
    const isOurs = error instanceof RpcError;
    const reason = error instanceof Error ? error.message : "it failed";
    return {
      reason: reason.slice(0, this.#side.limits.reasonCharacters),
      type: isOurs ? error.kind : "failed",
    };
  }

  #get(questionId) {
    const answer = this.#answers.get(questionId);
    if (!answer) throw new Error("there is no such question");
    return answer;
  }

  finished({ questionId, releaseResultCaps }) {
    const answer = this.#get(questionId);
    if (answer.finished) throw new Error("a question is finished twice");
    answer.finished = true;
    if (!answer.returned) return;
    this.#answers.delete(questionId);
    if (releaseResultCaps) for (const id of answer.exported) this.#side.exports.release(id, 1);
  }

  /** The results of a call, which its sender asked to keep here. */
  taken(questionId) {
    return this.#get(questionId).done.then(({ value }) => value);
  }

  /** The other side wants to know when the calls that it sent to an answer have come back to it. */
  disembargo({ target, context }) {
    if (context.which !== "senderLoopback") throw new Error("there was no such embargo");
    this.pipelined(target?.promisedAnswer).then(({ value }) => {
      const to = Remote.target(value);
      if (!to) throw new Error("a capability that is not its own cannot come back to it");
      const { senderLoopback: receiverLoopback } = context;
      this.#side.tell({ disembargo: { target: to.address(), context: { receiverLoopback } } });
    }).catch(this.#side.abort);
  }

  /** The capability at a place of an answer, once that is there. */
  pipelined(promised) {
    const { done } = this.#get(promised?.questionId);
    return done.then(({ type, value }) => {
      for (const op of promised.transform) {
        if (op.which === "noop") continue;
        const found = [...type.fields ?? []].find(([name, field]) =>
          field.type.bits === undefined && field.type.kind !== "group" &&
          field.offset === op.getPointerField && value?.[name] !== undefined);
        if (!found) throw new RpcError("failed", "the results have no capability there");
        type = found[1].type;
        value = value[found[0]];
      }
      if (type.kind !== "interface" || !value) {
        throw new RpcError("failed", "the results have no capability there");
      }
      return { type, value };
    });
  }
}
