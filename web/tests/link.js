/** Links with a token, as people paste them. */

import { addressWith, checkServer, isLoopback, readLink } from "../lib/link.js";
import { hex } from "../lib/sha256.js";

const TOKEN = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const BYTES = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/** Which links are taken on a page of a program that says this. */
async function taking(said, links) {
  const real = globalThis.fetch;
  globalThis.fetch = async () => new Response(said);
  const taken = [];
  try {
    for (const [name, text] of Object.entries(links)) {
      const isTaken = () => taken.push(name);
      await checkServer(readLink(text)).then(isTaken, () => {});
    }
  } finally {
    globalThis.fetch = real;
  }
  return taken;
}

export const tests = {
  "links of every kind are read"({ equal }) {
    for (const [text, election, host] of [
      [TOKEN, "", null],
      [`capvote://127.0.0.1:12358#${TOKEN}`, "", "127.0.0.1"],
      [` <capvotes://vote.example.org:1/board?cert=x#${TOKEN}>\n`, "board", "vote.example.org"],
      [`capvote+unix:///run/capvote.sock?election=board#${TOKEN}`, "board", null],
      [`https://vote.example.org/officer#${TOKEN}`, "", "vote.example.org"],
      [`https://vote.example.org/officer?election=board#${TOKEN}`, "board", "vote.example.org"],
      [`https://vote.example.org/board/audit#${TOKEN}`, "board", "vote.example.org"],
      [`wss://[::1]:8/#${TOKEN}`, "", "[::1]"],
    ]) {
      const link = readLink(text);
      equal([hex(link.token), link.election, link.host], [BYTES, election, host], text);
    }
  },
  "what is no link is none"({ equal }) {
    for (const text of [
      "",
      "#",
      TOKEN.slice(1),
      `${TOKEN}A`,
      `https://x/#${TOKEN}=`,
      `ftp://x/#${TOKEN}`,
      "https://x/officer",
      `javascript:#${TOKEN}`,
      `https://x/${"y".repeat(5_000)}#${TOKEN}`,
    ]) {
      equal(readLink(text), null, text.slice(0, 60));
    }
  },
  "an address has the token behind its #"({ equal }) {
    const { token } = readLink(TOKEN);
    equal(addressWith("https://x", "/officer", token), `https://x/officer#${TOKEN}`);
    equal(readLink(addressWith("https://x", "/b/audit", token)).election, "b");
  },
  async "a token is for the server that the page is for, by its host"({ equal }) {
    const links = {
      token: TOKEN,
      own: `${location.origin}/officer#${TOKEN}`,
      here: `capvote://127.0.0.1:9#${TOKEN}`,
      socket: `capvote+unix:///run/capvote.sock#${TOKEN}`,
      remote: `capvotes://vote.example.org:12358?cert=x#${TOKEN}`,
      other: `https://other.example.org/officer#${TOKEN}`,
    };
    // What the program says that the page comes from: nothing, or whom it relays to.
    for (const [said, taken] of [
      ["", ["token", "own", "here", "socket"]],
      ["localhost\n", ["token", "own", "here", "socket"]],
      ["[::1]:12358\n", ["token", "own", "here", "socket"]],
      ["Vote.example.org:12358\n", ["token", "own", "remote"]],
    ]) {
      equal(await taking(said, links), taken, said);
    }
  },
  "a long text is no link, at once"({ equal }) {
    const began = performance.now();
    equal(readLink(`x${".".repeat(200_000)}y`), null);
    equal(performance.now() - began < 1_000, true);
  },
  "an address of this machine is told from others"({ equal }) {
    equal(isLoopback("http://[::1]:80"), true);
    equal(isLoopback("https://vote.example.org"), false);
  },
};
