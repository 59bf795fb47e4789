import { describe, expect, it } from 'vitest';
import type { VirtualMachine, VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import type { KubeClient, Patch } from '../../src/kubernetes/client.ts';
import { KubeError, type KubeErrorReason } from '../../src/kubernetes/errors.ts';
import { ObjectState } from '../../src/reconcile/object-state.ts';
import { createStatusWriter } from '../../src/reconcile/status-writer.ts';
import { objectWith, uid } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

const after: VirtualMachineStatus = { observedGeneration: 1, id: 90, state: 'Running' };

/** A writer at an API server that answers as `refuses` says: a reason for the status that is to be stored, or none. */
function setUp(refuses: (status: Partial<VirtualMachineStatus>) => KubeErrorReason | undefined) {
  const clock = createManualClock();
  const object = objectWith();
  const sent: (readonly string[])[] = [];
  const client: Pick<KubeClient, 'get' | 'patch'> = {
    get: () => Promise.reject(new KubeError('get', { reason: 'NotFound' })),
    patch: async (_resource, _ref, { body }: Patch) => {
      // `as`: statuses only.
      const { status } = body as { readonly status: Partial<VirtualMachineStatus> };
      sent.push(Object.keys(status));
      const reason = refuses(status);
      if (reason !== undefined) throw new KubeError('patch', { reason, words: 'not so' });
      return { ...object, status: { ...object.status, ...status } } as VirtualMachine;
    },
  };
  const objectState = new ObjectState(uid, 0);
  const observed: unknown[] = [];
  const writer = createStatusWriter({
    client,
    clock,
    random: () => 0,
    isApiServerReady: () => true,
    cache: { get: () => object, assume: (stored) => observed.push(stored) },
    reportEvent: () => {},
  });
  const save = (isOutcome = false): Promise<unknown> =>
    writer.save(object, after, objectState, { isOutcome }).catch((error: KubeError) => error.reason);
  return { clock, objectState, observed, save, sent };
}

describe('a status that was stored', () => {
  it('is known at once, before the watch reports it', async () => {
    const { observed, save } = setUp(() => undefined);
    await save();
    expect(observed).toMatchObject([{ metadata: { name: 'web' }, status: after }]);
  });

  it.each<[what: string, reason: KubeErrorReason | undefined]>([
    ['stored', undefined],
    ['refused', 'Forbidden'],
    ['not answered', 'Timeout'],
  ])('or %s leaves its place to the next one', async (_what, reason) => {
    const { save, sent } = setUp(() => reason);
    for (let writes = 0; writes < 20; writes += 1) await save();
    expect(sent).toHaveLength(20);
  });
});

describe('a status that could not be stored', () => {
  it.each<{ what: string; reason: KubeErrorReason; isOutcome: boolean; isKept: boolean }>([
    { what: 'the outcome of a call, for want of an answer', reason: 'Timeout', isOutcome: true, isKept: true },
    { what: 'the outcome of a call, for a conflict', reason: 'Conflict', isOutcome: true, isKept: true },
    { what: 'anything else', reason: 'Timeout', isOutcome: false, isKept: false },
    { what: 'the outcome of a call for an object that is gone', reason: 'NotFound', isOutcome: true, isKept: false },
  ])('is kept if it is $what: $isKept', async ({ reason, isOutcome, isKept }) => {
    const { objectState, save } = setUp(() => reason);
    expect(await save(isOutcome)).toBe(reason);
    expect(objectState.unsaved).toEqual(isKept ? { status: after } : undefined);
  });

  it('stays kept if it was refused before and the next write has no answer', async () => {
    let reason: KubeErrorReason = 'Forbidden';
    const { objectState, save } = setUp(() => reason);
    await save();
    expect(objectState.unsaved?.refusal).toMatchObject({ form: 'Nothing', because: 'not so' });
    reason = 'Timeout';
    expect(await save()).toBe('Timeout');
    expect(objectState.unsaved).toEqual({ status: after });
  });
});

describe('a status of which a part was refused', () => {
  it('is sent without that part until the refusal ends, and then in full', async () => {
    const { clock, objectState, save, sent } = setUp((status) => ('state' in status ? 'Invalid' : undefined));
    await save();
    const { form, until = 0 } = objectState.unsaved?.refusal ?? {};
    expect([form, sent.length]).toEqual(['Record', 2]);
    await clock.advance(until - clock.monotonic() - 1);
    await save();
    expect(sent.slice(2).map((fields) => fields.includes('state'))).toEqual([false]);
    await clock.advance(1);
    await save();
    expect(sent.slice(3).map((fields) => fields.includes('state'))).toEqual([true, false]);
  });

  it('is sent in full each time while nothing of it can be stored', async () => {
    const { save, sent } = setUp(() => 'Forbidden');
    await save();
    await save();
    expect(sent.map((fields) => fields.includes('state'))).toEqual([true, true]);
  });
});
