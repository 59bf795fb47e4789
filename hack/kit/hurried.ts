/** Flags of an operator in a hurry: everything that waits for a human's patience waits a fraction of it. */
export const hurried: readonly string[] = [
  '--poll-interval',
  '2s',
  '--urgent-poll-interval',
  '200ms',
  '--visibility-window',
  '1s',
  '--api-response-timeout',
  '2s',
  '--api-connect-timeout',
  '1s',
];

/** A provider to go with it: short enough for tests, long enough to be seen by a list. Milliseconds. */
export const hurriedLatencies = { pickup: 30, provision: 150, start: 100, halt: 100, kill: 50 } as const;
