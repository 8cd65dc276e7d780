/**
 * Numbers of votes, with fractions: whole numbers (BigInt) of hundred-thousandths, as the five
 * decimal places of rule 49(3) of the Scottish Local Government Elections Order 2011 ask for.
 */

/** One vote. */
export const VOTE = 100_000n;

const DECIMALS = 5;

/**
 * Votes without zeros at the end: `1914`, `1789.19796`.
 * @param {bigint} votes
 * @param {string} [point] the decimal point of a language
 */
export function votesText(votes, point = ".") {
  const rest = (votes % VOTE).toString().padStart(DECIMALS, "0").replace(/0+$/, "");
  return rest === "" ? `${votes / VOTE}` : `${votes / VOTE}${point}${rest}`;
}
