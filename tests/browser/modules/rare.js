// A connection at its own limits, and with a peer that does, by the protocol, what few do.

import { LIMITS } from "/-/capnp/rpc.js";
import { equal, failure } from "./cases.js";
import { begin, call, content, inAnswer, MAIN, Main, passing, short } from "./transports.js";

const hosted = (count) => Array.from({ length: count }, (_, index) => ({ senderHosted: index }));

export const tests = {
  async "the kind of an exception is one of four, and its text is cut"() {
    const kinds = [
      ["failed", "failed"], ["disconnected", "disconnected"], [77, "failed"], [0xffff, "failed"],
    ];
    for (const [type, kind] of kinds) {
      const { say, asking } = await begin();
      say({ return: { answerId: 0, exception: { reason: "__proto__".repeat(1_000), type } } });
      const error = await failure(asking);
      equal([error.kind, error.message.length], [kind, LIMITS.reasonCharacters]);
    }
    const { say, asking } = await begin();
    say({ return: { answerId: 0, exception: null } });
    equal((await failure(asking)).kind, "failed");
  },
  async "a peer that knows no calls is told from one that fails"() {
    const { say, asking, connection } = await begin();
    say({ unimplemented: { bootstrap: { questionId: 0 } } });
    equal((await failure(asking)).kind, "unimplemented");
    equal(connection.usage.questions, 0);
  },
  async "calls beyond the limit are refused, until others are answered"() {
    const { connection, say, settled } = await begin({ limits: { questions: 3 } });
    const kinds = [];
    const ask = () => connection.bootstrap(Main).catch((error) => kinds.push(error.kind));
    for (let count = 0; count < 4; count++) ask();
    await settled();
    equal([kinds, connection.usage.questions], [["overloaded", "overloaded"], 3]);
    say({ return: { answerId: 1, results: {} } });
    await settled();
    ask();
    await settled();
    equal([kinds.length, connection.usage.questions], [2, 3]);
  },
  async "what is too long or not sent fails, and the connection goes on"() {
    const limits = { messageBytes: 4_000, unsentBytes: 2_000 };
    const { connection, line } = await begin({ limits });
    const there = connection.bootstrap(Main).pipeline;
    const long = await failure(there.echo({ text: "x".repeat(5_000) }));
    equal(long instanceof RangeError, true);
    line.unsent = 900;
    const more = await failure(there.echo({ text: "x".repeat(500) }));
    equal([more.kind, connection.usage.questions], ["overloaded", 2]);
    line.unsent = 0;
    there.echo({ text: "x" }).catch(() => {});
    equal(connection.usage.questions, 3);
  },
  async "objects beyond the limit are refused, and those of the call are let go of"() {
    const { connection } = await begin({ limits: { exports: 2 } });
    const there = connection.bootstrap(Main).pipeline;
    let gone = 0;
    const sink = () => ({ put() {}, released() { gone++; } });
    there.echo({ sink: sink() }).catch(() => {});
    const error = await failure(there.echo({ sink: sink() }));
    equal([error.kind, connection.usage.exports, gone], ["overloaded", 2, 0]);
    connection.close();
    equal([connection.usage.exports, gone], [0, 1]);
  },
  async "a peer that reads nothing is given up"() {
    const { say, settled, errors, line } = await begin({ limits: { unsentBytes: 2_000 } });
    line.unsent = 1_990;
    say(call(1, MAIN, 0, { content }));
    await settled();
    equal([errors.length, errors[0]?.kind], [1, "overloaded"]);
  },
  async "no call of a peer is started while it reads nothing"() {
    let drained, waits = 0;
    const { say, settled, line, peer } = await begin();
    line.drained = () => { waits++; return new Promise((resolve) => { drained = resolve; }); };
    say(call(1, MAIN, 0, { content }));
    await settled();
    equal([waits, peer.heard.length], [1, 0]);
    drained();
    await settled();
    equal(peer.heard.map(short), [{ which: "results" }]);
  },
  async "results that are kept here are taken from there"() {
    const { say, settled, asking, peer } = await begin();
    say(call(1, MAIN, 0, { content }, { sendResultsTo: { yourself: null } }));
    await settled();
    equal(peer.heard.map(short), [{ which: "resultsSentElsewhere" }]);
    say({ return: { answerId: 0, takeFromOtherQuestion: 1 } });
    equal((await asking).text, "x");
  },
  async "an embargo is lifted behind the calls that were sent before"() {
    const { say, settled, peer } = await begin();
    // The peer passes its own object 9, and calls it by the answer that it comes back in.
    const target = inAnswer(1, 2);
    say(passing(1, { senderHosted: 9 }));
    say(call(2, target, 0, { content }));
    say({ disembargo: { target, context: { senderLoopback: 6 } } });
    await settled();
    const [answer, forwarded, lifted] = peer.heard;
    equal(answer.return.results.capTable.map((it) => it.receiverHosted), [9]);
    equal(forwarded.call.target.importedCap, 9);
    const { target: to, context } = lifted.disembargo;
    equal([to.importedCap, context.receiverLoopback], [9, 6]);
  },
  async "a capability in an answer is passed back before that is there"() {
    const { say, settled, peer } = await begin();
    say(passing(1, { senderHosted: 9 }));
    say(passing(2, { receiverAnswer: inAnswer(1, 2).promisedAnswer }));
    // There is none: it is null.
    say(passing(3, { receiverAnswer: inAnswer(1, 1).promisedAnswer }));
    await settled();
    const held = peer.heard.map((it) => it.return.results.capTable.map((it) => it.receiverHosted));
    equal(held, [[9], [9], []]);
  },
  async "a late answer to a cancelled call brings nothing"() {
    const { connection, say, settled, errors } = await begin();
    const control = new AbortController();
    const calling = connection.bootstrap(Main, { signal: control.signal });
    control.abort();
    await failure(calling);
    say({ return: { answerId: 1, results: { capTable: hosted(5) } } });
    await settled();
    equal([connection.usage.imports, connection.usage.questions, errors.length], [0, 1, 0]);
  },
  async "an answer can give back what the call has passed"() {
    const { connection, say, settled } = await begin();
    const there = connection.bootstrap(Main).pipeline;
    let gone = 0;
    there.echo({ sink: { put() {}, released() { gone++; } } }).catch(() => {});
    equal(connection.usage.exports, 2);
    say({ return: { answerId: 2, releaseParamCaps: false, results: {} } });
    await settled();
    equal([connection.usage.exports, gone], [2, 0]);
    there.echo({ sink: { put() {}, released() { gone++; } } }).catch(() => {});
    say({ return: { answerId: 2, releaseParamCaps: true, exception: {} } });
    await settled();
    equal([connection.usage.exports, gone], [2, 1]);
  },
};
