/** Everything that waits for a human's patience waits a fraction of it. */
const fastDefaults = {
  'poll-interval': '2s',
  'urgent-poll-interval': '200ms',
  'visibility-window': '1s',
  'recreate-after': '5s',
  'api-response-timeout': '2s',
  'api-connect-timeout': '1s',
  'provider-rate': '100',
} as const;

/** Flags of an operator in a hurry; `changed` are settings that shall be otherwise, or more of them. */
export function fastSettings(changed: Readonly<Record<string, string>> = {}): readonly string[] {
  return Object.entries({ ...fastDefaults, ...changed }).flatMap(([name, value]) => [`--${name}`, value]);
}

/** The same as environment variables of a container, for an operator that knows this provider. */
export function fastEnvironment(apiUrl: string): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries({ 'api-url': apiUrl, ...fastDefaults }).map(([name, value]) => ({
    name: `VPS247_${name.toUpperCase().replaceAll('-', '_')}`,
    value,
  }));
}

/** A provider to go with it: short enough for tests, long enough to be seen by a list. Milliseconds. */
export const fastLatencies = { pickup: 30, provision: 150, start: 100, halt: 100, kill: 50 } as const;
