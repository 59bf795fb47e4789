/** Methods that Node 18 lacks, for the code that the plugin shares with the operator. esbuild injects this file. */

function toSorted<T>(this: readonly T[], compare?: (a: T, b: T) => number): T[] {
  // oxlint-disable-next-line unicorn/no-array-sort -- toSorted is what is missing
  return [...this].sort(compare);
}

if (!('toSorted' in Array.prototype)) {
  // oxlint-disable-next-line no-extend-native -- the standard's method, where it is missing
  Object.defineProperty(Array.prototype, 'toSorted', { value: toSorted, configurable: true, writable: true });
}
