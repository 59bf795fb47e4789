import { expect, test } from 'vitest';
import { settingNames, settingsTable } from '../../src/config/settings.ts';

/** The smallest and the largest value of each number and duration: a released installation may use either. */
const bounds: Readonly<Record<string, readonly [smallest: string, largest: string]>> = {
  leaseDuration: ['1s', '10m'],
  renewDeadline: ['500ms', '10m'],
  retryPeriod: ['100ms', '5m'],
  apiConnectTimeout: ['100ms', '1m'],
  apiResponseTimeout: ['100ms', '10m'],
  maxInFlight: ['1', '256'],
  providerRate: ['0', '1000'],
  providerBurst: ['1', '10000'],
  pollInterval: ['1s', '1h'],
  urgentPollInterval: ['50ms', '1m'],
  visibilityWindow: ['100ms', '1h'],
  recreateAfter: ['1s', '24h'],
  stuckAfter: ['1s', '24h'],
  maxMachinesPerNamespace: ['0', '100000'],
  maxApiKeys: ['1', '100000'],
  maxApiKeysPerNamespace: ['1', '100000'],
  maxDeletesPerMinute: ['0', '100000'],
  relistInterval: ['1s', '24h'],
  workers: ['1', '512'],
  shutdownGracePeriod: ['100ms', '10m'],
  machineMetricsLimit: ['0', '100000'],
};

const bounded = settingNames.filter((name) => 'minimum' in settingsTable[name].kind.bounds);

test('the bounds of every number and duration are here', () => {
  expect(bounded.toSorted()).toEqual(Object.keys(bounds).toSorted());
});

test.each(bounded)('%s accepts its smallest and its largest value, and nothing beyond', (name) => {
  const { kind } = settingsTable[name];
  const [smallest = '', largest = ''] = bounds[name] ?? [];
  if (!('minimum' in kind.bounds)) throw new Error(`${name} has no bounds`);
  const unit = kind.bounds.type === 'duration' ? 'ms' : '';
  const { minimum, maximum } = kind.bounds;
  expect([smallest, largest].map((text) => kind.read(text)?.value)).toEqual([minimum, maximum]);
  const beyond = [...(minimum === 0 ? [] : [minimum - 1]), maximum + 1];
  expect(beyond.map((value) => kind.read(`${value}${unit}`))).toEqual(beyond.map(() => undefined));
});
