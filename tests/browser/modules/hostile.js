// A connection against a peer that breaks the protocol or floods it.

import { types as rpc } from "/-/capnp/rpc-schema.js";
import { LIMITS } from "/-/capnp/rpc.js";
import { define, encode } from "/-/capnp/wire.js";
import { equal, failure } from "./cases.js";
import {
  ASKED, begin, call, content, inAnswer, MAIN, main, Main, script, short, TEXT,
} from "./transports.js";
import { altered, generator } from "./wire.js";

const DATA = define("struct Data 1 4\n data data 0").Data;

/** How many connections get altered messages. */
const ALTERED = 20_000;

const hosted = (count, id = (index) => index) =>
  Array.from({ length: count }, (_, index) => ({ senderHosted: id(index) }));
const times = (count, message) =>
  Array.from({ length: count }, (_, index) => message(2_000 + index));

/** A message in which `unimplemented` is within itself. */
const nested = (depth) => ({ unimplemented: depth === 0 ? null : nested(depth - 1) });

const LIST = { kind: "list", of: TEXT.fields.get("text").type };
const MUCH = { type: DATA, value: { data: new Uint8Array(15 << 20) } };
const embargo = (context) => ({ disembargo: { target: MAIN, context } });
const unimplemented = { which: "exception", type: "unimplemented" };

const answer = (outcome) => ({ return: { answerId: 0, ...outcome } });
const finish = (questionId) => ({ finish: { questionId } });
const release = (id, referenceCount) => ({ release: { id, referenceCount } });

/** A message of a kind that the tables do not have. */
const ofKind = (kind) => encode(define("struct Kind 1 1\n kind u16 0").Kind, { kind });

/** What ends the connection, by its reason. Question 0 of the page is its own bootstrap. */
const ENDING = {
  "the message is too short": { "three bytes": [new Uint8Array(3)] },
  "the message has too many segments": {
    "random bytes": [Uint8Array.from({ length: 80 }, (_, index) => index * 37)],
  },
  "the message is too deep": { "a message within itself": [nested(100)] },
  "a message is empty": { "an empty call": [{ call: null }] },
  "there is no struct where one has to be": {
    "parameters that are none": [call(1, MAIN, 0, { content: { type: LIST, value: ["x"] } })],
  },
  "there is no such question": {
    "an answer to nothing": [{ return: { answerId: 99, results: {} } }],
    "two answers": [answer({ results: {} }), answer({ canceled: null })],
    "an answer that is no question's": [answer({ takeFromOtherQuestion: 7 })],
    "a finish of nothing": [finish(5)],
    "a call on no answer": [call(1, { promisedAnswer: { questionId: 77 } }, 0)],
    "a call without a target": [call(1, null, 0)],
    "an embargo of no answer": [embargo({ senderLoopback: 0 })],
    "an argument": [call(1, MAIN, 0, { capTable: [{ receiverAnswer: { questionId: 77 } }] })],
  },
  "it answers in a way that was not asked for": {
    "an answer from elsewhere": [answer({ resultsSentElsewhere: null })],
    "an answer of another kind": [answer({ canceled: null })],
  },
  "a question is finished twice": { "two finishes": [call(1, MAIN, 1), finish(1), finish(1)] },
  "a question's number is taken": { "two calls": [call(1, MAIN, 1), call(1, MAIN, 1)] },
  "the peer holds no such object": {
    "a release of nothing": [release(9, 1)],
    "a release, twice": [release(0, 1), release(0, 1)],
    "a call on nothing": [call(1, { importedCap: 77 }, 0)],
    "an argument": [call(1, MAIN, 0, { capTable: [{ receiverHosted: 5 }] })],
  },
  "the peer gives back what it does not hold": {
    "a release of too much": [release(0, 2)],
    "a release of very much": [release(0, 0xffffffff)],
  },
  "a capability in an answer of this side cannot be answered": {
    "results": [answer({ results: { capTable: [{ receiverAnswer: { questionId: 1_000 } }] } })],
  },
  "there was no such embargo": {
    "one of the page": [embargo({ receiverLoopback: 0 })],
  },
  "there are too many capabilities": {
    "in one message": [call(1, MAIN, 0, { capTable: hosted(LIMITS.imports + 1) })],
    "in two": [
      call(1, MAIN, 0, { capTable: hosted(LIMITS.imports) }),
      call(2, MAIN, 0, { capTable: hosted(1, () => LIMITS.imports) }),
    ],
  },
  "there are too many calls": {
    "of a method that hangs": times(LIMITS.answers, (id) => call(id, MAIN, 1)),
    "of one that answers": times(LIMITS.answers, (id) => call(id, MAIN, 2)),
    "for the bootstrap object":
      times(LIMITS.answers, (questionId) => ({ bootstrap: { questionId } })),
  },
  "there are too many bytes of calls": {
    "15 MiB each": times(5, (id) => call(id, MAIN, 1, { content: MUCH })),
  },
};

/** All of them: the reason, the name, and the messages. */
const ENDINGS = Object.entries(ENDING).flatMap(([reason, cases]) =>
  Object.entries(cases).map(([name, messages]) => ({ reason, name, messages })));

/** What is borne: the messages, and what the connection says to them. */
const BORNE = {
  "a method that is none": [[call(1, MAIN, 99)], [unimplemented]],
  "another interface": [[call(1, MAIN, 0, {}, { interfaceId: 7n })], [unimplemented]],
  "a method that fails": [[call(1, MAIN, 2)], [{ which: "exception", type: "failed" }]],
  "a capability many times":
    [[call(1, MAIN, 0, { capTable: hosted(100_000, () => 3) })], [{ which: "results" }]],
  "no parameters": [[call(1, MAIN, 0, null)], [{ which: "results" }]],
  "a finish before the answer":
    [[call(1, MAIN, 0), { finish: { questionId: 1 } }], [{ which: "canceled" }]],
  "an answer's place without a capability": [
    [call(1, MAIN, 0), call(2, inAnswer(1, 1), 0)],
    [{ which: "results" }, { which: "exception", type: "failed" }],
  ],
  "a promise that is resolved": [
    [
      { resolve: { promiseId: 8, cap: { senderHosted: 9 } } },
      { resolve: { promiseId: 8, exception: {} } },
    ],
    [{ release: { id: 9, referenceCount: 1 } }],
  ],
  "an offer of a third party, and what is out of use":
    [[7, 9, 10, 11, 12, 14, 999].map(ofKind), times(7, () => "unimplemented")],
  "a message without a root": [
    [Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, ...new Array(8).fill(0))], ["unimplemented"],
  ],
  "not knowing a message":
    [[{ unimplemented: { release: { id: 1, referenceCount: 1 } } }, nested(5)], []],
};

function unharmed(connection) {
  for (const [name, count] of Object.entries(connection.usage)) {
    if (count > LIMITS[name]) throw new Error(`${name}: ${count}`);
  }
  equal([Object.keys(Object.prototype), {}.polluted], [[], undefined]);
}

export const tests = {
  async "what breaks the protocol ends the connection"() {
    for (const { reason, name, messages } of ENDINGS) {
      const { connection, say, settled, errors, peer, asking } = await begin();
      messages.forEach(say);
      for (let turns = 0; errors.length === 0 && turns < 10; turns++) await settled();
      const text = `the other side broke the protocol: ${reason}`;
      equal(errors.map(({ kind, message }) => [kind, message]), [["failed", text]], name);
      equal(peer.heard.at(-1).abort?.reason, text, name);
      // Some have answered it.
      await asking.catch(() => {});
      equal(Object.values(connection.usage), [0, 0, 0, 0, 0, 0], name);
      // Whatever comes then is not heard.
      const { length } = peer.heard;
      say(call(1, MAIN, 0));
      await settled();
      equal(peer.heard.length, length, name);
    }
  },
  async "an abort ends the connection, and is not answered"() {
    const { say, settled, errors, peer, asking } = await begin();
    say({ abort: { reason: "enough", type: "overloaded" } });
    await settled();
    equal(errors.map(({ kind, message }) => [kind, message]), [["overloaded", "enough"]]);
    equal([(await failure(asking)).kind, peer.heard.length], ["overloaded", 0]);
  },
  async "tables are filled to the limit, and not beyond"() {
    const { connection, say, settled, errors } = await begin();
    // The peer's first question is its own for the bootstrap object.
    times(LIMITS.answers - 1, (index) => call(index, MAIN, 1)).forEach(say);
    await settled();
    equal([errors.length, connection.usage.answers], [0, LIMITS.answers]);
    unharmed(connection);
    say(call(1, MAIN, 1));
    await settled();
    equal([errors.length, connection.usage.answers], [1, 0]);
  },
  async "altered messages harm no connection"() {
    const random = generator(5);
    const borne = Object.values(BORNE).map(([messages]) => messages);
    const originals = [...ENDINGS.map(({ messages }) => messages), ...borne]
      .filter((messages) => messages.length < 10).flat()
      .map((message) => message instanceof Uint8Array ? message : encode(rpc.Message, message))
      .filter((message) => message.length > 16 && message.length < 2_000);
    const unhandled = [];
    const note = (event) => unhandled.push(event.reason);
    globalThis.addEventListener?.("unhandledrejection", note);
    let ended = 0;
    for (let count = 0; count < ALTERED; count++) {
      const { connection, line, errors } = script(main);
      connection.bootstrap(Main).catch(() => {});
      line.arrive(encode(rpc.Message, ASKED));
      for (let messages = 0; messages < 4; messages++) {
        const original = originals[Math.floor(random() * originals.length)];
        line.arrive(altered(original, random));
      }
      for (let turns = 0; turns < 40; turns++) await null;
      if (errors.length > 1) throw new Error(`${count} ended twice`);
      ended += errors.length;
      unharmed(connection);
      connection.close();
    }
    await new Promise((resolve) => setTimeout(resolve));
    globalThis.removeEventListener?.("unhandledrejection", note);
    equal(unhandled.map(String), []);
    if (ended < ALTERED / 10 || ended === ALTERED) throw new Error(`${ended} connections ended`);
  },
  async "what can be borne is answered or ignored"() {
    for (const [name, [messages, answers]] of Object.entries(BORNE)) {
      const { connection, say, settled, errors, peer } = await begin();
      messages.forEach(say);
      await settled();
      equal(errors.map((error) => error.message), [], name);
      equal(peer.heard.map(short), answers, name);
      unharmed(connection);
      say(call(500, MAIN, 0, { content }));
      await settled();
      equal(peer.heard.some((message) => message.return?.answerId === 500), true, name);
    }
  },
  async "capabilities of many answers are counted"() {
    const { connection, say, settled, errors } = await begin({ limits: { imports: 10 } });
    const there = connection.bootstrap(Main);
    there.catch(() => {});
    for (let id = 0; id < 10; id++) say({ resolve: { promiseId: 0, cap: { senderHosted: id } } });
    say(call(1, MAIN, 0, { capTable: hosted(10) }));
    await settled();
    equal(errors, []);
    say(call(2, MAIN, 0, { capTable: hosted(1, () => 10) }));
    await settled();
    equal(errors.length, 1);
  },
};
