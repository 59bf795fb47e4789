import { toMicroTime } from '../../domain/clock.ts';
import { fieldsOf } from '../../domain/json.ts';

/** The fields of a stored Lease that leader election reads. */
export interface LeaseState {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Undefined: it is free. */
  readonly holder: string | undefined;
  /** How long other processes respect the Lease after each change, in milliseconds; 0 if unspecified. */
  readonly duration: number;
  readonly transitions: number;
}

/** The lease duration of a released Lease. A Lease that is empty but has another duration was edited by a user. */
const releasedSeconds = 1;

/** Reads a stored Lease. Missing and malformed fields count as empty, so that the Lease can be acquired. */
export function readLease(object: unknown): LeaseState {
  const { metadata, spec } = fieldsOf(object);
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = fieldsOf(spec);
  const holder = typeof holderIdentity === 'string' && holderIdentity !== '' ? holderIdentity : undefined;
  return {
    uid: String(fieldsOf(metadata)['uid'] ?? ''),
    resourceVersion: String(fieldsOf(metadata)['resourceVersion']),
    holder,
    duration: typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds * 1000 : 0,
    transitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
  };
}

/** Whether its last leader released it, and so changes nothing any more. */
export function isReleased({ holder, duration }: LeaseState): boolean {
  return holder === undefined && duration === releasedSeconds * 1000;
}

/** Milliseconds; `at` is epoch, for display only. */
export interface LeaseRenewal {
  readonly identity: string;
  readonly duration: number;
  readonly at: number;
}

/** The spec with which `identity` acquires the Lease. */
export function acquiredSpec({ identity, duration, at }: LeaseRenewal, before: LeaseState | undefined): object {
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(duration / 1000),
    acquireTime: toMicroTime(at),
    renewTime: toMicroTime(at),
    leaseTransitions: before === undefined ? 0 : before.transitions + 1,
  };
}

/** The fields that change with each renewal. */
export function renewedSpec({ identity, duration, at }: LeaseRenewal): object {
  return { holderIdentity: identity, leaseDurationSeconds: Math.ceil(duration / 1000), renewTime: toMicroTime(at) };
}

/** A released Lease: a standby may acquire it immediately. */
export function releasedSpec(at: number): object {
  return { holderIdentity: '', leaseDurationSeconds: releasedSeconds, renewTime: toMicroTime(at) };
}
