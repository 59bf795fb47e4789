// oxlint-disable no-extend-native -- The only way to follow the collections of all modules.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTenantWorld, type Tenant } from './world/tenants.ts';

const minute = 60_000;
/** No other number of the operator is as large, except times. */
const firstId = 5_000_000;

/** The collections that modules of the operator have changed, with the place of the first change. */
const changed = new Map<WeakRef<Collection>, string>();
type Collection = Map<unknown, unknown> | Set<unknown>;

const { set } = Map.prototype;
const { add } = Set.prototype;
const known = new WeakSet<Collection>();

/** Each of these is bounded, and holds what is gone until newer values take its place. */
const bounded: readonly string[] = ['src/api/v1alpha1/decode.ts', 'src/telemetry/redact.ts'];

/** Notes where the operator changes the collection; the fourth line of a stack is the caller of the patched method. */
function follow(collection: Collection): void {
  if (known.has(collection)) return;
  known.add(collection);
  const place = /\/(src\/[^:?]+)[^\n]*?:(\d+):\d+/.exec(new Error('place').stack?.split('\n')[3] ?? '');
  if (place !== null) Reflect.apply(set, changed, [new WeakRef(collection), `${place[1]}:${place[2]}`]);
}

beforeEach(() => {
  Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
    follow(this);
    return Reflect.apply(set, this, [key, value]) as Map<unknown, unknown>;
  };
  Set.prototype.add = function (this: Set<unknown>, value: unknown) {
    follow(this);
    return Reflect.apply(add, this, [value]) as Set<unknown>;
  };
});

afterEach(() => {
  Map.prototype.set = set;
  Set.prototype.add = add;
  changed.clear();
});

/** The collections that still contain a key or a value that `isGone` describes. */
function left(isGone: (value: unknown, isOfAllAccounts: boolean) => boolean): readonly string[] {
  setFlagsFromString('--expose-gc');
  // `as`: the function that the flag adds.
  (runInNewContext('gc') as () => void)();
  const found: string[] = [];
  for (const [ref, place] of changed) {
    const entries = [...(ref.deref()?.entries() ?? [])].flat();
    // What an account holds of its VMs ends with the account.
    const gone = entries.filter((value) => isGone(value, !place.startsWith('src/provider/account/')));
    if (gone.length > 0 && !bounded.some((file) => place.startsWith(file)))
      found.push(`${place}: ${gone.length}, such as ${String(gone[0])}`);
  }
  return found.toSorted();
}

it('nothing is remembered of namespaces, objects and VMs that are gone', async () => {
  const world = await createTenantWorld({ maxMachinesPerNamespace: 9, maxDeletesPerMinute: 100 });
  world.fakeProvider.firstId = firstId;
  const tenants = Array.from({ length: 6 }, (_, index) => world.tenant(`gone-${index}`, { ownerId: index + 1 }));
  const uids = new Set<unknown>();
  const each = async (work: (tenant: Tenant) => void): Promise<void> => {
    tenants.forEach(work);
    await world.clock.advance(5 * minute);
  };
  await each((tenant) => {
    tenant.apply('usual');
    tenant.apply('named', { providerName: 'site' });
    tenant.apply('same', { providerName: 'site' });
    tenant.apply('adopting', { adoption: { policy: 'MustExist', id: 4_999_999 } });
    tenant.apply('planned', { managementPolicy: 'Plan' });
  });
  for (const { object } of tenants) for (const name of ['usual', 'named']) uids.add(object(name)?.metadata.uid);
  const isGone = (value: unknown, isOfAllAccounts: boolean): boolean =>
    (typeof value === 'string' && value.includes('gone-')) ||
    (isOfAllAccounts && typeof value === 'number' && value >= firstId && value < firstId + 1_000) ||
    uids.has(value);
  expect(left(isGone).length).toBeGreaterThan(10);
  await each((tenant) => tenant.change('usual', { powerState: 'Halted' }));
  await each((tenant) => {
    for (const name of ['usual', 'named', 'same', 'adopting', 'planned']) tenant.delete(name);
  });
  await each(({ namespace }) => world.cluster.remove('secrets', 'vps247-credentials', namespace));
  world.fakeProvider.machines.clear();
  await world.clock.advance(90 * minute);
  // What is swept at the next use only.
  const late = world.tenant('late', { ownerId: 9 });
  late.apply('usual');
  await world.clock.advance(90 * minute);
  late.delete('usual');
  await world.clock.advance(minute);
  expect(left(isGone)).toEqual([]);
});
