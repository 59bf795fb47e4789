import { describe, expect, it } from 'vitest';
import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { ObjectRecords } from '../../src/controller/object-records.ts';
import { KubeError } from '../../src/kubernetes/errors.ts';
import { Ownership, type OwnershipOptions } from '../../src/reconcile/ownership.ts';
import { objectWith } from '../plan/fixtures.ts';

/** `patch`: how the API server answers a write. */
function ownershipOf(
  options: Partial<OwnershipOptions> = {},
  patch: (...sent: unknown[]) => Promise<unknown> = () => Promise.reject(),
) {
  const reported: string[] = [];
  const ownership = new Ownership({
    installation: 'a/mine',
    takeOverFrom: ['b/old'],
    // Only what is asked of it.
    client: { patch } as unknown as OwnershipOptions['client'],
    log: { warn: () => {} } as unknown as OwnershipOptions['log'],
    stored: () => {},
    records: new ObjectRecords(),
    events: { record: ({ note }) => void reported.push(note) },
    ...options,
  });
  return { ownership, reported };
}

const owned = (owner: string | undefined, uid?: string) => {
  const object = objectWith(owner === undefined ? {} : { annotations: { [annotations.managedBy]: owner } });
  return uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } };
};

describe('the owner of an object', () => {
  const nameless = { installation: undefined, takeOverFrom: [] };
  it.each<{ owner: string | undefined; options?: Partial<OwnershipOptions>; isMine: boolean; isOthers: boolean }>([
    { owner: undefined, isMine: false, isOthers: false },
    { owner: 'a/mine', isMine: true, isOthers: false },
    { owner: 'b/old', isMine: false, isOthers: false },
    { owner: 'c/else', isMine: false, isOthers: true },
    { owner: undefined, options: nameless, isMine: false, isOthers: false },
    { owner: 'c/else', options: nameless, isMine: false, isOthers: true },
  ])('$owner, for $options: mine $isMine, of others $isOthers', ({ owner, options, isMine, isOthers }) => {
    const { ownership } = ownershipOf(options);
    expect([ownership.isMine(owned(owner)), ownership.isOwnedByOthers(owned(owner))]).toEqual([isMine, isOthers]);
  });

  it.each([
    { before: 'c/else', after: owned('a/mine'), isTakenOver: true },
    { before: 'c/else', after: owned(undefined), isTakenOver: true },
    { before: 'c/else', after: undefined, isTakenOver: true },
    { before: 'c/else', after: owned('c/else'), isTakenOver: false },
    { before: 'a/mine', after: owned('c/else'), isTakenOver: false },
    { before: undefined, after: owned('a/mine'), isTakenOver: false },
  ])('from $before to another installation: taken $isTakenOver', ({ before, after, isTakenOver }) => {
    expect(ownershipOf().ownership.isTakenOver(owned(before), after)).toBe(isTakenOver);
  });

  it('counts the objects of others that are in scope, as long as they exist', () => {
    const { ownership } = ownershipOf();
    const counts = [
      [owned('c/else'), true],
      [owned('a/mine'), true],
      [owned('c/else'), false],
      [owned('c/else'), true],
      [undefined, true],
    ] as const;
    expect(
      counts.map(([object, isInScope]) => {
        ownership.change('default/web', object, isInScope);
        return ownership.others;
      }),
    ).toEqual([1, 0, 0, 1, 0]);
  });

  it('is reported once for each object, and again for a later object of the same name', async () => {
    const { ownership, reported } = ownershipOf();
    const report = (uid: string) => ownership.leave('default/web', owned('c/else', uid), true);
    for (const uid of ['one', 'one', 'two']) await report(uid);
    expect(reported).toHaveLength(2);
    ownership.change('default/web', undefined, true);
    await report('two');
    expect(reported).toHaveLength(3);
    expect(ownership.others).toBe(1);
  });

  it('is not quoted if it cannot be the name of a Lease', async () => {
    const { ownership, reported } = ownershipOf();
    for (const owner of ['c/else', 'see https://example.com', `c/${'x'.repeat(300)}`, ''])
      await ownership.leave(`default/${owner}`, owned(owner), true);
    expect(reported.map((message) => message.split(',')[0])).toEqual([
      'managed by c/else',
      ...Array.from({ length: 3 }, () => 'managed by an unknown installation'),
    ]);
  });
});

const held = { finalizers: [finalizer] };
const marked = (owner: string | undefined, more: object = {}) => {
  const object = owned(owner);
  return { ...object, metadata: { ...object.metadata, ...more } };
};
const stored = () => Promise.resolve(marked('a/mine', held));
const notFound = () => Promise.reject(new KubeError('patch', { reason: 'NotFound' }));
const conflict = () => Promise.reject(new KubeError('patch', { reason: 'Conflict' }));

describe('the ownership annotation', () => {
  it.each<{ because: string; object: VirtualMachine; goesOn: boolean }>([
    { because: 'it is marked already', object: marked('a/mine', held), goesOn: true },
    { because: 'it is new', object: marked(undefined), goesOn: true },
    { because: 'it has the finalizer and no mark', object: marked(undefined, held), goesOn: false },
    {
      because: 'so has one that is deleted',
      object: marked(undefined, { ...held, deletionTimestamp: 'x' }),
      goesOn: true,
    },
    { because: 'another installation had it', object: marked('b/old', held), goesOn: false },
    {
      because: 'another installation had it, and it is deleted',
      object: marked('b/old', { ...held, deletionTimestamp: 'x' }),
      goesOn: false,
    },
  ])('is written, or the reconciliation continues ($goesOn): $because', async ({ object, goesOn }) => {
    let writes = 0;
    const { ownership } = ownershipOf({}, () => {
      writes += 1;
      return stored();
    });
    expect([await ownership.ensureOwned(object), writes]).toEqual([goesOn, goesOn ? 0 : 1]);
  });

  it.each([
    { because: 'it was stored', patch: stored, owner: 'b/old', isOthers: true },
    { because: 'it met a conflict', patch: conflict, owner: 'b/old', isOthers: false },
    { because: 'it was gone by then', patch: notFound, owner: 'b/old', isOthers: false },
    { because: 'there was nothing to take over', patch: stored, owner: undefined, isOthers: false },
  ])('is changed once on takeover: $because', async ({ patch, owner, isOthers }) => {
    const { ownership } = ownershipOf({}, patch);
    await ownership.ensureOwned(marked(owner, held));
    expect(ownership.isOwnedByOthers(marked('b/old', held))).toBe(isOthers);
    // One of the same name that comes later is another object.
    expect(ownership.isOwnedByOthers(owned('b/old', 'later'))).toBe(false);
  });

  it.each([
    { owner: 'a/mine', writes: 1 },
    { owner: 'c/else', writes: 0 },
    { owner: undefined, writes: 0 },
  ])('of $owner is removed with $writes writes when the object leaves the scope', async ({ owner, writes }) => {
    const bodies: unknown[] = [];
    const { ownership, reported } = ownershipOf({}, (...sent: unknown[]) => {
      bodies.push(sent);
      return Promise.resolve(marked(undefined));
    });
    await ownership.leave('default/web', marked(owner), false);
    expect([bodies.length, reported.length, ownership.others]).toEqual([writes, 0, 0]);
  });
});
