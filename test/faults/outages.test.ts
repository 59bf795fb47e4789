import { finalizer } from '../../src/api/v1alpha1/constants.ts';
import { describe, expect, test } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { FaultAction } from '../../emulator/fault-rule.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { expectDone, life, liveThrough, patience, type Trouble, type Step, stepOf, take } from './life.ts';
import { createFaultyWorld, type FaultyWorld, hour, keys, minute } from './world.ts';

interface Outage extends Trouble {
  readonly what: string;
  readonly says: Reason;
  /** Most calls while it lasts. */
  readonly calls: number;
}

const all = (what: string, action: FaultAction, rest: Omit<Outage, 'what' | 'begin'>): Outage => ({
  what,
  begin: ({ emulator }) => void emulator.addFault({ when: 'instead', action, times: 'always' }),
  ...rest,
});
const loginPage = { kind: 'html' } as const;
const redirect = { kind: 'redirect', to: 'https://login.example/' } as const;
const rejected = { says: 'CredentialsRejected', lasts: hour, calls: 65 } as const;
const away = { says: 'ProviderUnavailable', lasts: 10 * minute, calls: 190 } as const;

const outages: readonly Outage[] = [
  all('ten minutes of 503', { kind: 'status', status: 503 }, away),
  all(
    'ten minutes of 503 that ask for patience',
    { kind: 'rate-limit', status: 503, retryAfter: '30' },
    { ...away, calls: 25 },
  ),
  all('ten minutes without any answer', { kind: 'hang' }, { ...away, calls: 40 }),
  all('ten minutes of resets', { kind: 'reset' }, away),
  {
    what: 'ten minutes of refused connections',
    begin: ({ wire }) => void (wire.isRefusing = true),
    end: ({ wire }) => void (wire.isRefusing = false),
    ...away,
    calls: 0,
  },
  all('an hour of garbage', { kind: 'garbage' }, { says: 'ProtocolError', lasts: hour, calls: 370 }),
  all('an hour of login pages', loginPage, rejected),
  all('an hour of redirects to a login page', redirect, rejected),
  all('an hour of 401', { kind: 'status', status: 401 }, rejected),
  {
    what: 'an hour with an unknown key',
    begin: ({ useKey }) => useKey(keys.unknown),
    end: ({ useKey }) => useKey(keys.ours),
    ...rejected,
  },
];

const rows = outages.flatMap((outage) => life.map((step) => ({ outage, step, what: outage.what, name: step.name })));

/** What the machine and the object were before the step, as far as an outage must not change it. */
const standing = (world: FaultyWorld) => ({
  machine: world.machineOf('web')?.state,
  isProtected: world.cluster.machine('web')?.metadata.finalizers?.includes(finalizer) ?? false,
  id: world.cluster.machine('web')?.status?.id,
  addresses: world.cluster.machine('web')?.status?.addresses,
});

/** Reported, without a conclusion, and completed after the fault; returns the calls that were sent during it. */
async function liveThroughOutage(world: FaultyWorld, outage: Outage, step: Step): Promise<readonly Operation[]> {
  const made: Operation[] = [];
  let before = {};
  const begin = async (): Promise<void> => {
    before = standing(world);
    await outage.begin(world);
    await world.clock.advance(0);
  };
  await liveThrough(world, { ...outage, begin }, step, ({ reasons, seq }) => {
    expect(reasons.at(-1)).toBe(outage.says);
    expect(standing(world)).toEqual(before);
    expect(world.emulator.ledger.calls.filter((call) => call.seq > seq).length).toBeLessThanOrEqual(outage.calls);
    // Every call that changes something is an operation of the provider's contract.
    made.push(...world.writes(seq).map(({ operation }) => operation as Operation));
  });
  return made;
}

/** A power call that garbage was the answer to counts as made, and one step of a life may need another then. */
const isSwallowed = ({ outage, step }: (typeof rows)[number]): boolean =>
  outage.says !== 'ProtocolError' && step.write !== 'KillMachine';

test.each(rows.filter(isSwallowed))(
  '$what, from "$name" on: reported, and the lost call is sent again afterwards',
  async ({ outage, step }) => {
    const world = await createFaultyWorld();
    const made = await liveThroughOutage(world, outage, step);
    expect(world.writes().map(({ operation }) => operation)).toEqual(
      life.flatMap(({ write }) => (write === step.write ? [...made, write] : [write])),
    );
    // One call may be sent before the first answer shows the fault.
    expect(made.length).toBeLessThanOrEqual(1);
    expect(world.emulator.ledger.forbiddenTransitions()).toEqual([]);
  },
);

test.each(rows.filter((row) => !isSwallowed(row)))(
  '$what, from "$name" on: reported, and completed afterwards',
  async ({ outage, step }) => {
    const world = await createFaultyWorld();
    const made = await liveThroughOutage(world, outage, step);
    expect(made.length).toBeLessThanOrEqual(1);
  },
);

/** The calls of a life, and the step that makes each. */
const calls: readonly { readonly operation: Operation; readonly step: Step }[] = [
  { operation: 'ListRegions', step: stepOf('CreateMachine') },
  { operation: 'ListPackages', step: stepOf('CreateMachine') },
  { operation: 'ListOsTemplates', step: stepOf('CreateMachine') },
  { operation: 'ListMachines', step: stepOf('StopMachine') },
  { operation: 'GetMachine', step: stepOf('DeleteMachine') },
];

describe('a read by id that is answered by', () => {
  test.each(
    [
      { what: 'a login page', action: loginPage, says: 'CredentialsRejected' },
      { what: 'a redirect', action: redirect, says: 'CredentialsRejected' },
      { what: '403', action: { kind: 'status', status: 403 }, says: 'CredentialsRejected' },
      { what: 'garbage', action: { kind: 'garbage' }, says: 'ProtocolError' },
      { what: '400', action: { kind: 'status', status: 400 }, says: 'ProviderUnavailable' },
      { what: '406', action: { kind: 'status', status: 406 }, says: 'ProviderUnavailable' },
    ].flatMap((answer) => calls.map((call) => ({ ...answer, ...call }))),
  )('$what: $operation', async ({ action, says, operation, step }) => {
    const world = await createFaultyWorld();
    // Of the actions above every one is a fault's.
    const begin = (): void =>
      void world.emulator.addFault({ operation, when: 'instead', action: action as FaultAction });
    await liveThrough(world, { begin, lasts: patience }, step, ({ reasons }) => expect(reasons).toContain(says));
    expect(world.writes().map(({ operation: made }) => made)).toEqual(life.map(({ write }) => write));
  });
});

describe('a read by id that fails temporarily is retried without a report', () => {
  test.each(
    ([{ kind: 'hang' }, { kind: 'reset' }, { kind: 'status', status: 500 }, { kind: 'truncate' }] as const).flatMap(
      (action) => calls.map(({ operation }) => ({ operation, action, kind: action.kind })),
    ),
  )('$kind: $operation', async ({ action, operation }) => {
    const world = await createFaultyWorld();
    world.emulator.addFault({ operation, when: 'instead', action });
    for (const step of life) await take(world, step);
    expect(world.reasons('web')).not.toContain('ProviderUnavailable');
    expect(world.complaints).toEqual([]);
  });
});

test('a VM in sync stays Ready while the provider is unavailable for an hour, without a write', async () => {
  const world = await createFaultyWorld();
  await take(world, stepOf('CreateMachine'));
  world.wire.isRefusing = true;
  await world.clock.advance(minute * 2);
  const writes = world.cluster.writes.length;
  await world.clock.advance(hour);
  expect(world.cluster.writes.length).toBe(writes);
  expect(world.condition('web', 'Ready')?.status).toBe('True');
  expect(world.condition('web', 'Synced')?.reason).toBe('ProviderUnavailable');
  world.wire.isRefusing = false;
  await world.clock.advance(minute);
  expectDone(world, stepOf('CreateMachine'));
});
