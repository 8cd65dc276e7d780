/** A recount in this page beside what the server says: the two share no code. */

/** Votes of a count on the wire are in billionths; here, in hundred-thousandths. */
const WIRE_SCALE = 10_000n;

/**
 * @typedef {object} Comparison
 * @property {string} what a key of the texts `compare.WHAT`
 * @property {string} own
 * @property {string} server
 * @property {boolean} isSame
 */

/**
 * Compares what a sheet says of its election with what the server says.
 * @param {import("../lib/sheet.js").Sheet} sheet
 * @param {import("../lib/sheet.js").Recount | null} recount
 * @param {{ info: object, results: object, count: object | null, rules: object }} server `rules`
 *   are those of `info`, read; `count` is null before the close
 * @returns {Comparison[]}
 */
export function compare(sheet, recount, { info, results, count, rules }) {
  const rows = [["election", sheet.election ?? "", info.id]];
  if (sheet.header) {
    const { title, candidates, voters } = sheet.header;
    rows.push(
      ["title", title, info.title],
      ["slate", list(candidates), list(info.candidates)],
      ["rules", canonical(sheet.header.rules), canonical(rules)],
      ["voters", voters, info.voters],
    );
  }
  rows.push(["ballots", sheet.length, results.turnout.ballots]);
  if (recount && results.status === "final") {
    const names = (places) => list(places.map((place) => recount.slate[place]));
    rows.push(
      ["blank", recount.count.wholes.ballots - recount.count.wholes.marked, results.blank],
      ["elected", names(recount.count.elected), list(results.elected)],
      ["verdict", recount.count.verdict, results.verdict],
    );
    if (sheet.header && count) rows.push(...countRows(recount, count));
  }
  return rows.map(([what, own, server]) => {
    const [one, other] = [String(own), String(server)];
    return { what, own: one, server: other, isSame: one === other };
  });
}

/** What a comparison of whole counts shows: how many rounds, comparisons and lots are alike. */
function countRows({ slate, count: own }, server) {
  const rounds = own.rounds.map((round) => ownRound(round, slate));
  const others = server.rounds.map(serverRound);
  const rows = [["rounds", `${rounds.length}`, alike(rounds, others)]];
  if (own.pairs) {
    const pairs = [ownPairs(own.pairs, slate)];
    rows.push(["pairs", "1", alike(pairs, server.pairs ? [serverPairs(server.pairs)] : [])]);
  }
  if (own.lots.length + server.lots.length > 0) {
    const lots = own.lots.map(({ order, decided, seats }) =>
      canonical({ order: order.map((place) => slate[place]), decided, seats }),
    );
    const drawn = server.lots.map(({ order, decided, seats }) =>
      canonical({ order: [...order], decided, seats }),
    );
    rows.push(["lots", `${lots.length}`, alike(lots, drawn)]);
  }
  return rows;
}

/** How many of the server's are the same as ours, if it has no others. */
function alike(own, server) {
  const same = own.filter((it, place) => it === server[place]).length;
  return server.length > own.length ? `${server.length}` : `${same}`;
}

function ownRound(round, slate) {
  const { step, from, status, elected, empty, lots } = round;
  const scaled = (votes) => votes * WIRE_SCALE;
  return canonical({
    step,
    from: from === null ? "" : slate[from],
    surplus: scaled(round.surplus),
    votes: round.votes.map(scaled),
    statuses: status,
    elected: elected.map((place) => slate[place]),
    needed: scaled(round.needed),
    exhausted: scaled(round.exhausted),
    lost: scaled(round.lost),
    empty,
    lots,
  });
}

function serverRound(round) {
  const { step, from, surplus, votes, statuses, elected, needed, exhausted, lost, empty, lots } =
    round;
  const lists = {
    votes: [...votes],
    statuses: [...statuses],
    elected: [...elected],
    lots: [...lots],
  };
  return canonical({ step, from, surplus, needed, exhausted, lost, empty, ...lists });
}

function ownPairs({ preferred, paths, dropped, places }, slate) {
  const names = (all) => all.map((place) => slate[place]);
  const none = { wins: 0, against: 0 };
  return canonical({
    preferred,
    paths: paths.map((row) => row.map((path) => path ?? none)),
    dropped: names(dropped),
    places: places.map(names),
  });
}

function serverPairs({ preferred, paths, dropped, places }) {
  const rows = paths.map((row) => row.map(({ wins, against }) => ({ wins, against })));
  return canonical({ preferred, paths: rows, dropped, places });
}

/** A value as a text that is the same for equal values: keys in order, numbers of any type. */
function canonical(value) {
  return JSON.stringify(value, (_, it) => {
    if (typeof it === "bigint") return Number(it);
    const isObject = it && typeof it === "object" && !Array.isArray(it);
    return isObject
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
      : it;
  });
}

/** Names as one text, in which no name can look like two. */
function list(names) {
  return JSON.stringify([...names]);
}
