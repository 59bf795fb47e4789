import { exponentialDelay } from '../../../domain/backoff.ts';

/** How often an account is read and changed, as the operator's flags say. Times are milliseconds. */
export interface AccountSettings {
  /** The interval between lists while idle, ±10 %. */
  readonly pollInterval: number;
  /**
   * The shortest interval while a key polls fast, which grows by half with each read; and the minimum interval between
   * the starts of two requested lists, or of two rounds of single reads.
   */
  readonly urgentPollInterval: number;
  /** Calls in flight at a time, lists excluded. */
  readonly maxInFlight: number;
  /** Sustained calls per second, of all kinds; 0: unlimited. */
  readonly providerRate: number;
  /** Calls that may be sent at once after an idle time. */
  readonly providerBurst: number;
  /** How long a VM must be missing before it is recreated. */
  readonly recreateAfter: number;
}

/** The longest interval while a key polls fast, and between lists that fail. Milliseconds. */
export const longestUrgentPoll = 10_000;
/**
 * The interval between lists while the key is rejected. For a key that was never accepted, it doubles each time, up to
 * tenfold. Milliseconds.
 */
const probeInterval = 60_000;
const slowestProbe = 10;

interface Ended {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What determines the next read. Times are monotonic milliseconds. */
export interface ReadNeeds {
  readonly lastList: Ended | undefined;
  /** The newest list or round of single reads. */
  readonly lastRead: Ended | undefined;
  /** Consecutive failed lists. */
  readonly failures: number;
  readonly hasSubscribers: boolean;
  /** The earliest start of a requested list. */
  readonly listRequestedAt: number | undefined;
  /** The earliest start of a requested read of a machine, by a list or alone. */
  readonly machineRequestedAt: number | undefined;
  readonly fastInterval: number | undefined;
  readonly idleInterval: number;
  readonly isRejected: boolean;
  /** Consecutive lists that rejected a key that was never accepted. */
  readonly rejections?: number;
  /** When a rejected key was stored in a Secret again. */
  readonly retryAt: number | undefined;
  /** When the rate-limit pause ends. */
  readonly rateLimitedUntil: number | undefined;
  /** When the next list may probe the provider; undefined while it is available. */
  readonly nextProbeAt: number | undefined;
}

/** `Any`: a list, or a read of each requested machine, whichever is cheaper at that time. */
export interface NextRead {
  readonly at: number;
  readonly kind: 'List' | 'Any';
}

/**
 * When the next read starts, and its kind; undefined if no read is needed. The earliest of these counts ("spaced": at
 * least `urgentPollInterval` after the start of the last read of that kind):
 *
 *   no subscription or request              never
 *   the key is rejected                     a list, as a slow probe: only a list can show that the key works again
 *   … and was never accepted                a list, with exponential backoff: it may be any text that a tenant stored
 *   … and was written to a Secret again     a list then, spaced
 *   the circuit breaker is open             a list, when the next probe is due
 *   no list yet                             a list, immediately
 *   a key is subscribed                     a list, an idle interval after the last one
 *   a list is requested                     a list then, spaced
 *   a key polls fast                        any, the fast interval after the last read
 *   a read of a machine is requested        any, then, spaced
 *   the last list failed                    a list, with exponential backoff up to `longestUrgentPoll`
 *
 * Nothing is read during a rate-limit pause.
 */
export function nextRead(needs: ReadNeeds, settings: AccountSettings): NextRead | undefined {
  const { lastList, failures, hasSubscribers, listRequestedAt, machineRequestedAt, fastInterval, nextProbeAt } = needs;
  if (!hasSubscribers && listRequestedAt === undefined) return undefined;
  const open = Math.max(needs.rateLimitedUntil ?? 0, nextProbeAt ?? 0);
  if (lastList === undefined) return { at: Math.max(open, hasSubscribers ? 0 : (listRequestedAt ?? 0)), kind: 'List' };
  const spaced = (moment: number, last: Ended): number =>
    Math.max(moment, last.startedAt + settings.urgentPollInterval);
  if (needs.isRejected) {
    const growth = Math.min(2 ** Math.max(0, (needs.rejections ?? 0) - 1), slowestProbe);
    const probe = Math.min(lastList.endedAt + probeInterval * growth, spaced(needs.retryAt ?? Infinity, lastList));
    return { at: Math.max(open, probe), kind: 'List' };
  }
  if (nextProbeAt !== undefined) return { at: open, kind: 'List' };

  const lastRead = needs.lastRead ?? lastList;
  const list = Math.min(
    hasSubscribers ? lastList.endedAt + needs.idleInterval : Infinity,
    spaced(listRequestedAt ?? Infinity, lastList),
    hasSubscribers && failures > 0 ? lastList.endedAt + longestUrgentPoll : Infinity,
  );
  const any = Math.min(
    hasSubscribers && fastInterval !== undefined ? lastRead.endedAt + fastInterval : Infinity,
    spaced(machineRequestedAt ?? Infinity, lastRead),
  );
  // While lists fail, single machines aren't read.
  const delays = { first: settings.urgentPollInterval, longest: longestUrgentPoll };
  const delay = failures === 0 ? 0 : exponentialDelay(failures - 1, delays);
  const at = Math.max(open, lastList.endedAt + delay, Math.min(list, any));
  return { at, kind: any < list && failures === 0 ? 'Any' : 'List' };
}

/** The cost of a request, in machines of a list. docs/performance.md describes the measurement. */
const requestCost = 100;

/**
 * How many machines may be read one by one instead of in a list of `rows` machines. Worked table, for ten calls a
 * second and sixteen in flight:
 *
 * | list of | interval | one by one up to | because                                                                    |
 * | ------- | -------- | ---------------- | -------------------------------------------------------------------------- |
 * |     100 |      1 s |                0 | a list costs hardly more than one machine, and shows all                   |
 * |     300 |      1 s |                1 | single reads must cost less than half of a list                            |
 * |   1,000 |      1 s |                5 | as above, and single reads take at most half of the calls                  |
 * |   1,000 |     10 s |                5 | single reads must cost less than half of a list                            |
 * |  10,000 |      1 s |                5 | a thousand creates are followed by lists, one power change by single reads |
 * |  10,000 |     10 s |               16 | the concurrency limit                                                      |
 */
export function maxSingleReads(
  rows: number,
  { intervalMs, ratePerSecond, maxInFlight }: { intervalMs: number; ratePerSecond: number; maxInFlight: number },
): number {
  const cheaper = Math.ceil((requestCost + rows) / 2 / (requestCost + 1)) - 1;
  return Math.min(cheaper, maxInFlight, Math.floor((ratePerSecond * intervalMs) / 1000 / 2));
}
