/**
 * Links that open something: web addresses and `capvote` links with a secret token behind `#`, as
 * docs/clients.md has them. They are read from the address bar, a file or the clipboard.
 */

export const LIMITS = {
  /** The longest link, in characters, as for every client. */
  link: 4_096,
};

/**
 * @typedef {object} Link
 * @property {Uint8Array} token
 * @property {string} election its id; empty if the link names none
 * @property {string | null} host the machine that it is for; null for a token alone or a socket
 */

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
  const plain = text.trim().replace(/^[<"'“„]+|[>"'”“.,;]+$/g, "");
  if (plain.length > LIMITS.link) return null;
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
  return { token: opened, election: named ?? inPath, host: isSocket ? null : url.hostname };
}

/**
 * Whether a link is for the server of this page, as far as its host tells. A token that is sent to
 * another server is given away.
 * @param {Link} link
 */
export function isForThisServer({ host }) {
  const own = location.hostname;
  return host === null || host === own || (LOOPBACK.test(host) && LOOPBACK.test(own));
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
  const text = btoa(String.fromCharCode(...token));
  const secret = text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return `${base}${path}#${secret}`;
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
