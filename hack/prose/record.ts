/** The number of findings in each file with findings. */
export type Counts = Readonly<Record<string, number>>;

/**
 * One line for each file, so that git merges all changes (`merge=union` in .gitattributes): the lowest of a file's
 * counts is valid.
 */
export function parseRecord(text: string): Counts {
  const counts: Record<string, number> = {};
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, count, path = ''] = /^(\d+) (.+)$/.exec(line) ?? [];
    counts[path] = Math.min(counts[path] ?? Infinity, Number(count));
  }
  return counts;
}

export function formatRecord(counts: Counts): string {
  return Object.entries(counts)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, count]) => `${count} ${path}\n`)
    .join('');
}

/** One sentence for each file that differs from the record. */
export function differences(recorded: Counts, found: Counts): readonly string[] {
  const paths = [...new Set([...Object.keys(recorded), ...Object.keys(found)])].toSorted();
  return paths.flatMap((path) => {
    const [before, now] = [recorded[path] ?? 0, found[path] ?? 0];
    if (now === before) return [];
    const remedy = now > before ? `fix the words (npm run prose -- ${path})` : 'lower the record (npm run generate)';
    return [`${path}: ${now} findings, ${before} recorded: ${remedy}`];
  });
}

/**
 * The record lowered to the present findings. A new file may have as many findings as other files lost, because it was
 * moved or split.
 */
export function lowered(recorded: Counts, found: Counts): Counts {
  const isNew = (path: string): boolean => !(path in recorded);
  const kept = Object.entries(recorded).map(([path, count]) => [path, Math.min(count, found[path] ?? 0)] as const);
  const added = Object.entries(found).filter(([path]) => isNew(path));
  const lost = sumOf(Object.values(recorded)) - sumOf(kept.map(([, count]) => count));
  const isMoved = sumOf(added.map(([, count]) => count)) <= lost;
  return Object.fromEntries([...kept, ...(isMoved ? added : [])].filter(([, count]) => count > 0));
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
