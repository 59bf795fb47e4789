import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseManifests } from '../packaging/manifests.ts';
import type { Verdict } from '../secrets/run.ts';
import { type Granted, grantedBy } from './granted.ts';
import { type Used, usedIn } from './used.ts';

/** A whole run of the tests, and the installations whose permissions it must have used. */
export interface Run {
  /** The folder that everything was written to, audit logs too. */
  readonly out: string;
  /** Milliseconds since the epoch: logs that were not touched since are an earlier run's. */
  readonly startedAt: number;
  /** Files of manifests. */
  readonly installations: readonly string[];
  /** Where the report goes. */
  readonly report: string;
}

/** Compares what installations grant with what operators asked for in all tests: neither may be more than the other. */
export async function comparePermissions({ out, startedAt, installations, report }: Run): Promise<Verdict> {
  const logs = auditLogsSince(out, startedAt);
  const used = await usedIn(logs);
  const granted = installations.map((file) => {
    const name = basename(file);
    return { name, granted: grantedBy(parseManifests(readFileSync(file, 'utf8'), name)) };
  });
  const problems = [
    ...(logs.length === 0 ? ['no API server wrote an audit log'] : []),
    ...used.problems,
    ...granted.flatMap((one) => compare(one.name, one.granted, used)),
  ].map((problem) => `permissions: ${problem}`);
  writeFileSync(report, reportOf(used));
  const requests = [...used.requests.values()].reduce((sum, count) => sum + count, 0);
  const equation = problems.length === 0 ? `granted = used (${used.requests.size} rules)` : 'granted ≠ used';
  const where = installations.map((file) => basename(file)).join(' and ');
  return { summary: `permissions: ${equation}, by ${where} and ${requests} requests`, problems };
}

function compare(name: string, { everywhere, inNamespaces, problems }: Granted, used: Used): string[] {
  const all = new Set([...everywhere, ...inNamespaces]);
  const requested = [...used.requests.keys()];
  const found = [...problems];
  for (const permission of all)
    if (!used.requests.has(permission)) found.push(`${name}: grants ${permission}, which no operator used`);
  for (const permission of requested)
    if (!all.has(permission)) found.push(`${name}: does not grant ${permission}, which operators used`);
  if (everywhere.size > 0 && ![...everywhere].some((permission) => used.everywhere.has(permission)))
    found.push(`${name}: grants permissions in all namespaces, and no operator asked for more than one at once`);
  return found;
}

/** One line for each permission. */
function reportOf({ requests, everywhere, ofAnyUser }: Used): string {
  const lines = (counts: ReadonlyMap<string, number>): string[] =>
    [...counts]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(
        ([permission, count]) =>
          `${String(count).padStart(8)}  ${permission}${everywhere.has(permission) ? ', in all namespaces too' : ''}`,
      );
  return [
    'Requests by operators, granted by their installation:',
    ...lines(requests),
    '',
    'Granted by Kubernetes to every authenticated user:',
    ...lines(ofAnyUser),
    '',
  ].join('\n');
}

/** A log that has become large is put aside as `audit-<time>.log`. */
function auditLogsSince(out: string, startedAt: number): string[] {
  return readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^audit.*\.log$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => statSync(file).mtimeMs >= startedAt);
}
