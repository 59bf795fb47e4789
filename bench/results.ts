/** What a run measured: plain data, from which the tables and the page are rendered. */
import type { Span } from './readings.ts';

/** A part of the run, until no more calls were made. */
export interface Measured {
  /** How many objects were created, changed or deleted. */
  readonly objects: number;
  /** From the first request until the last object is in sync. */
  readonly busySeconds: number;
  readonly span: Span;
}

/** One start of the operator on a cluster that is in sync. Milliseconds. */
export interface Start {
  /** From the start of the process to the end of the last reconciliation. */
  readonly milliseconds: number;
  /** A list of the same objects in pages of 500 just before, without other requests. */
  readonly listMilliseconds: number;
  /** The most memory the process had until then; undefined where the system doesn't report it. */
  readonly peakBytes: number | undefined;
  readonly span: Span;
}

/** The times of one change of spec.powerState. Milliseconds. */
export interface Flip {
  /** The same PATCH of an equal, unwatched object just before, until its response. */
  readonly probe: number;
  /** From before the PATCH was sent until the provider received the power call. */
  readonly reaction: number;
  /** Undefined in runs from before this was measured. */
  readonly inside?: Inside;
}

/** From the event of the change to the power call, beside clients that do nothing else. Milliseconds. */
export interface Inside {
  /** From when a bare watch received the event until the provider received the call. */
  readonly eventToCall: number;
  /** A bare request to the provider on an open connection just before, until its response. */
  readonly request: number;
}

/** Many changes at once. Seconds since the first PATCH was sent. */
export interface Burst {
  /** To the last response of as many PATCHes on unwatched objects, just before. */
  readonly probe: number;
  /** To the last response to these PATCHes. */
  readonly patches: number;
  /** To the last power call at the provider. */
  readonly lastCall: number;
}

/** CPU of one write on average: seconds. */
export interface WriteCpu {
  readonly apiServer: number;
  readonly etcd: number;
}

/** Our object, and the same write of a plain custom resource just before. */
export interface ComparedWrite {
  readonly own: WriteCpu;
  readonly plain: WriteCpu;
}

/** What writes of one object cost the control plane, in several rounds. */
export interface WriteCosts {
  /** Writes of each kind in one round. */
  readonly writes: number;
  /** The size of an object as the API server returns it. */
  readonly bytes: { readonly own: number; readonly plain: number };
  readonly rounds: readonly { readonly spec: ComparedWrite; readonly status: ComparedWrite }[];
}

export interface Outage {
  readonly downSeconds: number;
  /** From sending the first PATCH that the API server accepted afterwards, to the power call. */
  readonly milliseconds: number;
  /** The same from when the API server had answered a list of one object to a bare client, if that was later. Undefined in runs from before this was measured. */
  readonly afterList?: number;
  /** Restarts of the operator's process. */
  readonly restarts: number;
}

/** Power changes while another tenant causes the most expensive work. */
export interface Attack {
  readonly flips: readonly Flip[];
  /** Secrets that the tenant changed, and annotations of 100 kB, meanwhile. */
  readonly rounds: number;
  /** The most memory the process had until then; undefined where the system doesn't report it. */
  readonly peakBytes: number | undefined;
}

export interface Left {
  readonly objects: number;
  readonly machines: number;
}

/** Violations in the whole run. */
export interface Mishaps {
  readonly duplicates: number;
  readonly forbidden: number;
}

export interface Results {
  /** How many idle VMs existed before the measurements. */
  readonly size: number;
  readonly cores: number;
  readonly starts: readonly Start[];
  /** Undefined in runs from before this was measured, and where the system doesn't report the CPU of a process. */
  readonly writeCosts?: WriteCosts;
  readonly steady: Span;
  readonly flips: readonly Flip[];
  readonly flipping: Measured;
  readonly bursts: readonly Burst[];
  readonly bursting: Measured;
  /** Undefined in runs from before this was measured. */
  readonly attack?: Attack;
  /** With the initial password in a Secret, which is the default, and with `initialPasswordSecret.disabled`. */
  readonly creating: { readonly withPassword: Measured; readonly withoutPassword: Measured };
  readonly deleting: Measured & { readonly left: Left };
  readonly outage: Outage;
  readonly mishaps: Mishaps;
}
