import { describe, expect, it } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { startFailureAfter } from '../../src/plan/call-backoff.ts';
import { type ObservedOptions, failure, machineIn, now, observedWith, secondsAgo, uid } from './fixtures.ts';
import { halted, hard, kill, ready, stop } from './powers.ts';

describe('plan', () => {
  it('resolves names to ids in the create request', () => {
    expect(plan(observedWith()).action).toEqual({
      type: 'Create',
      request: {
        name: 'web-0a1b2c3d',
        regionId: 1,
        packageId: 2,
        osTemplateId: 4,
        ipv6: false,
        privateNetworking: false,
        sshKeyIds: [],
      },
    });
  });

  it('names the choices when a name is wrong', () => {
    const decision = plan(observedWith({ spec: { package: { name: 'Budgett' } } }));
    expect(decision.statusReason?.message).toBe(
      'package "Budgett" not found; valid: "Budget" (2), "Standard" (3), "Elsewhere" (9). Fix spec.package.name.',
    );
  });

  it.each([
    {
      isDefaultKey: false,
      whose: 'in Secret "vps247-credentials" under "api-key"; to replace it: kubectl -n default patch secret',
    },
    { isDefaultKey: true, whose: "the operator's default API key; ask your cluster administrator to replace it" },
  ])('reports whose key is not accepted: $whose', ({ isDefaultKey, whose }) => {
    const observed = { isDefaultKey, credentials: { kind: 'Rejected', failure: undefined } } as const;
    expect(plan(observedWith({ observed })).statusReason?.message).toContain(whose);
  });

  it('requeues for the end of the grace period', () => {
    const operation = { ...stop, startTime: secondsAgo(60) };
    expect(plan(observedWith({ id: 90, machine: 'Halting', spec: halted, status: { operation } })).after).toBe(240_000);
  });

  it('never waits longer than half an hour to repeat a call without an effect', () => {
    const operation = { ...kill, startTime: secondsAgo(10 * 86_400), attempts: 100 };
    const given = { id: 90, machine: 'Running', spec: hard, status: { operation } } as const;
    expect(plan(observedWith(given)).action.type).toBe('Kill');
  });

  it('counts the wait from the newest call: after an outage the call is sent once, not again at once', () => {
    const never = { ...kill, startTime: secondsAgo(600), attempts: 0, lastResult: 'ConnectFailed' };
    const without = { ...kill, startTime: secondsAgo(600), attempts: 1 };
    for (const [operation, attempts] of [
      [never, 1],
      [without, 2],
    ] as const) {
      const { action } = plan(observedWith({ id: 90, machine: 'Running', spec: hard, status: { operation } }));
      expect(action).toMatchObject({ type: 'Kill', operation: { startTime: new Date(now).toISOString(), attempts } });
      const asked = 'operation' in action ? action.operation : undefined;
      const next = observedWith({
        id: 90,
        machine: 'Running',
        spec: hard,
        ...(asked === undefined ? {} : { status: { operation: asked } }),
      });
      expect(plan(next).action.type).toBe('None');
    }
  });

  it('keeps the operation on record while the VM cannot be read', () => {
    const machine = { kind: 'ReadFailed', failure: failure() } as const;
    expect(plan(observedWith({ id: 90, machine, status: { operation: stop } })).operation).toEqual(stop);
  });

  it('removes the operation when the VM is in sync', () => {
    expect(
      plan(observedWith({ id: 90, machine: 'Halted', spec: halted, status: { operation: stop } })).operation,
    ).toBeUndefined();
  });

  it('waits longer after each failed start, at most five and a half minutes', () => {
    const delays = [0, 1, 2, 3, 8].map((count) => {
      const startFailure = { count, lastTime: secondsAgo(100), retryTime: secondsAgo(50) };
      const status = { ...ready(5), startFailure };
      return plan(observedWith({ id: 90, machine: 'Halted', status })).after ?? 0;
    });
    const nominal = [10_000, 40_000, 90_000, 160_000, 300_000];
    for (const [index, delay] of delays.entries()) {
      expect(delay).toBeGreaterThanOrEqual((nominal[index] ?? 0) * 0.5);
      expect(delay).toBeLessThanOrEqual((nominal[index] ?? 0) * 1.5);
    }
  });

  it('spreads the starts of VMs that halted at the same moment', () => {
    const uids = Array.from({ length: 100 }, (_, index) => `${uid.slice(0, -2)}${10 + index}`.slice(-36));
    const retries = uids.map((one) => startFailureAfter(undefined, now, one).retryTime);
    expect(new Set(retries).size).toBeGreaterThan(90);
  });

  it('reports no time in the past', () => {
    const createsWithoutVm = { creates: 2, since: now - 1 };
    const { after, statusReason } = plan(
      observedWith({ intent: true, observed: { createsWithoutVm: createsWithoutVm } }),
    );
    expect([after, statusReason?.message]).toEqual([
      299_999,
      expect.stringContaining('is sent at 2026-06-01T12:05:00Z.'),
    ]);
  });

  it('is a pure function: the same frozen observation gives the same decision, unchanged', () => {
    const observed = Object.freeze(observedWith({ id: 90, machine: 'Halted', status: ready(20) }));
    const before = structuredClone(observed);
    expect(plan(observed)).toEqual(plan(observed));
    expect(observed).toEqual(before);
  });

  it('never acts on an unknown VM, in any other state', () => {
    for (const base of [
      {},
      { intent: true },
      { id: 90 },
      { id: 90, deleting: true },
      { intent: true, deleting: true },
    ]) {
      for (const kind of ['NotYetSeen', 'OutcomeUnknown', 'AbsenceUnconfirmed'] as const) {
        const decision = plan(observedWith({ ...base, machine: { kind }, spec: hard }));
        expect(decision.action.type).toBe('None');
      }
    }
  });
});

it.each([
  { kind: 'MassAbsence', vanished: 17, of: 40 },
  { kind: 'Unreadable', id: 4711, problem: 'its state is "odd"', isOurs: false },
] as const)("a message with the operator's own key reveals nothing about other VMs: $kind", (machine) => {
  const messageWith = (isDefaultKey: boolean) =>
    plan(observedWith({ intent: true, machine, observed: { isDefaultKey } })).statusReason?.message;
  expect([messageWith(false), messageWith(true)]).toEqual([
    expect.stringMatching(/17|4711/),
    expect.not.stringMatching(/17|40|4711|odd/),
  ]);
});

it("a message with the operator's own key names the object's own VM although it can't be read", () => {
  const machine = { kind: 'Unreadable', id: 90, problem: 'its state is "odd"', isOurs: true } as const;
  const { statusReason } = plan(observedWith({ id: 90, machine, observed: { isDefaultKey: true } }));
  expect(statusReason?.message).toContain('the provider lists VM 90, but its state is "odd"');
});

it.each([
  { what: 'of its record', given: { id: 90, status: { ownerId: 1, internal: { objectUID: uid } } }, owner: '1' },
  { what: 'that the status showed', given: { intent: true, status: { ownerId: 3 } }, owner: '3' },
  { what: 'that is not known', given: { intent: true }, owner: 'unknown' },
])('a key of another account is compared to the owner $what', ({ given, owner }) => {
  const machine = { kind: 'OtherAccount', ownerId: 2 } as const;
  const { message } = plan(observedWith({ ...given, machine })).statusReason ?? {};
  expect(message).toContain(`shows VMs of owner 2, but this VM belongs to owner ${owner};`);
});

it.each<{ readonly what: string; readonly given: ObservedOptions; readonly says: string }>([
  {
    what: "the provider's answer to a rejected key",
    given: {
      id: 90,
      observed: {
        credentials: {
          kind: 'Rejected',
          failure: failure({ class: 'Credentials', code: 'Unauthorized', status: 401, text: 'bad key' }),
        },
      },
    },
    says: '(ListMachines failed with Unauthorized 401: bad key)',
  },
  {
    what: 'how long a deleted VM may be in an unknown state',
    given: { id: 90, machine: 'Unknown', deleting: true },
    says: 'if that lasts 600 s, the operator deletes it nevertheless',
  },
  {
    what: 'the policy that would leave a VM running: Retain',
    given: {
      id: 90,
      machine: 'Running',
      deleting: true,
      spec: { deletionPolicy: 'Retain' },
      observed: { mayOrphan: false },
    },
    says: 'deleted, but spec.deletionPolicy Retain would leave the VM running',
  },
  {
    what: 'the policy that would leave a VM running: Observe',
    given: {
      id: 90,
      machine: 'Running',
      deleting: true,
      spec: { managementPolicy: 'Observe' },
      observed: { mayOrphan: false },
    },
    says: 'deleted, but spec.managementPolicy Observe would leave the VM running',
  },
  {
    what: 'the whole change that creates a VM instead of adopting one',
    given: { spec: { adoption: { policy: 'MustExist' } } },
    says: `'{"spec":{"adoption":{"policy":"IfExists","id":null,"name":null}}}'`,
  },
])('a message has $what', ({ given, says }) => {
  expect(plan(observedWith(given)).statusReason?.message).toContain(says);
});

it('the first five mistakes of a spec are reported', () => {
  const flaws = [1, 2, 3, 4, 5, 6].map((number) => `mistake ${number}`);
  const { message } = plan(observedWith({ flaws })).statusReason ?? {};
  expect(message).toMatch(/^mistake 1; mistake 2; mistake 3; mistake 4; mistake 5; the operator does nothing/);
});

it.each([
  { spec: { adoption: { policy: 'MustExist', id: 4711 } }, which: 'with id 4711' },
  { spec: { adoption: { policy: 'MustExist' }, providerName: 'site' }, which: 'named "site"' },
] as const)('a VM to adopt that the account lacks is described as the spec does: $which', ({ spec, which }) => {
  for (const incomplete of [{}, { package: undefined }]) {
    // `never`: the schema requires a package for any other policy only.
    const given = { spec: { ...spec, ...incomplete } as never };
    expect(plan(observedWith(given)).statusReason?.message).toContain(`the account has no VM ${which}; correct`);
  }
});

it.each([
  {
    mayOrphan: true,
    remedy: /; to delete this object and leave the VM to that one: kubectl -n default patch vps web /,
  },
  { mayOrphan: false, remedy: /, which records it too$/ },
])(
  'an object whose VM another one holds shows how to leave it to that one, if that is permitted: $mayOrphan',
  ({ mayOrphan, remedy }) => {
    const observed = { mayOrphan, machineConflict: 'default/other' };
    expect(plan(observedWith({ id: 90, machine: 'Running', observed })).statusReason?.message).toMatch(remedy);
  },
);

it.each([
  { isUrgent: true, what: 'a create request is sent', given: {} },
  { isUrgent: true, what: 'its result is unknown', given: { intent: true, machine: { kind: 'OutcomeUnknown' } } },
  { isUrgent: true, what: 'nothing is read yet after one', given: { intent: true, machine: { kind: 'NotYetSeen' } } },
  {
    isUrgent: true,
    what: 'nothing is read yet after a power call',
    given: {
      id: 90,
      machine: { kind: 'NotYetSeen' },
      status: { operation: { type: 'Stop', startTime: secondsAgo(1) } },
    },
  },
  {
    isUrgent: true,
    what: 'nothing is read yet of an object that is deleted',
    given: { id: 90, deleting: true, machine: { kind: 'NotYetSeen' } },
  },
  { isUrgent: false, what: 'nothing is read yet otherwise', given: { id: 90, machine: { kind: 'NotYetSeen' } } },
  { isUrgent: true, what: 'it is recorded', given: { intent: true, machine: 'Running' } },
  { isUrgent: true, what: 'it is provisioned', given: { id: 90, machine: 'Pending' } },
  { isUrgent: true, what: 'it starts', given: { id: 90, machine: 'Starting' } },
  { isUrgent: true, what: 'it is started', given: { id: 90, machine: 'Halted' } },
  { isUrgent: true, what: 'it halts', given: { id: 90, machine: 'Halting', spec: hard } },
  { isUrgent: true, what: 'it is deleted', given: { id: 90, deleting: true, machine: 'Halted' } },
  { isUrgent: false, what: 'it runs', given: { id: 90, machine: 'Running' } },
  { isUrgent: false, what: 'its state is not known', given: { id: 90, machine: 'Unknown' } },
  {
    isUrgent: false,
    what: 'its provisioning failed',
    given: { id: 90, machine: machineIn('Pending', { lastTask: { status: 'failed' } }) },
  },
  {
    isUrgent: false,
    what: 'it drifted, which is only reported',
    given: {
      id: 90,
      machine: 'Halted',
      status: { internal: { lastSyncedPowerState: 'Running' } },
      spec: { powerDriftPolicy: 'Report' },
    },
  },
  { isUrgent: false, what: 'the read failed', given: { id: 90, machine: { kind: 'ReadFailed', failure: failure() } } },
] as const)('the urgent polling interval while $what: $isUrgent', ({ given, isUrgent }) => {
  expect(plan(observedWith(given)).fastPolling).toBe(isUrgent);
});
