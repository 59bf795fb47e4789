import { expect, test } from 'vitest';
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import type { Patch } from '../../src/kubernetes/client.ts';
import { KubeError } from '../../src/kubernetes/errors.ts';
import { forms, writeStatus } from '../../src/status/patch.ts';
import { now, objectWith, uid } from '../plan/fixtures.ts';

const time = '2026-06-01T12:00:00Z';
/** What decisions rest on after a crash. */
const record = {
  id: 90,
  providerName: 'web-0a1b2c3d',
  origin: 'Created',
  ownerId: 1,
  initialPasswordSecret: { name: 'web-password' },
  operation: { type: 'Restart', startTime: time },
  startFailure: { count: 1, lastTime: time },
  lastRestartRequest: 'two',
  internal: { objectUID: uid, apiKeyHash: 'hash', lastSyncedPowerState: 'Running' },
} as const satisfies Partial<VirtualMachineStatus>;
const after: VirtualMachineStatus = {
  observedGeneration: 1,
  ...record,
  state: 'Running',
  hostname: 'web',
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Available',
      message: '',
      observedGeneration: 1,
      lastTransitionTime: time,
    },
    {
      type: 'Synced',
      status: 'True',
      reason: 'Success',
      message: '',
      observedGeneration: 1,
      lastTransitionTime: time,
    },
  ],
};

interface Body {
  readonly metadata?: { readonly resourceVersion: string };
  readonly status: VirtualMachineStatus;
}

type Answer = (object: VirtualMachine) => VirtualMachine | KubeError;

const asSent: Answer = (object) => object;
const invalid: Answer = () => new KubeError('patch', { reason: 'Invalid', words: 'not valid' });
const withoutHostname: Answer = (object) => {
  const { hostname: _, ...status } = object.status ?? { observedGeneration: 0 };
  return { ...object, status };
};

/** Writes `after` to an API server that answers so, one patch after the other; each is stored as the next version. */
async function write(answers: readonly Answer[], more: { readonly resourceVersion?: string } = {}, wanted = after) {
  const sent: Body[] = [];
  let object = objectWith();
  const client = {
    get: () => Promise.resolve(object),
    patch: (_resource: unknown, ref: unknown, { type, subresource, body }: Patch): Promise<unknown> => {
      expect([ref, type, subresource]).toEqual([{ namespace: 'default', name: 'web' }, 'merge', 'status']);
      // `as`: what `writeStatus` sends.
      const { metadata, status } = body as Body;
      sent.push({ ...(metadata === undefined ? {} : { metadata }), status });
      if (metadata !== undefined && metadata.resourceVersion !== object.metadata.resourceVersion)
        return Promise.reject(new KubeError('patch', { reason: 'Conflict' }));
      const resourceVersion = String(Number(object.metadata.resourceVersion) + 1);
      const patched = { ...object, status: { ...object.status, ...status } };
      const answer = answers[sent.length - 1]?.({ ...patched, metadata: { ...object.metadata, resourceVersion } });
      if (answer === undefined || answer instanceof KubeError) return Promise.reject(answer ?? new Error('no answer'));
      object = answer;
      return Promise.resolve(answer);
    },
  };
  const written = await writeStatus(client, { object, after: wanted, now, among: forms, ...more });
  return { sent, written };
}

test('the status is written once where it is stored as sent', async () => {
  const { sent, written } = await write([asSent]);
  expect(sent).toEqual([{ status: after }]);
  expect(written).toMatchObject({ form: 'Full', because: undefined });
});

test('where the status is invalid, all values that decisions need are written, and Synced reports the reason', async () => {
  const { sent, written } = await write([invalid, asSent]);
  expect(sent[1]?.status.conditions?.find(({ type }) => type === 'Synced')).toMatchObject({
    status: 'False',
    reason: 'WriteRefused',
    message: 'part of the status cannot be stored: not valid',
  });
  expect(sent[1]?.status).toMatchObject(record);
  expect(sent[1]?.status).not.toHaveProperty('hostname');
  expect(written).toMatchObject({ form: 'Record', because: 'not valid' });
});

test('a problem that Synced reports already stays there, beside the reason', async () => {
  const [ready, synced] = after.conditions ?? [];
  if (ready === undefined || synced === undefined) throw new Error('no conditions');
  const failing = { ...synced, status: 'False', reason: 'RateLimited', message: 'paused' } as const;
  const { sent } = await write([invalid, asSent], {}, { ...after, conditions: [ready, failing] });
  expect(sent[1]?.status.conditions?.[1]).toMatchObject({
    reason: 'RateLimited',
    message: 'paused; part of the status cannot be stored: not valid',
  });
});

test('where these are invalid too, the conditions are written alone', async () => {
  const { sent, written } = await write([invalid, invalid, asSent]);
  expect(Object.keys(sent[2]?.status ?? {})).toEqual(['observedGeneration', 'conditions']);
  expect(written.form).toBe('Conditions');
});

test.each([{ refusals: [] }, { refusals: [invalid] }, { refusals: [invalid, invalid] }])(
  'the policies in effect are written with their generation: $refusals.length forms refused',
  async ({ refusals }) => {
    const policies = { deletionPolicy: 'Retain', onExternalDelete: 'Report' } as const;
    const { sent } = await write([...refusals, asSent], {}, { ...after, ...policies });
    expect(sent.at(-1)?.status).toMatchObject({ observedGeneration: 1, ...policies });
  },
);

test('a write before a call is only stored on the version that was read, or that its own write created', async () => {
  const { sent, written } = await write([withoutHostname, asSent], { resourceVersion: '7' });
  expect(sent.map(({ metadata }) => metadata?.resourceVersion)).toEqual(['7', '8']);
  expect(written.form).toBe('Record');
  await expect(write([asSent], { resourceVersion: '6' })).rejects.toMatchObject({ reason: 'Conflict' });
});

test.each([
  { because: 'the CRD has no subresource "status"', got: undefined, reason: 'Forbidden' },
  { because: 'the object is gone', got: 'NotFound', reason: 'NotFound' },
] as const)('a status that is not found is $reason: $because', async ({ got, reason }) => {
  const asked: unknown[] = [];
  const client = {
    get: (_resource: unknown, ref: unknown) => {
      asked.push(ref);
      return got === undefined ? Promise.resolve({}) : Promise.reject(new KubeError('get', { reason: got }));
    },
    patch: () => Promise.reject(new KubeError('patch', { reason: 'NotFound' })),
  };
  const request = { object: objectWith(), after, now, among: forms };
  await expect(writeStatus(client, request)).rejects.toMatchObject({ reason });
  expect(asked).toEqual([{ namespace: 'default', name: 'web' }]);
});
