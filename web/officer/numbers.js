/** Issuing voter numbers, and letters to those who have them. */

import { Refused } from "../lib/refused.js";
import { issue } from "./issue.js";
import { Keeping } from "./keeping.js";
import { LIMITS as PEOPLE_LIMITS, countedPeople, ownColumns } from "./people.js";

/** The part of the flow that is about the people of an election. */
export class Numbers extends Keeping {
  takePeople(file) {
    return this.#take((signal) => this.peopleIn(file, signal));
  }

  takeCount(text) {
    const count = /^\s*\d{1,6}\s*$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > PEOPLE_LIMITS.people)
      return this.fail("roll.wrongCount", { count: PEOPLE_LIMITS.people });
    return this.#take(async (signal) => {
      await this.reload(signal);
      return countedPeople(count);
    });
  }

  #take(read) {
    const { here } = this;
    const work = async (signal) => {
      here.people = await read(signal);
      return "people";
    };
    return this.work("working.read", work, true);
  }

  /** Issues numbers to the people who have none. */
  issue() {
    const { here } = this;
    const { people } = here;
    const { id, voters: before } = here.info;
    const waiting = people.rows.filter(({ number }) => number === null);
    return this.work("working.issue", async () => {
      await this.reload();
      // What was asked about the roll would be asked of another.
      const after = here.info.voters;
      if (after !== before) throw new Refused("issue.changed", { before, after });
      try {
        const { isCertain } = await issue(this.authority, id, waiting.length, (...drawn) => {
          const [numbers, settle, ends] = drawn;
          waiting.forEach((row, at) => (row.number = numbers[at]));
          here.saving = { settle, ends, count: numbers.length };
          this.pass("saving");
        });
        if (!isCertain) this.told = { key: "issue.uncertain", values: { count: waiting.length } };
      } catch (error) {
        // Numbers that may be on the roll are kept in the file that was saved.
        for (const row of waiting) row.number = null;
        throw error;
      } finally {
        here.saving = null;
      }
      await this.loadPaper();
      this.#setLetters(people);
      return "letters";
    });
  }

  /** Shows letters to people who have numbers. */
  lettersFrom(people) {
    this.#setLetters(people);
    return this.goWithPaper("letters");
  }

  #setLetters(people) {
    const { here } = this;
    const words = here.letters?.words ?? "";
    here.letters = { people, shown: ownColumns(people), words, from: 0 };
  }

  lettersAt(from) {
    this.here.letters.from = Math.max(0, from);
    this.pass("letters");
  }

  /** Makes letters from a file of an earlier issue. */
  lettersFile(file) {
    const work = async (signal) => {
      const people = await this.peopleWithNumbers(file, signal);
      await this.loadPaper(signal);
      this.#setLetters(people);
      return "letters";
    };
    return this.work("working.read", work, true);
  }
}
