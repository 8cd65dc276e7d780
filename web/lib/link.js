/**
 * Links that open something: web addresses and `capvote` links with a secret token behind `#`, as
 * docs/clients.md has them. They are read from the address bar, a file or the clipboard.
 */

import { Refused } from "./refused.js";

export const LIMITS = {
  /** The longest link, in characters, as for every client. */
  link: 4_096,
  /** The longest name of a server, in characters: a host and a port. */
  server: 300,
};

/**
 * @typedef {object} Link
 * @property {Uint8Array} token
 * @property {string} election its id; empty if the link names none
 * @property {string | null} host the machine that it is for; null for a token alone or a socket
 * @property {string} [at] the same with its port; of a socket, the path
 * @property {boolean} [isOnce] whether the link that it was made from opens nothing any more
 */

/** Where a token waits, in this tab, for the page that it is for. */
const HANDED = "capvote token";

/** Where the program of `capvote-client page` says which server its pages are for. */
const SERVER = "/-/server";

const SCHEMES = ["capvote:", "capvotes:", "capvote+unix:", "http:", "https:", "ws:", "wss:"];

/** This machine, by its names. */
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/**
 * Takes the token out of the address bar, at once: the browser's history and whoever looks on are
 * not to keep it.
 * @returns {Link | null} null if there is none
 */
export function takeFromAddress() {
  const { hash, pathname, search } = location;
  if (hash.length > 1) history.replaceState(history.state, "", `${pathname}${search}`);
  const token = base64url(hash.slice(1));
  const election = new URLSearchParams(search).get("election") ?? "";
  return token && { token, election, host: null };
}

/**
 * Reads a link, or a token alone, as people paste it and as files hold it.
 * @param {string} text
 * @returns {Link | null}
 */
export function readLink(text) {
  const given = text.trim();
  if (given.length > LIMITS.link) return null;
  const plain = given.replace(/^[<"'“„]+|[>"'”“.,;]+$/g, "");
  const token = base64url(plain);
  if (token) return { token, election: "", host: null };
  let url;
  try {
    // Only of web schemes is the host parsed, in every browser.
    url = new URL(plain.replace(/^capvotes?:/i, "https:").replace(/^wss?:/i, "https:"));
  } catch {
    return null;
  }
  const scheme = /^[a-z+]+:/i.exec(plain)?.[0].toLowerCase();
  const opened = base64url(url.hash.slice(1));
  if (!SCHEMES.includes(scheme) || !opened) return null;
  const [first] = url.pathname.split("/").filter(Boolean);
  const named = url.searchParams.get("election");
  const isSocket = scheme === "capvote+unix:";
  const inPath = isSocket || first === "officer" ? "" : (first ?? "");
  const whose = isSocket
    ? { host: null, at: url.pathname }
    : { host: url.hostname, at: url.host };
  return { token: opened, election: named ?? inPath, ...whose };
}

/**
 * Takes the token that a page of this tab has handed on.
 * @returns {Link | null} null if there is none
 */
export function takeHanded() {
  try {
    const handed = sessionStorage.getItem(HANDED);
    sessionStorage.removeItem(HANDED);
    const { secret, isOnce } = JSON.parse(handed) ?? {};
    const token = base64url(secret ?? "");
    return token && { token, election: "", host: null, isOnce };
  } catch {
    return null; // Storage is switched off.
  }
}

/**
 * Goes to another page with a token, which the browser's history does not get.
 * @param {string} path
 * @param {Uint8Array} token
 * @param {boolean} isOnce whether the link that it was made from opens nothing any more
 */
export function handOn(path, token, isOnce) {
  try {
    sessionStorage.setItem(HANDED, JSON.stringify({ secret: secretOf(token), isOnce }));
    location.assign(path);
  } catch {
    location.assign(addressWith("", path, token)); // Storage is switched off.
  }
}

/**
 * Checks that a link is for the server of this page, as far as its host tells. A token that is sent
 * to another server is given away.
 * @param {Link} link
 * @throws {Refused} it is not
 */
export async function checkServer({ host, at }) {
  if (at === undefined || at === location.host) return;
  const own = await servedHost();
  const isHere = LOOPBACK.test(own);
  // A socket is of the machine of the server, and who carries its link elsewhere knows which.
  const isOwn =
    host === null
      ? isHere || own === location.hostname
      : host === own || (isHere && LOOPBACK.test(host));
  if (!isOwn) throw new Refused("link.otherServer", { host: host ?? at, own });
}

/** The host of the server that this page speaks to: perhaps not that which it comes from. */
async function servedHost() {
  if (!LOOPBACK.test(location.hostname)) return location.hostname;
  const answer = await fetch(SERVER);
  const said = answer.ok ? (await answer.text()).trim() : "";
  if (said === "" || said.length > LIMITS.server) return location.hostname;
  try {
    return new URL(`https://${said}`).hostname;
  } catch {
    return said;
  }
}

/**
 * Whether an address is one of this machine only.
 * @param {string} address
 */
export function isLoopback(address) {
  return LOOPBACK.test(new URL(address).hostname);
}

/**
 * The address of this server's page that a token opens.
 * @param {string} base of the server, such as "https://vote.example.org"
 * @param {string} path such as "/officer"
 * @param {Uint8Array} token
 */
export function addressWith(base, path, token) {
  return `${base}${path}#${secretOf(token)}`;
}

/**
 * A token as links have it.
 * @param {Uint8Array} token
 */
export function secretOf(token) {
  const text = btoa(String.fromCharCode(...token));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** A token has 32 bytes; in base64url, without padding, 43 characters. */
function base64url(text) {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return null;
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
