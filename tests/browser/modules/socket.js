// The transport over a WebSocket, which is scripted here.

import { connect, LIMITS, RpcError, WebSocketTransport } from "/-/capnp/rpc.js";
import { types as rpc } from "/-/capnp/rpc-schema.js";
import { encode } from "/-/capnp/wire.js";
import { equal, failure } from "./cases.js";
import { Main } from "./transports.js";

/** What a page sees of a WebSocket. */
class Socket {
  bufferedAmount = 0;
  sent = [];
  isClosed = false;

  constructor() {
    Socket.last = this;
  }

  send(message) {
    this.sent.push(message);
  }

  close() {
    this.isClosed = true;
  }
}

/** Does this while `Socket` takes the place of the browser's class. */
async function scripted(test) {
  const { WebSocket } = globalThis;
  globalThis.WebSocket = Socket;
  try {
    await test();
  } finally {
    globalThis.WebSocket = WebSocket;
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

/** An open connection, and the errors that it ends with. */
async function open(limits) {
  const errors = [];
  const connecting = connect("ws://here/", { limits, onClosed: (error) => errors.push(error) });
  const socket = Socket.last;
  socket.onopen();
  return { connection: await connecting, socket, errors };
}

/** What ends a connection: what comes from the socket. */
const ENDING = {
  "text": (socket) => socket.onmessage({ data: "hello" }),
  "a message beyond the limit": (socket) => socket.onmessage({ data: new ArrayBuffer(2_000) }),
  "the end": (socket) => socket.onclose({ code: 1006 }),
};

export const tests = {
  async "a server that is not there, or does not answer, is told"() {
    await scripted(async () => {
      const refused = connect("ws://here/");
      Socket.last.onclose();
      const error = await failure(refused);
      equal([error instanceof RpcError, error.kind], [true, "disconnected"]);
      const silent = connect("ws://here/", { limits: { connectMs: 1 } });
      equal((await failure(silent)).message, "the server does not answer");
      equal(Socket.last.isClosed, true);
    });
  },
  async "what no connection sends ends it, and its calls"() {
    for (const [name, happen] of Object.entries(ENDING)) {
      await scripted(async () => {
        const { connection, socket, errors } = await open({ messageBytes: 1_000 });
        const calling = connection.bootstrap(Main);
        happen(socket);
        equal((await failure(calling)).kind, "disconnected", name);
        await turn();
        equal([errors.length, socket.isClosed], [1, true], name);
        happen(socket);
        equal((await failure(connection.bootstrap(Main))).kind, "disconnected", name);
      });
    }
  },
  async "messages that come at once are handled in order"() {
    await scripted(async () => {
      const { connection, socket } = await open();
      const asking = [connection.bootstrap(Main), connection.bootstrap(Main)];
      for (const answerId of [0, 1]) {
        const said = { return: { answerId, exception: { reason: `${answerId}` } } };
        socket.onmessage({ data: encode(rpc.Message, said).buffer });
      }
      equal((await failure(asking[0])).message, "0");
      equal((await failure(asking[1])).message, "1");
      connection.close();
      equal(socket.isClosed, true);
    });
  },
  async "it waits until enough is sent"() {
    const socket = new Socket();
    const transport = new WebSocketTransport(socket, LIMITS);
    socket.bufferedAmount = 100;
    let isDrained = false;
    const drained = transport.drained(50).then(() => { isDrained = true; });
    await turn();
    equal([isDrained, transport.unsent], [false, 100]);
    socket.bufferedAmount = 49;
    await drained;
    // What is lost is not waited for.
    socket.bufferedAmount = 100;
    transport.close();
    await transport.drained(50);
  },
};
