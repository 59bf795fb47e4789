/**
 * Whether resourceVersion `a` is newer than `b`. All objects of a server share one sequence of decimal numbers without
 * leading zeros. They can exceed the precision of a number, so they are compared by length, then by digits.
 */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
