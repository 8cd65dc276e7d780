// A page that uses the real server, in every way that this project's pages do.

import { connect, RpcError } from "/-/capnp/rpc.js";
import { Auditor, ReturningOfficer } from "/-/capnp/officer-schema.js";
import * as schema from "/-/capnp/schema.js";
import { equal, failure } from "./cases.js";

/** Something that happens later: `await` it, or make it happen with `come`. */
function event() {
  let come;
  const coming = new Promise((resolve) => { come = resolve; });
  return Object.assign(coming, { come });
}

/** A connection, and the events of its end and of what this page passes. */
async function open(options = {}) {
  const closed = event();
  const url = location.origin.replace(/^http/, "ws") + "/rpc";
  const connection = await connect(url, { onClosed: closed.come, ...options });
  return { connection, closed, directory: await connection.bootstrap(schema.Directory) };
}

const bytes = (hex) => Uint8Array.from(hex.match(/../g), (it) => parseInt(it, 16));

/** A sink for messages, which tells when the server has let go of it. */
function sink(answer = () => {}) {
  const texts = [], gone = event();
  return {
    texts, gone,
    message({ text, padding }) {
      equal(padding.every((byte) => byte === 0), true, "padding");
      texts.push(text);
      return answer();
    },
    released: gone.come,
  };
}

/** Votes, again with the same nonce, and a second time. Returns the receipt and the nonce. */
export async function votes() {
  const { connection, directory } = await open();
  const { election } = await directory.election({ id: "board" });
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const receipts = [];
  for (const candidate of ["Ada", "Ada", "Grace"]) {
    const messages = sink();
    const { outcome } = await election.vote({ candidate, voterNumber: 7n, messages, nonce });
    equal(messages.texts.length, 1, "the message comes before the outcome");
    equal(outcome.which, candidate === "Ada" ? "recorded" : "alreadyVoted");
    if (outcome.recorded) receipts.push(outcome.recorded);
    await messages.gone;
  }
  equal(receipts[0], receipts[1]);
  const nobody = { candidate: "Nobody", voterNumber: 8n, messages: null, nonce };
  const unknown = await election.vote(nobody);
  equal(unknown.outcome.unknownCandidate, ["Ada", "Grace"]);
  const { candidate, votes, status } = await election.result({ candidate: "Ada" });
  equal([candidate, votes, status], ["Ada", 1n, "provisional"]);
  const { info } = await election.info();
  equal([info.state, info.voters, info.rules, info.blank], ["open", 1000n, null, false]);
  equal(connection.usage.exports, 0);
  connection.close();
  return { commitment: receipts[0].commitment, nonce: Array.from(nonce) };
}

/** Sinks that raise, hang or throw change nothing. */
export async function badSinks() {
  const { connection, directory } = await open();
  const { election } = await directory.election({ id: "board" });
  const hangs = new Promise(() => {});
  const sinks = [
    sink(() => { throw new Error("no"); }), sink(() => hangs), { message: 5 }, {},
    { message: () => ({ unknown: 1 }) },
  ];
  for (const [index, messages] of sinks.entries()) {
    const voterNumber = BigInt(100 + index);
    const { outcome } = await election.vote({ candidate: "Grace", voterNumber, messages });
    equal(outcome.which, "recorded", index);
  }
  connection.close();
  await sinks[1].gone;
}

let watching;

/** Begins to watch. Returns how many have voted. */
export async function watch() {
  const { connection, directory } = await open();
  const { election } = await directory.election({ id: "board" });
  let next = event();
  const observer = {
    gone: event(),
    changed({ results }) {
      next.come(results);
    },
    done() {},
    released() {
      this.gone.come();
    },
  };
  const { subscription } = await election.watch({ observer });
  const change = async () => {
    const results = await next;
    next = event();
    return results;
  };
  watching = { connection, observer, subscription, change };
  const results = await change();
  equal([results.status, results.elected], ["provisional", []]);
  return Number(results.turnout.ballots);
}

/** Waits for a change that tells of this many votes. */
export async function change(ballots) {
  for (;;) {
    const results = await watching.change();
    if (results.turnout.ballots === BigInt(ballots)) return results.candidates.length;
  }
}

/** Stops watching: the server lets go of the observer. */
export async function stopWatching() {
  watching.subscription.release();
  await watching.observer.gone;
  equal(watching.connection.usage.exports, 0);
  watching.connection.close();
}

/** Counts the lines of a file through its own two objects. Returns their number. */
async function countLines(counter, file) {
  let at = 0, reading = 0;
  const remote = {
    gone: event(),
    async read({ offset, length }) {
      equal(reading++, 0, "one call at a time");
      // As a dropped file does it.
      const slice = file.slice(Number(offset), Number(offset) + length);
      const data = new Uint8Array(await slice.arrayBuffer());
      reading--;
      return { data };
    },
    released() { this.gone.come(); },
  };
  const whole = new Uint8Array(await file.arrayBuffer());
  let handling = 0, done = 0;
  const lines = {
    gone: event(),
    async lines({ lines }) {
      equal(handling++, 0, "a stream's calls come one at a time");
      for (const line of lines) {
        const end = at + line.length;
        if (line.at(-1) !== 10 && end !== whole.length) throw new Error("a line does not end");
        for (let index = 0; at < end; at++, index++) {
          if (line[index] !== whole[at]) throw new Error(`byte ${at} differs`);
        }
      }
      await new Promise((resolve) => setTimeout(resolve));
      handling--;
    },
    done() {
      equal([at, handling, done++], [whole.length, 0, 0]);
    },
    released() { this.gone.come(); },
  };
  const { count } = await counter.countLines({ file: remote, lines });
  equal(done, 1);
  await Promise.all([remote.gone, lines.gone]);
  return count;
}

/** Counts the lines of files of each kind. */
export async function lines() {
  const { connection, directory } = await open();
  const { counter } = await directory.lineCounter();
  const long = new Uint8Array(8 << 20).fill(97);
  for (let at = 79; at < long.length; at += 80) long[at] = 10;
  const before = performance.now();
  equal(await countLines(counter, new Blob([long])), BigInt(Math.ceil(long.length / 80)));
  const ms = performance.now() - before;
  equal(await countLines(counter, new Blob([])), 0n);
  equal(await countLines(counter, new Blob(["one\ntwo\nthree"])), 3n);
  equal(await countLines(counter, new Blob(["x".repeat(1 << 20), "\n"])), 1n);
  equal(connection.usage.exports, 0);

  const broken = { read() { throw new Error("the file is gone"); } };
  const nowhere = { lines() {}, done() {} };
  const error = await failure(counter.countLines({ file: broken, lines: nowhere }));
  equal([error.kind, /the file is gone/.test(error.message)], ["failed", true], error.message);
  connection.close();
  return ms;
}

/** A call that is cancelled while the server waits for this page. */
export async function cancels() {
  const { connection, directory } = await open();
  const { counter } = await directory.lineCounter();
  const asked = event(), gone = event(), control = new AbortController();
  const file = { read() { asked.come(); return new Promise(() => {}); }, released: gone.come };
  const counting = counter.countLines({ file, lines: { lines() {}, done() {} } },
    { signal: control.signal });
  await asked;
  control.abort(new Error("enough"));
  equal((await failure(counting)).message, "enough");
  const { elections } = await directory.elections();
  equal(elections.length > 0, true);
  connection.close();
  await gone;
}

/** An officer: from creating to the sheet. */
export async function officer(token) {
  const { connection, directory } = await open();
  const { capability } = await directory.restore({ token: bytes(token) });
  const spec = {
    id: "page", title: "From a page", candidates: ["A", "B"], publication: "sealed", blank: true,
  };
  const { outcome, administration } = await capability.as(ReturningOfficer).create({ spec });
  equal(outcome.which, "done");
  const again = await capability.as(ReturningOfficer).create({ spec });
  equal([again.outcome.which, again.administration], ["refused", null]);

  const { registrar } = await administration.registrar();
  const numbers = [], gone = event();
  let isKept = false;
  const into = {
    numbers({ numbers: more }) { numbers.push(...more); },
    async done() {
      await new Promise((resolve) => setTimeout(resolve));
      isKept = true;
    },
    released: gone.come,
  };
  equal((await registrar.issue({ count: 2_000, into })).outcome.which, "done");
  equal([numbers.length, new Set(numbers).size, isKept], [2_000, 2_000, true]);
  await gone;
  const revoked = await registrar.revokeNumbers({ numbers: numbers.slice(0, 3) });
  equal(revoked.outcome.which, "done");

  equal((await administration.open()).outcome.which, "done");
  const { election } = await administration.election();
  const cast = numbers.slice(3, 303).map((voterNumber, index) =>
    election.vote({ candidate: index % 3 === 0 ? "A" : "", voterNumber, messages: sink() }));
  for (const { outcome } of await Promise.all(cast)) equal(outcome.which, "recorded");
  equal((await administration.close()).outcome.which, "done");

  const { auditor } = await administration.auditor();
  const sheet = [];
  let done = 0;
  const sheetSink = { lines({ lines }) { sheet.push(...lines); }, done() { done++; } };
  equal((await auditor.tallySheet({ into: sheetSink })).outcome.which, "done");
  const ada = sheet.filter((line) => line.candidate === "A");
  equal([sheet.length, done, ada.length, sheet[0].nonce.length], [300, 1, 100, 16]);
  equal((await auditor.checkLedger()).report.ballots, 300n);
  const wrong = await failure(capability.as(Auditor).turnout());
  equal([wrong instanceof RpcError, wrong.kind], [true, "unimplemented"]);
  const { results } = await election.results();
  equal([results.status, results.verdict, results.elected], ["final", "decided", ["A"]]);
  const { count } = await election.count();
  equal([count.rounds.length, count.pairs, count.rounds[0].step], [1, null, "first"]);
  connection.close();
}

/** Every kind of exception. */
export async function exceptions() {
  const { connection, directory } = await open();
  const unknown = await failure(directory.election({ id: "nope" }));
  equal([unknown instanceof RpcError, unknown.kind], [true, "failed"]);
  equal(/nope.*board/.test(unknown.message), true, unknown.message);
  equal((await failure(directory.restore({ token: new Uint8Array(32) }))).kind, "failed");
  const { election } = await directory.election({ id: "board" });
  equal((await failure(election.as(schema.LineCounter).countLines())).kind, "unimplemented");
  const observer = { changed() {}, done() {} };
  const watches = [];
  const full = await failure((async () => {
    for (let count = 0; count <= 64; count++) watches.push(await election.watch({ observer }));
  })());
  equal([full.kind, watches.length], ["overloaded", 64]);
  connection.close();
  equal((await failure(election.info())).kind, "disconnected");
}

/** Calls on what is not here yet. */
export async function pipelines() {
  const { connection } = await open();
  const directory = connection.bootstrap(schema.Directory).pipeline;
  const { info } = await directory.election({ id: "board" }).pipeline.election.info();
  equal(info.id, "board");
  const nothing = directory.election({ id: "nope" });
  const error = await failure(nothing.pipeline.election.info());
  equal(/nope/.test(error.message), true, error.message);
  const answer = directory.election({ id: "board" });
  const { election } = answer.pipeline;
  await answer;
  equal((await election.info()).info.id, "board");
  connection.close();
}

/** A connection may hold 256 officers' capabilities: those that are garbage are given back. */
export async function forgets(token) {
  const { connection, directory } = await open();
  for (let count = 0; count < 600; count++) {
    await directory.restore({ token: bytes(token) });
    // The callbacks of a collection are tasks.
    if (count % 100 === 99) {
      for (let turn = 0; connection.usage.imports > 50; turn++) {
        if (turn > 1_000) throw new Error(`${connection.usage.imports} are never given back`);
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
  }
  connection.close();
}

/** The same, where each is given back at once. */
export async function releases(token) {
  const { connection, directory } = await open();
  for (let count = 0; count < 600; count++) {
    const { capability } = await directory.restore({ token: bytes(token) });
    capability.release();
  }
  equal(connection.usage.imports, 1);
  connection.close();
}

let last;

/** Connects, and passes an observer. */
export async function stay() {
  last = await open();
  const { election } = await last.directory.election({ id: "board" });
  last.observer = { changed() {}, done() {}, gone: event(), released() { this.gone.come(); } };
  await election.watch({ observer: last.observer });
  last.election = election;
}

/** Waits until the server has ended the connection. */
export async function end() {
  const error = await last.closed;
  await last.observer.gone;
  equal([error.kind, (await failure(last.election.info())).kind], ["disconnected", "disconnected"]);
}

/** A server that is not there. */
export async function nobody() {
  const error = await failure(connect(`${location.origin.replace(/^http/, "ws")}/nothing`));
  equal([error instanceof RpcError, error.kind], [true, "disconnected"]);
}
