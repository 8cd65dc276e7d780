/** Voter numbers, as `src/election/voter_number.rs` reads them. */

import { numberInHash, readNumber, showNumber } from "../lib/number.js";

const ACCEPTED = [
  "12345678",
  "1234-5678",
  "1234 5678",
  " 1234  5678\n",
  "12-34-56-78",
  "0012345678",
  "1234\u20115678",
  "1234\u20105678",
  "1234\u20135678",
  "1234\u20145678",
  "1234\u22125678",
  "1234\uFF0D5678",
  "1234\u30FC5678",
  "1234\u00A05678",
  "1234\u202F5678",
  "1234\u30005678",
  "\uFEFF1234\u200B5678\u200E",
  "\u202D1234\u2060-5678\u202C",
  "1234\u00AD-\u00AD5678",
  "１２３４－５６７８",
  "١٢٣٤-٥٦٧٨",
  "۱۲۳۴ ۵۶۷۸",
  "१२३४-५६७८",
  "𝟙𝟚𝟛𝟜-𝟝𝟞𝟟𝟠",
  '"1234-5678"',
  "“1234–5678”",
  "«1234-5678»",
  "*1234-5678*.",
  "`12345678`",
  "1234-5678,",
  "https://vote.example/board#1234-5678",
];

const REFUSED = [
  "",
  "-",
  "+1",
  "1.0",
  "0x10",
  "12a4",
  "18446744073709551616",
  "000000000000000000001",
  "①",
  "1²",
  "一",
  '"',
  "1\u00072",
  "https://vote.example/board",
  "1".repeat(5_000),
];

export const tests = {
  "a number is read however it is typed"({ equal }) {
    for (const text of ACCEPTED) equal(readNumber(text).number, 12_345_678n, text);
  },
  "what is no number is none"({ equal }) {
    for (const text of REFUSED) equal(readNumber(text).number, null, text);
  },
  "digits and other characters are told apart"({ equal }) {
    equal(readNumber("12a4").others, true);
    equal(readNumber("1234-5").others, false);
    equal(readNumber("1234-5").digits, 5);
  },
  "a number is read as it is shown"({ equal }) {
    for (const number of [0n, 1n, 12_345n, 18_446_744_073_709_551_615n]) {
      equal(showNumber(number).length, 24);
      equal(readNumber(showNumber(number)).number, number);
    }
    equal(showNumber(12_345n), "0000-0000-0000-0001-2345");
  },
  "a link's number is what stands behind its #"({ equal }) {
    equal(numberInHash(""), null);
    equal(numberInHash("#"), null);
    equal(numberInHash("#1234-5678").number, 12_345_678n);
    equal(numberInHash("#1234%205678").number, 12_345_678n);
    equal(numberInHash("#12%").number, null);
  },
};
