/** How often an account may be read and changed. Milliseconds, except `maxInFlight`. */
export interface Pace {
  /** Between two lists when nothing is going on, ±10 %. */
  readonly idlePollMs: number;
  /** While somebody has urgency: the first interval, which grows by half for each list up to the second. */
  readonly urgentPollMinMs: number;
  readonly urgentPollMaxMs: number;
  /** Between the starts of two lists that were asked for, however many ask. */
  readonly minListIntervalMs: number;
  /** Between two lists while the key is not accepted. */
  readonly probeMs: number;
  /** Writes and single reads under way at a time. */
  readonly maxInFlight: number;
}

export const defaultPace: Pace = {
  idlePollMs: 60_000,
  urgentPollMinMs: 1_000,
  urgentPollMaxMs: 10_000,
  minListIntervalMs: 1_000,
  probeMs: 60_000,
  maxInFlight: 16,
};

/** What the moment of the next list depends on. Times are monotonic milliseconds. */
export interface ListNeeds {
  readonly last: { readonly startedAt: number; readonly endedAt: number } | undefined;
  /** How many lists in a row failed, up to now. */
  readonly failures: number;
  readonly isFollowed: boolean;
  /** The earliest moment that somebody wants a list to start at. */
  readonly wantedAt: number | undefined;
  readonly urgentInterval: number | undefined;
  readonly idleInterval: number;
  readonly isRejected: boolean;
  readonly gateClosedUntil: number | undefined;
}

/**
 * When the next list is to start; undefined when nobody needs one. The earliest of what is needed counts:
 *
 *   nobody follows or wants                 never
 *   the key is rejected                     one slow probe: only a list can show that it works again
 *   no list yet                             at once
 *   somebody follows                        an idle interval after the last one
 *   somebody has urgency                    the urgent interval after the last one
 *   somebody wants one                      then, but the shortest interval after the last one's start
 *   the last one failed                     no sooner than a growing delay, no later than the longest urgent interval
 *
 * and never before the gate opens.
 */
export function nextListAt(needs: ListNeeds, pace: Pace): number | undefined {
  const { last, failures, isFollowed, wantedAt, urgentInterval } = needs;
  if (!isFollowed && wantedAt === undefined) return undefined;
  const gate = needs.gateClosedUntil ?? 0;
  if (last === undefined) return Math.max(gate, isFollowed ? 0 : (wantedAt ?? 0));
  if (needs.isRejected) return Math.max(gate, last.endedAt + pace.probeMs);

  const due = [
    isFollowed ? last.endedAt + needs.idleInterval : Infinity,
    isFollowed && urgentInterval !== undefined ? last.endedAt + urgentInterval : Infinity,
    wantedAt === undefined ? Infinity : Math.max(wantedAt, last.startedAt + pace.minListIntervalMs),
    isFollowed && failures > 0 ? last.endedAt + pace.urgentPollMaxMs : Infinity,
  ];
  const delay = failures === 0 ? 0 : Math.min(pace.urgentPollMinMs * 2 ** (failures - 1), pace.urgentPollMaxMs);
  return Math.max(gate, last.endedAt + delay, Math.min(...due));
}
