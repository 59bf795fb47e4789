/** What a run measured: plain data, from which the tables, the page and the curves are made. */
import type { Span } from './readings.ts';

/** A part of the run that ended when nothing was called any more. */
export interface Measured {
  /** How many objects were created, flipped or deleted. */
  readonly objects: number;
  /** From the first request to the last object being as asked. */
  readonly busySeconds: number;
  readonly span: Span;
}

/** One start of the operator on a cluster where nothing is to be done. Milliseconds. */
export interface Start {
  /** From the process being started to the end of the last pass. */
  readonly milliseconds: number;
  /** A list of the same objects in pages of 500 just before, while nobody else asked for anything. */
  readonly listMilliseconds: number;
  /** The most memory the process had until then; undefined where the system does not tell. */
  readonly peakBytes: number | undefined;
  readonly span: Span;
}

/** What one flip of spec.powerState took. Milliseconds. */
export interface Flip {
  /** A PATCH like it, made just before on an object that nobody watches, until its answer. */
  readonly probe: number;
  /** From before the PATCH was sent until the provider received the power call. */
  readonly reaction: number;
}

/** Many flips at once. Seconds from the first PATCH being sent. */
export interface Burst {
  /** To the last answer of as many PATCHes on objects that nobody watches, just before. */
  readonly probe: number;
  /** To the last answer of the PATCHes themselves. */
  readonly patches: number;
  /** To the last power call at the provider. */
  readonly lastCall: number;
}

export interface Outage {
  readonly downSeconds: number;
  /** From the first PATCH that the API server took after its return, before it was sent, to the power call. */
  readonly milliseconds: number;
  /** How often the operator's process had to be started anew. */
  readonly restarts: number;
}

/** Flips while another tenant does what costs most. */
export interface Attack {
  readonly flips: readonly Flip[];
  /** Secrets that tenant changed, and annotations of 100 kB, meanwhile. */
  readonly rounds: number;
  /** The most memory the process had until then; undefined where the system does not tell. */
  readonly peakBytes: number | undefined;
}

export interface Left {
  readonly objects: number;
  readonly machines: number;
}

/** What must not have happened in the whole run. */
export interface Mishaps {
  readonly duplicates: number;
  readonly forbidden: number;
}

export interface Results {
  /** How many machines were there and idle before anything was measured. */
  readonly size: number;
  readonly cores: number;
  readonly starts: readonly Start[];
  readonly steady: Span;
  readonly flips: readonly Flip[];
  readonly flipping: Measured;
  readonly bursts: readonly Burst[];
  readonly bursting: Measured;
  /** Undefined in runs that were kept before there was one. */
  readonly attack?: Attack;
  /** With the initial password in a Secret, which is the default, and with `initialPasswordSecret.disabled`. */
  readonly creating: { readonly withPassword: Measured; readonly withoutPassword: Measured };
  readonly deleting: Measured & { readonly left: Left };
  readonly outage: Outage;
  readonly mishaps: Mishaps;
}
