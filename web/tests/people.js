/** Lists of people, as spreadsheets write them, and what is strange in them. */

import {
  checkNumbers,
  countedPeople,
  listParts,
  ownColumns,
  readPeople,
} from "../officer/people.js";

const read = (text) => readPeople(new TextEncoder().encode(text));

/** The code of what is refused, and the line. */
function refusal(bytes) {
  try {
    readPeople(bytes);
    return null;
  } catch (error) {
    return [error.code, error.values.line ?? null];
  }
}

export const tests = {
  "a list is read with the separator and the line ends of its spreadsheet"({ equal }) {
    for (const text of [
      'name,town\n"Doe, Ann",Paris\n李四,"a""b"\n',
      '\uFEFFname;town\r\n"Doe, Ann";Paris\r\n李四;"a""b"\r\n',
      'name\ttown\r"Doe, Ann"\tParis\r李四\t"a""b"\r',
      'sep=;\nname;town\n"Doe, Ann";Paris\n李四;"a""b"\n',
    ]) {
      const { heading, rows } = read(text);
      equal(heading, ["name", "town"], text);
      equal(
        rows.map(({ fields }) => fields),
        [
          ["Doe, Ann", "Paris"],
          ["李四", 'a"b'],
        ],
        text,
      );
    }
  },
  "empty rows are left out, and named"({ equal }) {
    const { rows, empty } = read("name,town\nAnn,Paris\n,\n\u200B , \nBen,Rome\n");
    equal([rows.length, rows[1].line, empty], [2, 5, [3, 4]]);
  },
  "the same person is found by a row or an address, whatever counts the rows"({ equal }) {
    const doubles = (text) => read(text).doubles.map(({ first, second }) => [first, second]);
    equal(doubles("nr,name,town\n1,Ann,Paris\n2,ann ,PARIS\n3,Ben,Rome\n"), [[2, 3]]);
    equal(doubles("name,mail\nAnn,a@b.org\nBen,c@d.org\nOther,A@B.ORG\n"), [[2, 4]]);
    equal(doubles("name,town\nAnn,Paris\nAnn,Rome\n"), []);
  },
  "numbers of an earlier issue are kept, however they are written"({ equal }) {
    const { rows, column } = read("Voter Number,name\n1234-5678-9012-3456-7890,Ann\n,Ben\n");
    equal([column, rows[0].number, rows[1].number], [0, 12_345_678_901_234_567_890n, null]);
  },
  "links and numbers of before are in no letter and no file"({ equal }) {
    const link = "https://x/y#0000-0000-0000-0000-0007";
    const people = read(
      `name,Voting Link,voting_link_before,our link,voter_number\n` +
        `Ann,${link},${link},${link},0000-0000-0000-0000-0007\nBen,${link},${link},,\n`,
    );
    equal(
      ownColumns(people).map((at) => people.heading[at]),
      ["name"],
    );
    people.rows[1].number = 8n;
    const text = [...listParts(people, String, (it) => `https://x/z#${it}`)].join("");
    equal(text.trim().split("\r\n"), [
      "name,voter_number,voting_link",
      "Ann,7,https://x/z#7",
      "Ben,8,https://x/z#8",
    ]);
  },
  "links do not hide that two rows are the same person"({ equal }) {
    const { doubles } = read("name,voter_number,voting_link\nAnn,1,https://x/y#1\nAnn,,\n");
    equal(
      doubles.map(({ first, second }) => [first, second]),
      [[2, 3]],
    );
  },
  "numbers of another election are refused"({ equal }) {
    const check = (text, info) => {
      try {
        checkNumbers(read(text), info);
        return null;
      } catch (error) {
        return [error.code, error.values.line ?? null];
      }
    };
    const board = (voters) => ({ id: "board", voters });
    const list = "name,voter_number\nAnn,1\nBen,2\nCem,\n";
    equal(check(list, board(2n)), null);
    equal(check(list, board(1n)), ["roll.moreThanRoll", null]);
    const linked = (id) =>
      `name,voter_number,Voting-Link\nAnn,1,https://x/board#1\nBen,2,http://y/${id}#2\n`;
    equal(check(linked("board"), board(3n)), null);
    equal(check(linked("last-year"), board(3n)), ["roll.otherElection", 3]);
    equal(check("name,voting_link\nAnn,https://x/last-year\n", board(0n)), null);
    equal(check("name,voter_number,voting_link\nAnn,1,none\n", board(1n)), null);
  },
  "what a spreadsheet would compute is found"({ equal }) {
    const fields = ["=1+1", "@SUM(A1)", "+cmd|x!A1", "-2+3+cmd|x!A1", '"-\nx"'];
    const plain = ["Ann", "-", "-5", "+49 (170) 12-34", "a=b", "ann@example.org", "Smith-Jones"];
    const { formulas } = read(`name,town\n${[...fields, ...plain].join(",x\n")},x\n`);
    equal(formulas, [2, 3, 4, 5, 6]);
  },
  "a long name is read at once"({ equal }) {
    const began = performance.now();
    read(`name,town\n${"@.".repeat(20_000)} x,1\n${"+".repeat(40_000)},2\n`);
    equal(performance.now() - began < 1_000, true);
  },
  "what is no list is refused with its line"({ equal }) {
    const bytes = (text) => new TextEncoder().encode(text);
    for (const [given, code, line] of [
      [bytes(""), "roll.empty", null],
      [bytes(" \n"), "roll.empty", null],
      [bytes("name,town\n"), "roll.nobody", null],
      [bytes("name,town\nAnn,Paris\nBen\n"), "roll.length", 3],
      [bytes("Ann,ann@example.org\nBen,ben@example.org\n"), "roll.noHeading", null],
      [bytes("name,\nAnn,x\n"), "roll.nameless", 2],
      [bytes('name,town\n"Ann,Paris\n'), "csv.openQuote", 2],
      [bytes("voter_number,name\n12x,Ann\n"), "roll.number", 2],
      [bytes("voter_number,name\n12,Ann\n1-2,Ben\n"), "roll.sameNumber", null],
      [bytes("voter_number,Voter Number\n1,2\n"), "roll.twoColumns", null],
      [bytes("PK\u0003\u0004"), "roll.spreadsheet", null],
      [Uint8Array.of(0xff, 0xfe, 0x61, 0), "roll.encoding", null],
      [Uint8Array.of(0x61, 0x0a, 0xe9, 0x0a), "roll.encoding", null],
      [bytes("<html>"), "roll.other", null],
    ]) {
      equal(refusal(given), [code, line], code);
    }
  },
  "a list with its numbers is read again"({ equal }) {
    const people = read('name;town\n"Doe; Ann";Paris\n=1+1;Rome\n');
    people.rows.forEach((row, at) => {
      row.number = BigInt(at + 1);
    });
    const text = [
      ...listParts(
        people,
        (it) => `000${it}`,
        (it) => `https://x/y#${it}`,
      ),
    ].join("");
    const again = read(text);
    equal(again.heading, ["name", "town", "voter_number", "voting_link"]);
    equal(
      again.rows.map(({ fields, number }) => [fields[0], number]),
      [
        ["Doe; Ann", 1n],
        ["=1+1", 2n],
      ],
    );
    const counted = countedPeople(2);
    counted.rows.forEach((row) => {
      row.number = 7n;
    });
    equal(
      [...listParts(counted, String, String)].join(""),
      "\uFEFFvoter_number,voting_link\r\n7,7\r\n7,7\r\n",
    );
  },
};
