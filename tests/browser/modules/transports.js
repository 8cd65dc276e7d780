// Connections without a network: to another connection of this page, or to a script.

import { Connection } from "/-/capnp/rpc.js";
import { types as rpc } from "/-/capnp/rpc-schema.js";
import { decode, define, encode } from "/-/capnp/wire.js";

/** What the tests call. */
export const { Main, Sink, Odd, Other } = define(`
interface Main 1a
 echo
 >1 3
 text text 0
 number u64 0
 sink Sink 1
 main Main 2
 <1 3
 text text 0
 number u64 0
 sink Sink 1
 main Main 2
 hang
 fail
 >1 1
 kind u8 0
 reason text 0
interface Sink 2b
 put
 >0 1
 text text 0
 <0 0
interface Odd 3c
 toString
 constructor
 then
 valueOf
interface Other 4d
 other
`);

/** A transport with a far end: `arrive` is called by that, and `sent` is what it gets. */
export function transport() {
  const inbox = [];
  let wake = () => {}, ended = false;
  return {
    sent: [],
    onSend() {},
    onClose() {},
    send(message) {
      this.sent.push(message);
      this.onSend(message);
    },
    async receive() {
      for (;;) {
        if (inbox.length > 0) return inbox.shift();
        if (ended) return null;
        await new Promise((resolve) => { wake = resolve; });
      }
    },
    arrive(message) {
      inbox.push(message);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    close() {
      this.end();
      this.onClose();
    },
  };
}

/** Two connections to each other, with these bootstrap objects. */
export function pair(here, there, { type = Main, ...options } = {}) {
  const [near, far] = [transport(), transport()];
  near.onSend = (message) => far.arrive(message);
  far.onSend = (message) => near.arrive(message);
  near.onClose = () => far.end();
  far.onClose = () => near.end();
  const make = (transport, object) => new Connection(transport, {
    ...options, bootstrap: object && { type, object },
  });
  return [make(near, here), make(far, there), near, far];
}

/** A connection to a peer that says what a test wants it to. */
export function script(object, options = {}) {
  const line = transport();
  const errors = [];
  const connection = new Connection(line, {
    bootstrap: { type: Main, object }, onClosed: (error) => errors.push(error), ...options,
  });
  return {
    connection, line, errors,
    say(message) {
      line.arrive(message instanceof Uint8Array ? message : encode(rpc.Message, message));
    },
    /** What the connection has sent so far. */
    get heard() {
      return line.sent.map((message) => decode(rpc.Message, message));
    },
    /** Waits until all is handled that was said. */
    settled: () => new Promise((resolve) => setTimeout(resolve)),
  };
}

/** A call of the method of this number. */
export const call = (questionId, target, methodId, params = {}, more = {}) => ({
  call: { questionId, target, interfaceId: 0x1an, methodId, params, ...more },
});

export const TEXT = define("struct Text 1 1\n text text 0").Text;

/** The bootstrap object of the page. */
export const main = {
  echo: (params) => params,
  hang: () => new Promise(() => {}),
  fail() { throw new Error("no"); },
};

/** The peer asks for that first, and then holds the page's export 0. */
export const ASKED = { bootstrap: { questionId: 1_000 } };
export const MAIN = { importedCap: 0 };
export const content = { type: TEXT, value: { text: "x" } };

/** The capability at a pointer of an answer's results. */
export const inAnswer = (questionId, getPointerField) =>
  ({ promisedAnswer: { questionId, transform: [{ getPointerField }] } });

/** A call of `echo` with this capability in its table. */
export const passing = (questionId, descriptor) => encode(rpc.Message, call(questionId, MAIN, 0, {
  content: { type: Main.methods.get("echo").params, value: { main: 0 } }, capTable: [descriptor],
}), { capability: () => 0 });

/** What a message of the connection is about, as short as in the table. */
export function short(message) {
  const { which } = message;
  if (which === "return") {
    const type = message.return.exception?.type;
    return { which: message.return.which, ...(type && { type }) };
  }
  if (which === "release") return { release: message.release };
  return which === "unimplemented" ? message.unimplemented.which : which;
}

/** A connection, with its own question 0, whose peer holds its export 0. */
export async function begin(options) {
  const peer = script(main, options);
  const asking = peer.connection.bootstrap(Main);
  asking.catch(() => {});
  peer.say(ASKED);
  await peer.settled();
  peer.line.sent.length = 0;
  return { ...peer, peer, asking };
}
