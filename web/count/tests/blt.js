/** The part of the format BLT that the cases of tests/count have: trusted files only. */

import { Ballots, checkBallot } from "../ballots.js";

/**
 * @param {string} text
 * @returns {{ slate: string[], seats: number, title: string,
 *   lines: { ballots: number, ranks: number[][] }[] }}
 */
export function readBlt(text) {
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map(plain)
    .filter((line) => line !== "");
  const [candidates, seats] = lines.shift().split(/\s+/).map(Number);
  const gone = new Set();
  while (lines[0].startsWith("-")) for (const it of lines.shift().split(/\s+/)) gone.add(-it);
  const numbers = Array.from({ length: candidates }, (_, index) => index + 1);
  const left = numbers.filter((number) => !gone.has(number));
  const place = new Map(left.map((number, at) => [number, at]));
  const ballots = [];
  for (let line = lines.shift(); line !== "0"; line = lines.shift()) {
    const [number, ...ranks] = line.split(/\s+/);
    if (ranks.pop() !== "0") throw new Error(`a ballot does not end: ${line}`);
    const names = ranks.map((rank) =>
      rank
        .split("=")
        .map(Number)
        .filter((it) => place.has(it)),
    );
    const kept = names.filter((rank) => rank.length > 0);
    const byPlace = kept.map((rank) => rank.map((it) => place.get(it)));
    ballots.push({ ballots: Number(number), ranks: byPlace });
  }
  const names = lines.flatMap(words);
  const slate = left.map((number) => names[number - 1]);
  return { slate, seats, title: names[candidates] ?? "", lines: ballots };
}

/** A line without a comment, which a name in quotes may look like. */
function plain(line) {
  return line.trimStart().startsWith('"') ? line.trim() : line.replace(/#.*/, "").trim();
}

/** The names on a line: one without quotes, or some with. */
function words(line) {
  if (!line.startsWith('"')) return [line];
  const quoted = line.matchAll(/"((?:[^"]|"")*)"/g);
  return Array.from(quoted, ([, name]) => name.replaceAll('""', '"'));
}

/**
 * The ballots of a file, as far as the rules count them: up to the most marks, and where ranks
 * cannot be shared, up to the first that is.
 * @param {ReturnType<typeof readBlt>} blt
 * @param {import("../rules.js").Rules} rules
 */
export function ballotsOf(blt, rules) {
  const all = new Ballots();
  for (const { ballots, ranks } of blt.lines) {
    const marks = blt.slate.map(() => 0);
    let left = rules.marks;
    for (const [at, rank] of ranks.entries()) {
      const isShared = rank.length > 1 && rules.method === "transferable";
      if (isShared || rank.length > left) break;
      left -= rank.length;
      for (const name of rank) marks[name] = rules.method === "plurality" ? 1 : at + 1;
    }
    const isBlank = marks.every((mark) => mark === 0);
    checkBallot(isBlank ? [] : marks, blt.slate.length, rules);
    all.add(isBlank ? [] : marks, ballots);
  }
  return all;
}
