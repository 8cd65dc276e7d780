/** What the modules of lib/ give to pages. */

/** What a call is made with: the capabilities of the connection of the moment. */
export interface Live {
  connection: any;
  directory: any;
  election: (id: string) => Promise<any>;
  /** Rejected when the connection ends. */
  ended: Promise<never>;
}

/** Why marks are no ballot. The sentence for people is the text `ballot.CODE` of a language. */
export interface Refusal {
  code: string;
  values: Record<string, number>;
}

/** What a ballot of an election can say. */
export interface Form {
  method: "plurality" | "transferable" | "schulze";
  /** The most names that may be marked. */
  marks: number;
  seats: number;
  /** Whether it may be blank. */
  blank: boolean;
  /** Whether the last name of the slate stands for nobody. */
  none: boolean;
}

/** A name in a voter's order. */
export interface Ranked {
  /** On the slate, from 0. */
  place: number;
  /** Whether it has the rank of the name before it. */
  shares: boolean;
}

/** What a typed text is. */
export interface Typed {
  /** Null if it is no voter number. */
  number: bigint | null;
  /** How many digits it has. */
  digits: number;
  /** Whether it has characters other than digits and separators. */
  others: boolean;
}

/** What a receipt file is made of. */
export interface RecordedVote {
  /** The name; empty for a blank ballot, and where there are marks. */
  candidate: string;
  /** The marked names. */
  marks: { candidate: string; mark: number }[] | null;
  nonce: Uint8Array;
  number: bigint;
  /** Where it is recorded, if it is. */
  election?: string;
  /** As it is shown. */
  receipt?: string;
  ledger: Uint8Array;
  /** 0 where the server counts none. */
  epoch: bigint;
}
