/**
 * What a page does not accept, and why: a code, and the values that a sentence about it needs. The
 * sentences are in the texts of each language, under `refusals`.
 */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {Record<string, unknown>} [values]
   */
  constructor(code, values = {}) {
    super(`${code} ${JSON.stringify(values, (_, it) => (typeof it === "bigint" ? `${it}` : it))}`);
    this.name = "Refused";
    this.code = code;
    this.values = values;
  }
}
