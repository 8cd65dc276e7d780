// Two connections that call each other.

import { RpcError } from "/-/capnp/rpc.js";
import { equal, failure } from "./cases.js";
import { Main, Odd, Other, pair, Sink } from "./transports.js";

/** An object with all methods of `Main`. */
function main() {
  return {
    gone: 0,
    echo: (params) => params,
    hang: () => new Promise(() => {}),
    fail({ kind, reason }) {
      const kinds = ["failed", "overloaded", "disconnected", "unimplemented"];
      throw kind < 4 ? new RpcError(kinds[kind], reason) : new TypeError(reason);
    },
    released() { this.gone++; },
  };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

export const tests = {
  async "values arrive and come back"() {
    const [near] = pair(null, main());
    const there = await near.bootstrap(Main);
    equal(await there.echo({ text: "Zoë", number: 5n }),
      { text: "Zoë", number: 5n, sink: null, main: null });
    equal(await there.echo(), { text: "", number: 0n, sink: null, main: null });
  },
  async "one's own object comes back as itself, and as what the other side may call"() {
    const [near, far] = pair(null, main());
    const there = await near.bootstrap(Main);
    const sink = { put() {}, gone: 0, released() { this.gone++; } };
    equal((await there.echo({ sink })).sink === sink, true);
    equal(near.usage.exports, 1);
    // The other side has not released it, and ends.
    far.close();
    await turn();
    equal([sink.gone, near.usage.exports], [1, 0]);
  },
  async "a capability is given back when it was released as often as it was received"() {
    const object = main();
    const [near, far] = pair(null, object);
    const there = await near.bootstrap(Main);
    const again = await near.bootstrap(Main);
    there.release();
    await again.echo();
    equal([object.gone, far.usage.exports], [0, 1]);
    again.release();
    await turn();
    equal([object.gone, far.usage.exports, near.usage.imports], [1, 0, 0]);
    equal((await failure(again.echo())).message, "the capability was released");
  },
  async "calls on one object come one at a time, in order"() {
    const seen = [];
    let running = 0;
    const object = {
      async echo({ number }) {
        equal(running++, 0);
        await turn();
        seen.push(number);
        running--;
        return {};
      },
    };
    const [near] = pair(null, object);
    const there = await near.bootstrap(Main);
    await Promise.all([1n, 2n, 3n].map((number) => there.echo({ number })));
    equal(seen, [1n, 2n, 3n]);
  },
  async "an object that hangs holds up no other"() {
    const [near] = pair(null, { ...main(), echo: () => ({ main: main() }) });
    const there = await near.bootstrap(Main);
    const { main: other } = await there.echo();
    there.hang().catch(() => {});
    equal((await other.echo({ text: "x" })).text, "x");
  },
  async "exceptions have their kinds"() {
    const [near] = pair(null, main());
    const there = await near.bootstrap(Main);
    const names = ["failed", "overloaded", "disconnected", "unimplemented", "failed"];
    for (const [kind, name] of names.entries()) {
      const error = await failure(there.fail({ kind, reason: `because ${kind}` }));
      equal([error instanceof RpcError, error.kind], [true, name]);
      equal(error.message, `because ${kind}`);
    }
    equal((await failure(there.fail({ reason: "x".repeat(9_000) }))).message.length, 2_000);
  },
  async "only an interface's own methods can be called"() {
    class Thing { echo() { return {}; } }
    const [near] = pair(null, new Thing());
    const there = await near.bootstrap(Main);
    await there.echo();
    equal((await failure(there.hang())).kind, "unimplemented");
    equal((await failure(there.as(Other).other())).kind, "unimplemented");
  },
  async "what every object has is no method"() {
    const [near] = pair(null, {}, { type: Odd });
    const odd = await near.bootstrap(Odd);
    equal((await failure(odd.toString())).kind, "unimplemented");
    equal((await failure(odd.valueOf())).kind, "unimplemented");
    // It is no promise, though its interface has a method `then`.
    equal([await odd === odd, typeof odd.then], [true, "undefined"]);
    const [own] = pair(null, { toString() {} }, { type: Odd });
    await (await own.bootstrap(Odd)).toString();
  },
  async "what a method or a caller gives has to be of the type"() {
    const [near] = pair(null, { echo: () => ({ number: "five" }) });
    const there = await near.bootstrap(Main);
    equal(/Main.echo.number/.test((await failure(there.echo())).message), true);
    equal((await failure(there.echo({ number: -1 }))) instanceof TypeError, true);
    equal((await failure(there.echo({ sink: 5 }))) instanceof TypeError, true);
    equal(near.usage.questions, 0);
  },
  async "a capability of another connection is refused"() {
    const [near] = pair(null, main()), [other] = pair(null, main());
    const there = await near.bootstrap(Main);
    const error = await failure(there.echo({ main: await other.bootstrap(Main) }));
    equal(/another connection/.test(error.message), true);
  },
  async "calls are made on results that are not here yet"() {
    const deep = { ...main(), echo: ({ text }) => ({ text: `deep ${text}` }) };
    const echo = async () => (await turn(), { main: deep });
    const [near, , line] = pair(null, { ...main(), echo });
    const there = near.bootstrap(Main).pipeline;
    const { text } = await there.echo().pipeline.main.echo({ text: "x" });
    equal([text, line.sent.length >= 3], ["deep x", true]);
    const failing = failure(there.fail({ kind: 1, reason: "no" }));
    equal((await failure(near.bootstrap(Main).pipeline.echo().pipeline.sink.put())).kind, "failed");
    equal((await failing).kind, "overloaded");
  },
  async "a capability that is not here yet is passed on and released"() {
    const object = main();
    const [near, far] = pair(null, object);
    const there = near.bootstrap(Main).pipeline;
    const back = there.echo({ main: there }).pipeline.main;
    // It is the same, so it was received twice. It is given back as soon as it is here.
    back.release();
    equal((await there.echo({ text: "x" })).text, "x");
    there.release();
    await turn();
    equal((await failure(back.echo())).message, "the capability was released");
    equal([near.usage.imports, far.usage.exports, far.usage.answers], [0, 0, 0]);
  },
  async "a call that is cancelled fails at once, and frees its number when it is answered"() {
    let end;
    const [near, far] = pair(null, { echo: () => new Promise((resolve) => { end = resolve; }) });
    const there = await near.bootstrap(Main);
    const control = new AbortController();
    const { signal } = control;
    const calling = there.echo({}, { signal });
    const queued = there.echo({}, { signal });
    await turn();
    control.abort(new Error("enough"));
    for (const call of [calling, queued]) equal((await failure(call)).message, "enough");
    equal((await failure(there.echo({}, { signal }))).message, "enough");
    equal([near.usage.questions, far.usage.answers], [2, 2]);
    await turn();
    end({});
    await turn();
    equal([near.usage.questions, far.usage.answers], [0, 0]);
  },
  async "an object that throws when it is let go of is reported"() {
    const [near, far] = pair(null, main());
    const there = await near.bootstrap(Main);
    const reported = new Promise((resolve) => {
      addEventListener("error", (event) => {
        event.preventDefault();
        resolve(event.message);
      }, { once: true });
    });
    await there.echo({ sink: { put() {}, released() { throw new Error("in released"); } } });
    far.close();
    equal(/in released/.test(await reported), true);
  },
  async "calls of a connection that was closed fail, and it tells once"() {
    const told = [];
    const [near] = pair(null, main(), { onClosed: (error) => told.push(error.kind) });
    const there = await near.bootstrap(Main);
    const hanging = there.hang();
    near.close();
    near.close();
    equal((await failure(hanging)).kind, "disconnected");
    equal((await failure(there.echo())).kind, "disconnected");
    await turn();
    equal(told, ["disconnected", "disconnected"], "one of each side");
  },
};
