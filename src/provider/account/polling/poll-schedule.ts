import { exponentialDelay } from '../../../domain/backoff.ts';

/** How often an account may be read and changed. Milliseconds, except where another unit is named. */
export interface AccountSettings {
  /** Between two lists when nothing is going on, ±10 %. */
  readonly idlePollMs: number;
  /** While a key polls fast: the first interval, which grows by half for each read up to the second. */
  readonly urgentPollMinMs: number;
  readonly urgentPollMaxMs: number;
  /** Between the starts of two lists that were asked for, however many ask; likewise of two rounds of single reads. */
  readonly minListIntervalMs: number;
  /** Between two lists while the key is rejected; for one that was never accepted this doubles each time, up to ten times as long. */
  readonly probeMs: number;
  /** Calls in flight at a time, lists excluded. */
  readonly maxInFlight: number;
  /** Calls a second in the long run, all kinds together; 0: no limit. */
  readonly ratePerSecond: number;
  /** Calls that may go out at once after a while of quiet. */
  readonly burst: number;
  /** Between two VMs that are created in place of ones that are gone. */
  readonly recreationIntervalMs: number;
}

export const defaultAccountSettings: AccountSettings = {
  idlePollMs: 60_000,
  urgentPollMinMs: 1_000,
  urgentPollMaxMs: 10_000,
  minListIntervalMs: 1_000,
  probeMs: 60_000,
  maxInFlight: 16,
  ratePerSecond: 10,
  burst: 20,
  recreationIntervalMs: 60_000,
};

const slowestProbe = 10;

interface Ended {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What the time of the next read depends on. Times are monotonic milliseconds. */
export interface ReadNeeds {
  readonly lastList: Ended | undefined;
  /** The newest list or round of single reads. */
  readonly lastRead: Ended | undefined;
  /** How many lists in a row failed, up to now. */
  readonly failures: number;
  readonly hasSubscribers: boolean;
  /** The earliest start of a requested list. */
  readonly listRequestedAt: number | undefined;
  /** The earliest start of a requested read of a machine, by a list or by itself. */
  readonly machineRequestedAt: number | undefined;
  readonly fastInterval: number | undefined;
  readonly idleInterval: number;
  readonly isRejected: boolean;
  /** How many lists in a row rejected a key that was never accepted. */
  readonly rejections?: number;
  /** When a rejected key was stored in a Secret again. */
  readonly retryAt: number | undefined;
  /** When the rate-limit pause ends. */
  readonly rateLimitedUntil: number | undefined;
  /** When the next list may probe whether the provider is back; undefined while it is available. */
  readonly nextProbeAt: number | undefined;
}

/** `Any`: a list, or a read of each requested machine, whichever is cheaper then. */
export interface NextRead {
  readonly at: number;
  readonly kind: 'List' | 'Any';
}

/**
 * When the next read is to start, and of what; undefined when no read is needed. The earliest of what is needed counts:
 *
 *   no subscription or request              never
 *   the key is rejected                     a list as a slow probe: only a list can show that it works again
 *   and was never accepted                  a list as an ever slower probe: it may be anything that a tenant put into a Secret
 *   and a Secret has it again               a list then, but the shortest interval after the last one's start
 *   the circuit breaker is open             a list when the next probe is due: only a list can show that it is back
 *   no list yet                             a list at once
 *   a key is subscribed                     a list an idle interval after the last one
 *   a list is requested                     then, but the shortest interval after the last one's start
 *   a key polls fast                        any, the fast interval after the last read
 *   a read of a machine is requested        any, then, but the shortest interval after the last read's start
 *   the last list failed                    a list no sooner than a growing delay, no later than the longest urgent interval
 *
 * and never during a rate-limit pause.
 */
export function nextRead(needs: ReadNeeds, settings: AccountSettings): NextRead | undefined {
  const { lastList, failures, hasSubscribers, listRequestedAt, machineRequestedAt, fastInterval, nextProbeAt } = needs;
  if (!hasSubscribers && listRequestedAt === undefined) return undefined;
  const open = Math.max(needs.rateLimitedUntil ?? 0, nextProbeAt ?? 0);
  if (lastList === undefined) return { at: Math.max(open, hasSubscribers ? 0 : (listRequestedAt ?? 0)), kind: 'List' };
  const spaced = (moment: number, last: Ended): number => Math.max(moment, last.startedAt + settings.minListIntervalMs);
  if (needs.isRejected) {
    const growth = Math.min(2 ** Math.max(0, (needs.rejections ?? 0) - 1), slowestProbe);
    const probe = Math.min(lastList.endedAt + settings.probeMs * growth, spaced(needs.retryAt ?? Infinity, lastList));
    return { at: Math.max(open, probe), kind: 'List' };
  }
  if (nextProbeAt !== undefined) return { at: open, kind: 'List' };

  const lastRead = needs.lastRead ?? lastList;
  const list = Math.min(
    hasSubscribers ? lastList.endedAt + needs.idleInterval : Infinity,
    spaced(listRequestedAt ?? Infinity, lastList),
    hasSubscribers && failures > 0 ? lastList.endedAt + settings.urgentPollMaxMs : Infinity,
  );
  const any = Math.min(
    hasSubscribers && fastInterval !== undefined ? lastRead.endedAt + fastInterval : Infinity,
    spaced(machineRequestedAt ?? Infinity, lastRead),
  );
  // Nothing is decided on single machines while lists fail.
  const delays = { first: settings.urgentPollMinMs, longest: settings.urgentPollMaxMs };
  const delay = failures === 0 ? 0 : exponentialDelay(failures - 1, delays);
  const at = Math.max(open, lastList.endedAt + delay, Math.min(list, any));
  return { at, kind: any < list && failures === 0 ? 'Any' : 'List' };
}

/** What a request costs by itself, counted in machines of a list; docs/performance.md describes the measurement. */
const requestCost = 100;

/**
 * How many machines may be read one by one rather than in a list of so many `rows`. Worked table, for ten calls a second
 * and sixteen at a time:
 *
 * | list of | interval | one by one up to | because                                                               |
 * | ------- | -------- | ---------------- | --------------------------------------------------------------------- |
 * |     100 |      1 s |                0 | a list costs hardly more than one machine, and shows all              |
 * |     300 |      1 s |                1 | they have to cost less than half of what a list does                  |
 * |   1,000 |      1 s |                5 | the same, and single reads take half of the calls at most             |
 * |   1,000 |     10 s |                5 | they have to cost less than half of what a list does                  |
 * |  10,000 |      1 s |                5 | a thousand creates are followed by lists, a flip by single reads       |
 * |  10,000 |     10 s |               16 | all of them at once, and no more                                      |
 */
export function mostSingleReads(
  rows: number,
  { intervalMs, ratePerSecond, maxInFlight }: { intervalMs: number; ratePerSecond: number; maxInFlight: number },
): number {
  const cheaper = Math.ceil((requestCost + rows) / 2 / (requestCost + 1)) - 1;
  return Math.min(cheaper, maxInFlight, Math.floor((ratePerSecond * intervalMs) / 1000 / 2));
}
