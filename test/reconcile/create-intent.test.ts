import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { type Intent, readIntent } from '../../src/api/v1alpha1/identity.ts';
import type { Account } from '../../src/provider/account/account.ts';
import { createSnapshot } from '../../src/provider/account/snapshot.ts';
import { intentFor } from '../../src/reconcile/execute/execute.ts';
import { ObjectState } from '../../src/reconcile/object-state.ts';
import { machineIn, now, objectWith, uid } from '../plan/fixtures.ts';

const request = {
  name: 'web-0a1b2c3d',
  regionId: 1,
  packageId: 2,
  osTemplateId: 4,
  ipv6: true,
  privateNetworking: false,
  sshKeyIds: [],
};
const created = (secondsAgo: number) => new Date(now - secondsAgo * 1_000).toISOString();

/** An account whose newest list has one VM of this age and one without a readable name. */
function account(
  key: string,
  secondsAgo: number,
  namelessId: number,
): Pick<Account, 'snapshot' | 'ownerId' | 'keyedHash'> {
  const listed = [machineIn('Running', { id: 5, name: 'other', createdAt: created(secondsAgo) })];
  const snapshot = createSnapshot(0, 0, [...listed, { id: namelessId, problem: 'its name is missing' }]);
  return { snapshot, ownerId: 1, keyedHash: (text) => `${key} ${text}` };
}

/** The intents of calls for one object, each with its account. */
function intents(...accounts: readonly ReturnType<typeof account>[]): readonly (Intent | undefined)[] {
  let text: string | undefined;
  return accounts.map((one) => {
    const object = objectWith({ annotations: text === undefined ? {} : { [annotations.createPending]: text } });
    text = intentFor(request, object, new ObjectState(uid, 0), one, now);
    return readIntent(text, uid);
  });
}

describe('a create intent', () => {
  it('records the newest time and the nameless VMs of the list before the call', () => {
    const [first] = intents(account('a', 60, 6));
    expect(first).toMatchObject({ at: now, after: now - 60_000, nameless: [6], ownerId: 1, name: request.name });
    expect(first?.tries ?? 1).toBe(1);
  });

  it('records no time in the future', () => {
    expect(intents(account('a', -60, 6))[0]?.after).toBe(now);
  });

  it('of a repeated call keeps what was known before the first one, and counts the calls', () => {
    const [, second, third] = intents(account('a', 60, 6), account('a', 30, 7), account('a', 10, 8));
    expect(second).toMatchObject({ after: now - 60_000, nameless: [6], tries: 2 });
    expect(third).toMatchObject({ after: now - 60_000, nameless: [6], tries: 3 });
  });

  it('of another key begins with what is known now', () => {
    const [, second] = intents(account('a', 60, 6), account('b', 30, 7));
    expect(second).toMatchObject({ after: now - 30_000, nameless: [7] });
    expect(second?.tries ?? 1).toBe(1);
  });
});
