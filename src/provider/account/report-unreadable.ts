import type { Log } from '../../telemetry/log.ts';
import type { Snapshot } from './account.ts';

/** How many unreadable VMs a log line names. */
const maxReported = 5;

/** Logs the unreadable VMs of a list, unless the previous list had all of them. */
export function reportUnreadable(log: Log, before: Snapshot | undefined, { unreadable }: Snapshot): void {
  const entries = [...unreadable.values()];
  if (entries.every(({ id }) => before?.unreadable.has(id))) return;
  log.warn('Failed to decode VMs of the list', {
    count: entries.length,
    first: entries.slice(0, maxReported).map(({ id, problem }) => ({ id, problem })),
  });
}
