/** What the modules of the voter's page give each other. */

import type { Language } from "../lib/language.js";
import type { Form, Ranked } from "../lib/shapes.d.ts";

/** A question of the paper. */
export interface Question {
  /** The election, an `ElectionInfo`. */
  info: any;
  /** What a ballot can say. */
  form: Form | null;
  answer: Answer;
}

/** What the voter has said so far. */
export interface Answer {
  /** Whether it is a blank ballot; then the order is not used. */
  blank: boolean;
  /** The marked names. */
  order: Ranked[];
}

/** What the fields of a question are made with. */
export interface Around {
  language: Language;
  /** The question's place on the paper, from 0. */
  index: number;
  /** How many questions there are. */
  all: number;
  /** Told when the voter has changed something. */
  onChange: () => void;
}

/** What a step shows. */
export interface Step {
  /** Of the document. */
  title: string;
  content: (HTMLElement | null)[];
  /** What tells it from the step before; without it, its name does. */
  key?: string;
  /** Shows a change in place; false if it has to be drawn anew. */
  update?: () => boolean;
}

/** What is needed to send a vote again. */
export interface KeptVote {
  /** The id. */
  election: string;
  marks: number[];
  nonce: Uint8Array;
}

/** A vote, and what became of it. */
export interface Vote extends KeptVote {
  state:
    | "waiting"
    | "sending"
    | "unreachable"
    | "busy"
    | "unknown"
    | "solving"
    | "throttled"
    | "unconfirmed"
    | "decided"
    | "notSent"
    /** Nobody waits for the answer. */
    | "stopped"
    /** Nobody waits until the election is confirmed. */
    | "notConfirmed";
  /** Whether this try has sent it. */
  sent: boolean;
  /** Whether it was sent, and its answer was lost. */
  lost: boolean;
  /** The server's own words. */
  told: string;
  /** What the last failed try said. */
  why: string;
  /** A `VoteOutcome`. */
  outcome: any;
  /** The address of the file that the voter can save. */
  file: string;
  /** The receipt that the vote should have; null if it has that. */
  flaw: string | null;
}
