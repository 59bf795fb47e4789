/**
 * Whether resourceVersion `a` came after `b`. All objects of one server count in the same sequence, in decimal without
 * leading zeros, and longer than what a number holds exactly: hence by length, then by digits.
 */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
