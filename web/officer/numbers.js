/** Issuing voter numbers, and letters to those who have them. */

import { bytesOf } from "../lib/files.js";
import { Refused } from "../lib/refused.js";
import { issue } from "./issue.js";
import { Keeping } from "./keeping.js";
import { LIMITS as PEOPLE_LIMITS, countedPeople, readPeople } from "./people.js";

/** The part of the flow that is about the people of an election. */
export class Numbers extends Keeping {
  /** The people to issue numbers to; the numbers that wait to be saved; and letters. */
  people = null;
  saving = null;
  letters = null;

  async takePeople(file) {
    try {
      const bytes = await bytesOf(file, PEOPLE_LIMITS.file);
      if (!bytes) throw new Refused("roll.tooLarge", { mib: PEOPLE_LIMITS.file >> 20 });
      this.people = readPeople(bytes);
      this.go("people");
    } catch (error) {
      this.failed(error);
    }
  }

  takeCount(text) {
    const count = /^\s*\d{1,6}\s*$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > PEOPLE_LIMITS.people)
      return this.fail("roll.wrongCount", { count: PEOPLE_LIMITS.people });
    this.people = countedPeople(count);
    this.go("people");
  }

  /** Issues numbers to the people who have none. */
  issue() {
    const { id } = this.info;
    const waiting = this.people.rows.filter(({ number }) => number === null);
    return this.work("working.issue", async () => {
      try {
        await issue(this.authority, id, waiting.length, (numbers, settle, ends) => {
          waiting.forEach((row, at) => (row.number = numbers[at]));
          this.saving = { settle, ends, count: numbers.length };
          this.pass("saving");
        });
      } catch (error) {
        // Numbers that may be on the roll are kept in the file that was saved.
        for (const row of waiting) row.number = null;
        throw error;
      } finally {
        this.saving = null;
      }
      await this.reload();
      this.#setLetters(this.people);
      return "letters";
    });
  }

  /** Shows letters to people who have numbers. */
  lettersFrom(people) {
    this.#setLetters(people);
    this.go("letters");
  }

  #setLetters(people) {
    const shown = people.heading.flatMap((name, at) =>
      at === people.column || name === "voting_link" ? [] : [at],
    );
    this.letters = { id: this.info.id, people, shown, words: this.letters?.words ?? "", from: 0 };
  }

  lettersAt(from) {
    this.letters.from = Math.max(0, from);
    this.pass("letters");
  }

  /** Makes letters from a file of an earlier issue. */
  async lettersFile(file) {
    try {
      const people = await this.peopleWithNumbers(file);
      this.lettersFrom(people);
    } catch (error) {
      this.failed(error);
    }
  }
}
