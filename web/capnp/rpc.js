// Cap'n Proto RPC between two sides, level 1 of the protocol, over a WebSocket: one binary message
// for each of the protocol's messages. README.md says how to use it.

import { RpcError } from "./capabilities.js";
import { Connection, LIMITS } from "./connection.js";

export { Connection, LIMITS, RpcError };

/** @import { Options, Transport } from "./shapes.d.ts" */

/** How often a socket is asked whether it has sent: it does not tell by itself. */
const SENT_PAUSE_MS = 20;

/**
 * The transport over an open WebSocket whose `binaryType` is "arraybuffer".
 *
 * @implements {Transport}
 */
export class WebSocketTransport {
  #socket;
  #inboxBytesMax;
  /** @type {Uint8Array[]} what arrived and was not received: little, since all is at once */
  #inbox = [];
  #inboxBytes = 0;
  /** @type {RpcError | null} */
  #lost = null;
  /** Wakes who waits for a message. */
  #wake = () => {};

  /**
   * @param {WebSocket} socket
   * @param {{ messageBytes: number }} limits
   */
  constructor(socket, limits = LIMITS) {
    this.#socket = socket;
    this.#inboxBytesMax = limits.messageBytes;
    socket.onmessage = ({ data }) => this.#arrived(data);
    socket.onclose = () => this.#lose("the connection was lost");
  }

  #arrived(data) {
    if (this.#lost) return;
    if (!(data instanceof ArrayBuffer)) return this.#lose("the other side sends text");
    this.#inboxBytes += data.byteLength;
    if (this.#inboxBytes > this.#inboxBytesMax) return this.#lose("the other side sends too much");
    this.#inbox.push(new Uint8Array(data));
    this.#wake();
  }

  #lose(reason) {
    this.#lost ??= new RpcError("disconnected", reason);
    this.#socket.close();
    this.#wake();
  }

  /** @param {Uint8Array<ArrayBuffer>} message */
  send(message) {
    this.#socket.send(message);
  }

  /** @returns {Promise<Uint8Array>} */
  async receive() {
    for (;;) {
      const message = this.#inbox.shift();
      if (message) {
        this.#inboxBytes -= message.length;
        return message;
      }
      if (this.#lost) throw this.#lost;
      await new Promise((resolve) => { this.#wake = () => resolve(undefined); });
    }
  }

  close() {
    this.#lose("the connection was closed");
  }

  /** What is not sent yet, in bytes. */
  get unsent() {
    return this.#socket.bufferedAmount;
  }

  /** @param {number} bytes */
  async drained(bytes) {
    while (!this.#lost && this.unsent >= bytes) {
      await new Promise((resolve) => { setTimeout(resolve, SENT_PAUSE_MS); });
    }
  }
}

/**
 * Connects to a server.
 *
 * @param {string | URL} url `wss:` or `ws:`
 * @param {Options} [options]
 * @returns {Promise<Connection>} rejected with `disconnected` if there is no connection within
 *   `limits.connectMs`
 */
export function connect(url, options = {}) {
  const limits = { ...LIMITS, ...options.limits };
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const fail = (reason) => {
      clearTimeout(timer);
      socket.onopen = socket.onclose = null;
      socket.close();
      reject(new RpcError("disconnected", reason));
    };
    const timer = setTimeout(() => fail("the server does not answer"), limits.connectMs);
    socket.onclose = () => fail("there is no connection to the server");
    socket.onopen = () => {
      clearTimeout(timer);
      resolve(new Connection(new WebSocketTransport(socket, limits), options));
    };
  });
}
