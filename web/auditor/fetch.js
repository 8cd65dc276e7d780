/** Taking a tally sheet from the server: a sink that checks each line, as a file's are. */

import { rulesFrom, hasOneMark } from "../count/rules.js";
import { Refused } from "../lib/refused.js";
import { Sheet, LIMITS as SHEET_LIMITS } from "../lib/sheet.js";
import { hex } from "../lib/sha256.js";

export const LIMITS = {
  /** Ballots that are taken from a server: about the largest file. */
  ballots: SHEET_LIMITS.file / 100,
  /** How long the whole sheet may take, in milliseconds. */
  sheetMs: 600_000,
};

/**
 * @param {object} auditor an `Auditor`
 * @param {object} info the election's
 * @returns {Promise<Sheet>}
 * @throws {Refused} what the server sends is not the sheet of this election, or there is none yet
 */
export async function fetchSheet(auditor, info) {
  const rules = rulesFrom(info.rules);
  const { turnout } = await auditor.turnout();
  const most = Number(turnout.ballots);
  if (most > LIMITS.ballots) throw new Refused("sheet.tooManyBallots", { count: LIMITS.ballots });
  const { id, title, candidates, voters, restored, ledger } = info;
  const header = { title, candidates: [...candidates], voters: Number(voters), rules };
  const origin = restored > 0n ? { ledger: hex(ledger), epoch: Number(restored) } : null;
  const sheet = new Sheet(id, header, origin);
  let wrong = null;
  const take = ({ candidate, nonce, commitment, marks }) => {
    // What the server sends is bounded by what it said: it might send for ever.
    if (sheet.length >= most) throw new Refused("sheet.otherFromServer");
    const own = sheet.isMarked && hasOneMark(rules) ? marksOf(candidate, header.candidates) : marks;
    const where = { ballot: sheet.length + 1 };
    sheet.add(sheet.isMarked ? own : candidate, nonce.slice(), commitment, where);
  };
  const into = {
    lines({ lines }) {
      try {
        for (const line of lines) take(line);
      } catch (error) {
        wrong = error;
        throw error;
      }
    },
    done() {},
  };
  let outcome;
  try {
    ({ outcome } = await auditor.tallySheet({ into }));
  } catch (error) {
    throw wrong ?? error;
  }
  if (outcome.which === "refused") throw new Refused("sheet.notYet");
  if (sheet.length !== most) throw new Refused("sheet.otherFromServer");
  return sheet;
}

/** Where a ballot is one name, the server sends that. */
function marksOf(candidate, names) {
  if (candidate === "") return [];
  return names.map((name) => (name === candidate ? 1 : 0));
}
