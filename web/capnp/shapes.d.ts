// The shapes of what these modules take and give, for tools that check types. A browser does not
// load this file.

import type { RpcError } from "./capabilities.js";

/** A type, as `define` of types.js makes it of a table. */
export interface Type {
  /** Says which of the other properties there are. */
  kind: string;
  name: string;
  /** Of a scalar: its size. */
  bits: number | undefined;
  /** Of a number: the methods of a DataView. */
  get: string;
  set: string;
  /** Of an enum: its values. */
  names: string[];
  /** Of a list: its elements; of a group: its struct. */
  of: Type;
  /** Of a struct: the words of its data section. */
  data: number;
  /** Of a struct: how many pointers it has. */
  pointers: number;
  /** Of a struct: the offset of its union's tag, in units of 16 bits; -1 for none. */
  tag: number;
  fields: Map<string, Field>;
  /** Of an interface: its own and those of its superclasses. */
  methods: Map<string, Method>;
}

export interface Field {
  type: Type;
  /** In units of the type's size. */
  offset: number;
  /** The tag that sets this member of the union; -1 for no member. */
  member: number;
  /** The default's bits; null for zeros. */
  fallback: DataView | null;
}

export interface Method {
  name: string;
  /** Of the interface that declares it. */
  interfaceId: bigint;
  /** Its number there. */
  index: number;
  params: Type;
  results: Type;
}

/** The bounds of one message. */
export interface WireLimits {
  /** The bytes of a message, either way. */
  messageBytes: number;
  /** The segments of a message that is read. */
  segments: number;
  /** How deep pointers may lead in a message that is read. */
  depth: number;
  /** How many fields of structs, elements of lists and pointers are read of a message. */
  values: number;
  /** The bytes of a text in a message that is read. */
  textBytes: number;
}

/** The bounds of a connection. */
export interface Limits extends WireLimits {
  /** Calls of this side that are not answered; one more fails with `overloaded`. */
  questions: number;
  /** Calls of the peer that it has not finished; one more ends the connection. */
  answers: number;
  /** The messages of those of them that are not answered; more end the connection. */
  callBytes: number;
  /**
   * Objects of this side that the peer holds, counted once for each interface that they are passed
   * as. A call that passes one more fails with `overloaded`.
   */
  exports: number;
  /** Capabilities of the peer that this side holds; one more ends the connection. */
  imports: number;
  /**
   * What waits to be sent. Calls may fill half of it, and one more fails with `overloaded`; other
   * messages end the connection. While a quarter of it waits, no call of the peer is started.
   */
  unsentBytes: number;
  /** The text of an exception, either way; the rest is cut off. */
  reasonCharacters: number;
  /** The wait for a connection, in milliseconds. */
  connectMs: number;
}

/** What carries a connection's messages. */
export interface Transport {
  /** Keeps what cannot be sent yet. */
  send(message: Uint8Array<ArrayBuffer>): void;
  /** The next message; null after the last. Rejected if the connection was lost. */
  receive(): Promise<Uint8Array | null>;
  close(): void;
  /** The bytes that `send` keeps. */
  unsent?: number;
  /** Resolves once it keeps fewer bytes than this. */
  drained?(bytes: number): Promise<void>;
}

/** What a connection is told. */
export interface Options {
  /** Called once, whoever has closed the connection. */
  onClosed?: (error: RpcError) => void;
  /** What the other side gets as the bootstrap capability, and as which interface. */
  bootstrap?: { type: Type; object: object };
  /** Those that differ from `LIMITS`. */
  limits?: Partial<Limits>;
}

export interface CallOptions {
  /** Aborting it cancels the call, which the peer may or may not carry out. */
  signal?: AbortSignal;
}

/**
 * A promise of a method's results. `pipeline` has the capabilities that will be in them, to be
 * called at once: the calls reach the peer without waiting for these results.
 */
export type Answer<T = any> = Promise<T> & { pipeline: any };

/** Where calls on a capability go. */
export interface Target {
  connection: object;
  call(method: Method, params?: object, options?: CallOptions): Answer;
  /** The MessageTarget of a call. */
  address(): object;
  /** The CapDescriptor that passes the capability back. */
  descriptor(): object;
  release(): void;
}

/** A step from a struct to one of its fields. */
export interface Step {
  name: string;
  offset: number;
}

/** A call of this side that is not answered. */
export interface Question {
  /** The method's results, or the interface of a bootstrap capability. */
  results: Type;
  promise: Promise<any>;
  resolve(value: any): void;
  reject(error: unknown): void;
  /** Forgets its signal. */
  ended?: () => void;
  id: number;
  /** The objects of this side that were passed. */
  exported: number[];
  cancelled: boolean;
  answered?: boolean;
  /** The results. */
  value?: any;
  /** Why there are none. */
  error?: unknown;
}

/** A call of the peer that it has not finished. */
export interface Call {
  id: number;
  /** Of the call's message. */
  bytes: number;
  /** The objects of this side that were passed in the answer. */
  exported: number[];
  returned: boolean;
  finished: boolean;
  /** Whether the results stay here until they are taken. */
  elsewhere?: boolean;
  /** The results. */
  done: Promise<{ type: Type; value: any }>;
}

/** An object of this side that the peer holds. */
export interface Export {
  object: any;
  type: Type;
  references: number;
}

/** Where a struct or an element of a list is: its data, then its pointers. */
export interface Place {
  segment: number;
  /** Of the segment. */
  view: DataView;
  /** Where its data starts, in bytes. */
  data: number;
  /** Of its data. */
  bits: number;
  /** Where its pointers start, in bytes. */
  pointers: number;
  /** Of its pointers. */
  count: number;
}
