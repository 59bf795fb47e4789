import { describe, expect, it } from 'vitest';
import { readIntent, writeIntent } from '../../../src/api/v1alpha1/identity.ts';
import { annotations } from '../../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { Patch } from '../../../src/kubernetes/client.ts';
import { KubeError, type KubeErrorReason } from '../../../src/kubernetes/errors.ts';
import { type Failure, failed, type Outcome, succeeded } from '../../../src/domain/failure.ts';
import type { CreateRequest } from '../../../src/domain/machine.ts';
import { createSnapshot } from '../../../src/provider/account/snapshot.ts';
import type { CreateResult, Provider } from '../../../src/provider/provider.ts';
import type { WritableAccount, ExecuteDeps } from '../../../src/reconcile/execute/execution.ts';
import { execute } from '../../../src/reconcile/execute/execute.ts';
import { ObjectState } from '../../../src/reconcile/object-state.ts';
import { failure, machineIn, objectWith, type ObjectOptions, uid } from '../../plan/fixtures.ts';
import { createManualClock } from '../../support/clock.ts';

const name = 'web-0a1b2c3d';
const ordered = { ipv6: true, privateNetworking: false, sshKeyIds: [7] };
const request: CreateRequest = { name, regionId: 1, packageId: 2, osTemplateId: 4, ...ordered };

/** Carries out a create whose turn has come, for an account whose newest list shows VM 5. */
async function create(options: {
  readonly object?: ObjectOptions;
  readonly answer?: Outcome<CreateResult>;
  readonly hasPlace?: boolean;
  /** Whether the object is unchanged when the intent is stored. */
  readonly isNewest?: boolean;
  /** Why the API server doesn't store the intent. */
  readonly refusal?: KubeErrorReason;
}) {
  const clock = createManualClock();
  const object = objectWith(options.object);
  const objectState = new ObjectState(uid, 0);
  const calls: string[] = [];
  const stored = (change: Patch): VirtualMachine => {
    calls.push('patch');
    // `as`: only metadata is patched.
    const { metadata } = change.body as Pick<VirtualMachine, 'metadata'>;
    annotated = metadata.annotations ?? {};
    return { ...object, metadata: { ...object.metadata, ...metadata } };
  };
  let intent: string | undefined;
  let annotated: Readonly<Record<string, string | null>> = {};
  // `as`: what a create needs of them.
  const deps = {
    client: {
      patch: (_resource: object, _ref: object, change: Patch) =>
        options.refusal === undefined
          ? Promise.resolve(stored(change))
          : Promise.reject(new KubeError('patch', { reason: options.refusal })),
    },
    clock,
    stored: ({ metadata }: VirtualMachine) => (intent = metadata.annotations?.[annotations.createPending]),
    isNewest: () => options.isNewest ?? true,
    quota: { reserve: () => options.hasPlace ?? true, release: () => calls.push('release') },
    reserveInAccount: () => true,
    releaseInAccount: () => {},
    ownership: {},
  } as unknown as ExecuteDeps;
  const provider = {
    createMachine: () => {
      calls.push('CreateMachine');
      return Promise.resolve(options.answer ?? succeeded({ id: 90 }));
    },
  } as unknown as Provider;
  const account = {
    snapshot: createSnapshot(0, 0, [machineIn('Running', { id: 5, name: 'other' })]),
    ownerId: 1,
    keyedHash: (text: string) => text,
    write: async (_change: object, call: (to: Provider) => Promise<unknown>, onAcquired: () => Promise<boolean>) =>
      (await onAcquired()) ? call(provider) : undefined,
  } as unknown as WritableAccount;
  const target = { object, providerName: name, account, isDefaultKey: false, objectState };
  const execution = await execute(deps, { type: 'Create', request }, target);
  return { execution, objectState, calls, intent, annotated };
}

describe('a create', () => {
  it('records its intent in the object before the call', async () => {
    const { calls, execution } = await create({});
    expect(calls).toEqual(['patch', 'CreateMachine']);
    expect(execution).toMatchObject({
      type: 'Created',
      record: { id: 90, name, origin: 'Created', ownerId: 1, options: ordered },
    });
  });

  it('removes the hint for the VM that it replaces in the same write', async () => {
    const { annotated } = await create({ object: { id: 90 } });
    expect(annotated).toMatchObject({ [annotations.machine]: null, [annotations.createPending]: expect.any(String) });
  });

  it('writes and calls nothing if another object took its place in the namespace quota meanwhile', async () => {
    const { calls, execution } = await create({ hasPlace: false });
    expect({ calls, execution }).toEqual({ calls: [], execution: { type: 'Superseded' } });
  });

  it.each([
    { what: 'the object changed meanwhile', given: { isNewest: false }, execution: { type: 'Superseded' } },
    { what: 'the API server has a newer one', given: { refusal: 'Conflict' }, execution: { type: 'Superseded' } },
    { what: 'the API server refuses it', given: { refusal: 'Forbidden' }, execution: { type: 'WriteRefused' } },
  ] as const)('is not sent, and leaves its place in the quota, if $what', async ({ given, execution: expected }) => {
    const { calls, execution } = await create(given);
    expect(execution).toMatchObject(expected);
    expect(calls.filter((call) => call !== 'patch')).toEqual(['release']);
  });

  it.each([
    {
      what: 'the VM on record, which it replaces',
      object: { id: 90 },
      replaces: 90,
    },
    {
      what: 'none, because the hint of another object counts for nothing',
      object: { id: 90, recordedFor: 'other' },
      replaces: undefined,
    },
  ])('records $what', async ({ object, replaces }) => {
    const { intent } = await create({ object });
    expect(readIntent(intent, uid)?.replaces).toBe(replaces);
  });

  it.each([
    { what: 'the first has them', earlier: undefined, recorded: ordered },
    { what: 'an earlier one had the same', earlier: ordered, recorded: ordered },
    { what: 'an earlier one, which may have had an effect, had others', earlier: { ...ordered, ipv6: false } },
    { what: 'an earlier one did not say', earlier: 'unknown' as const },
    { what: 'an earlier one was made with another key', earlier: ordered, sign: () => 'by another key' },
  ])('records its options where the VM is sure to have them: $what', async ({ earlier, recorded, sign = String }) => {
    const { metadata } = objectWith();
    const before = { at: 1, name, options: earlier === 'unknown' ? undefined : earlier };
    const pending = earlier === undefined ? {} : { [annotations.createPending]: writeIntent(metadata, before, sign) };
    const { intent, execution } = await create({ object: { annotations: pending } });
    expect(readIntent(intent, uid)?.options).toEqual(recorded);
    // Of the call that was answered they are known.
    expect(execution).toMatchObject({ record: { options: ordered } });
  });

  it.each<{ because: string; answer: CreateResult; record: object | undefined }>([
    { because: 'the id of a VM that was listed before', answer: { id: 5 }, record: undefined },
    { because: 'no id', answer: {}, record: undefined },
    {
      because: 'an id that no list has',
      answer: { id: 6 },
      record: { id: 6, name, origin: 'Created', ownerId: 1, options: ordered },
    },
  ])('records $record after an answer with $because', async ({ answer, record }) => {
    const { execution } = await create({ answer: succeeded(answer) });
    expect(execution.type === 'Created' && execution.record).toEqual(record);
  });

  it.each<{ because: string; given: Partial<Failure>; isRefused: boolean }>([
    {
      because: 'a login page may stand behind a call that went through',
      given: { class: 'Credentials', code: 'HtmlResponse', status: 200 },
      isRefused: false,
    },
    {
      because: 'so may a redirect',
      given: { class: 'Credentials', code: 'Redirected', status: 302 },
      isRefused: false,
    },
    {
      because: '401 is answered before anything happens',
      given: { class: 'Credentials', code: 'Unauthorized', status: 401 },
      isRefused: true,
    },
    { because: 'so is 403', given: { class: 'Credentials', code: 'Forbidden', status: 403 }, isRefused: true },
    { because: 'a busy provider refuses', given: { class: 'Wait', code: 'Busy', status: 406 }, isRefused: true },
    {
      because: 'an answer that was lost says nothing',
      given: { class: 'UnknownOutcome', code: 'Timeout' },
      isRefused: false,
    },
  ])('that failed can be settled by one list: $isRefused, because $because', async ({ given, isRefused }) => {
    const answer = failed(failure({ operation: 'CreateMachine', ...given }));
    const { objectState, intent } = await create({ answer });
    expect([objectState.sentIntent, objectState.refusedIntent]).toEqual([intent, isRefused ? intent : undefined]);
  });
});

describe('the completion of a record', () => {
  const record = { id: 90, name, origin: 'Created' } as const;

  /** The API server answers the first patch with a conflict, and then has this object. */
  async function complete(present: VirtualMachine) {
    const object = objectWith({ id: 90 });
    const versions: unknown[] = [];
    const client = {
      get: () => Promise.resolve(present),
      patch: (_resource: object, _ref: object, { body }: Patch) => {
        // `as`: only metadata is patched.
        const { metadata } = body as Pick<VirtualMachine, 'metadata'>;
        versions.push(metadata.resourceVersion);
        if (versions.length === 1) return Promise.reject(new KubeError('patch', { reason: 'Conflict', status: 409 }));
        return Promise.resolve({ ...present, metadata: { ...present.metadata, ...metadata } });
      },
    };
    // `as`: what it needs of them.
    const deps = { client, stored: () => {}, ownership: {} } as unknown as ExecuteDeps;
    const target = {
      object,
      providerName: name,
      account: null,
      isDefaultKey: false,
      objectState: new ObjectState(uid, 0),
    };
    const execution = await execute(deps, { type: 'CompleteIdentity', machine: record }, target).catch(
      ({ reason }: KubeError) => reason,
    );
    return { execution, versions };
  }

  it('is repeated on the newest version after a conflict', async () => {
    const object = objectWith({ id: 90 });
    const newer = { ...object, metadata: { ...object.metadata, resourceVersion: '77' } };
    const { execution, versions } = await complete(newer);
    expect({ execution, versions }).toEqual({
      execution: { type: 'Recorded' },
      versions: [object.metadata.resourceVersion, '77'],
    });
  });

  it('writes nothing into another object that has the name now', async () => {
    const object = objectWith({ id: 90 });
    const other = { ...object, metadata: { ...object.metadata, uid: 'other', resourceVersion: '77' } };
    const { versions } = await complete(other);
    expect(versions).toEqual([object.metadata.resourceVersion]);
  });
});

describe('an adoption', () => {
  const machine = { id: 90, name, origin: 'Adopted' } as const;

  /** Which of its reservations it takes and releases. */
  async function adopt(given: {
    readonly refusal?: KubeErrorReason;
    readonly hasPlace?: boolean;
    readonly isFree?: boolean;
  }) {
    const calls: string[] = [];
    const object = objectWith();
    // `as`: what an adoption needs of them.
    const deps = {
      client: {
        patch: (_resource: object, _ref: object, { body }: Patch) =>
          given.refusal === undefined
            ? // `as`: only metadata is patched.
              Promise.resolve({ ...object, metadata: { ...object.metadata, ...(body as VirtualMachine).metadata } })
            : Promise.reject(new KubeError('patch', { reason: given.refusal })),
      },
      stored: () => {},
      lockForAdoption: ({ id }: { readonly id: number }) => (calls.push(`lock ${id}`), given.isFree ?? true),
      unlockAdoption: ({ id }: { readonly id: number }) => calls.push(`unlock ${id}`),
      quota: {
        reserve: (_key: string, id: number) => (calls.push(`reserve ${id}`), given.hasPlace ?? true),
        release: () => calls.push('release'),
      },
      ownership: {},
    } as unknown as ExecuteDeps;
    const target = {
      object,
      providerName: name,
      account: null,
      isDefaultKey: false,
      objectState: new ObjectState(uid, 0),
    };
    const execution = await execute(deps, { type: 'RecordIdentity', machine }, target);
    return { execution, calls };
  }

  it('keeps the VM reserved until the status records it', async () => {
    expect(await adopt({})).toEqual({
      execution: { type: 'Recorded', record: machine },
      calls: ['lock 90', 'reserve 90', 'release'],
    });
  });

  it.each([
    { refusal: 'Conflict', execution: { type: 'Superseded' } },
    { refusal: 'Forbidden', execution: { type: 'WriteRefused' } },
  ] as const)('that is not stored leaves the VM to other objects: $refusal', async ({ refusal, execution }) => {
    expect(await adopt({ refusal })).toMatchObject({
      execution,
      calls: ['lock 90', 'reserve 90', 'unlock 90', 'release'],
    });
  });

  it('writes nothing for a VM that another object adopts now', async () => {
    expect(await adopt({ isFree: false })).toEqual({ execution: { type: 'Superseded' }, calls: ['lock 90'] });
  });

  it('writes nothing if another object took the last place meanwhile', async () => {
    expect((await adopt({ hasPlace: false })).execution).toEqual({ type: 'Superseded' });
  });
});

/** Sends deletes one after the other. */
async function remove(count: number, given: { readonly mayDelete?: boolean; readonly isAccepted?: boolean } = {}) {
  const calls: string[] = [];
  const clock = createManualClock();
  const objectState = new ObjectState(uid, 0);
  // `as`: what a delete needs of them.
  const deps = {
    clock,
    deletionRate: { take: (key: string) => (calls.push(`take ${key}`), given.mayDelete ?? true) },
    storeIntent: ({ type }: { readonly type: string }) => (calls.push(`store ${type}`), Promise.resolve()),
  } as unknown as ExecuteDeps;
  const provider = {
    deleteMachine: (id: number) => {
      calls.push(`delete ${id}`);
      return Promise.resolve(given.isAccepted === false ? failed(failure()) : succeeded('Accepted'));
    },
  } as unknown as Provider;
  const account = {
    write: async (_write: object, call: (to: Provider) => Promise<unknown>, onAcquired: () => Promise<boolean>) =>
      (await onAcquired()) ? call(provider) : undefined,
  } as unknown as WritableAccount;
  const target = { object: objectWith({ id: 90 }), providerName: name, account, isDefaultKey: false, objectState };
  for (let index = 0; index < count; index += 1) {
    await clock.advance(1_000);
    await execute(deps, { type: 'Delete', id: 90 }, target);
  }
  return { calls, deletes: objectState.deletes, acceptedAt: objectState.deleteAcceptedAt };
}

describe('a delete', () => {
  it('takes its slot, is recorded, and is sent', async () => {
    const { calls } = await remove(1);
    expect(calls).toEqual(['take default/web', 'store Delete', 'delete 90']);
  });

  it('is counted each time that it is accepted, so that the pauses grow', async () => {
    const { deletes, acceptedAt } = await remove(3);
    expect([deletes, acceptedAt]).toEqual([3, 3_000]);
  });

  it('is not counted if it fails', async () => {
    const { deletes, acceptedAt } = await remove(1, { isAccepted: false });
    expect([deletes, acceptedAt]).toEqual([0, undefined]);
  });

  it('is neither recorded nor sent above the limit of deletes', async () => {
    const { calls, deletes } = await remove(1, { mayDelete: false });
    expect([calls, deletes]).toEqual([['take default/web'], 0]);
  });
});
