/** No name that people write is longer; what follows is not compared, so that a long one costs little. */
const longest = 64;

/**
 * The candidates in the order in which the user may have meant them: names that contain the word, then those that take the fewest
 * edits to reach from it. Case doesn't count. Among equals the order stays.
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

/** The candidate that takes the fewest edits to reach from `word`, if it takes at most three. */
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

/** Letters to insert, delete or replace to get from one word to the other. */
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
