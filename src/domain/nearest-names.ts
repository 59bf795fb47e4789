/** Only this many characters are compared, which limits the cost of a long name. */
const longest = 64;

/**
 * The candidates, those first that the user most likely meant: names that contain the word, then by edit distance. Case
 * doesn't count. Equal candidates keep their order.
 */
export function byNearness<T>(word: string, candidates: readonly T[], nameOf: (candidate: T) => string): readonly T[] {
  const wanted = comparable(word);
  return candidates
    .map((candidate) => {
      const name = comparable(nameOf(candidate));
      return { candidate, isPart: name.includes(wanted), edits: editDistance(wanted, name) };
    })
    .toSorted((a, b) => Number(b.isPart) - Number(a.isPart) || a.edits - b.edits)
    .map(({ candidate }) => candidate);
}

/** The candidate with the smallest edit distance from `word`, if that is at most three. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 4;
  for (const candidate of candidates) {
    const distance = editDistance(comparable(word), comparable(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function comparable(name: string): string {
  return name.slice(0, longest).toLowerCase();
}

/** The Levenshtein distance: letters to insert, delete or replace. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
