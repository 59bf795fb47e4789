import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { markers } from './markers.ts';
import type { Recording } from './recording.ts';
import { Search } from './search.ts';

/** What a test run left behind. */
export interface Run {
  /** The folder that everything was written to. */
  readonly out: string;
  /** Milliseconds since the epoch: files that were not touched since are an earlier run's. */
  readonly startedAt: number;
  /** Undefined when no test asked for an API server. */
  readonly recorded: Recording | undefined;
  /** Whether nothing was left out: then operators must have run, and secrets been planted. */
  readonly isWhole: boolean;
}

/** One line that says what was searched, and a sentence for each thing that is wrong. */
export interface Verdict {
  readonly summary: string;
  readonly problems: readonly string[];
}

/** Each is reported with its place; one leak is often in a thousand lines. */
const mostReported = 20;

/** Searches all that a run wrote for the keys and passwords planted in it, and for the tokens that operators signed in with. */
export async function searchRun({ out, startedAt, recorded, isWhole }: Run): Promise<Verdict> {
  const { values, objects } = typeof recorded === 'object' ? recorded : { values: [], objects: 0 };
  const { files = [], kubeconfigs = [] } = Object.groupBy(writtenSince(out, startedAt), (file) =>
    file.endsWith('.kubeconfig') ? 'kubeconfigs' : 'files',
  );
  const tokens = kubeconfigs.flatMap((file) => tokensIn(readFileSync(join(out, file), 'utf8')));
  const search = new Search({ markers, values: [...values, ...tokens] });
  const found: string[] = [];
  let bytes = 0;
  for (const file of files) {
    bytes += statSync(join(out, file)).size;
    for (const { line, value, spelling } of await search.file(join(out, file)))
      found.push(`secrets: ${file}:${line} holds ${value} (${spelling})`);
  }
  const reported = found.slice(0, mostReported);
  if (found.length > reported.length) reported.push(`secrets: and ${found.length - reported.length} more`);
  const where = `${files.length} files, ${objects} objects among them, ${Math.ceil(bytes / 1024)} KiB`;
  const what = `${values.length + tokens.length} values and all that begins with ${markers.join(' or ')}`;
  return {
    summary: `secrets: searched ${where}, for ${what}: ${found.length === 0 ? 'none' : found.length} found`,
    problems: [...reported, ...doubts(files, recorded, isWhole)],
  };
}

/** The output of every whole run; without it nothing could have leaked. */
const expected: Readonly<Record<string, RegExp>> = {
  'log of an operator': /\/operator.*\.log$/,
  'page of metrics': /\.metrics\.txt$/,
  'list of arguments': /\.process\.json$/,
};

/** Why a search that found nothing proves nothing. */
function doubts(files: readonly string[], recorded: Run['recorded'], isWhole: boolean): string[] {
  if (typeof recorded === 'string') return [`secrets: the objects of the API server are not known: ${recorded}`];
  if (!isWhole) return [];
  const lacking = Object.entries(expected).filter(([, pattern]) => !files.some((file) => pattern.test(file)));
  const problems = lacking.map(([what]) => `secrets: nothing to search: no ${what}`);
  if (recorded === undefined) problems.push('secrets: the objects of the API server were not recorded');
  else if (recorded.values.length === 0) problems.push('secrets: no Secret held anything to search for');
  return problems;
}

/** A kubeconfig is, like a Secret, where its token belongs; nothing else is in one that tests make. */
function tokensIn(kubeconfig: string): string[] {
  return Array.from(kubeconfig.matchAll(/"token":"([^"]+)"/g), ([, token = '']) => token);
}

function writtenSince(out: string, startedAt: number): string[] {
  return readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(out, join(entry.parentPath, entry.name)))
    .filter((file) => statSync(join(out, file)).mtimeMs >= startedAt)
    .toSorted();
}
