import { expect, test } from 'vitest';
import { defaultBehavior, type Behavior } from '../../emulator/behavior.ts';
import { order, visit, type Visit } from './visitor.ts';

/** What the list says, and what each machine says of itself. */
function bothWays({ call, emulator }: Visit): { readonly list: string; readonly single: string } {
  const list = call('GET', '/virtual_machines').text;
  const texts = emulator.machines().map(({ id }) => call('GET', `/virtual_machines/${id}`).text);
  return { list, single: `[${texts.join(',')}]` };
}

/** Each of these changes what is written of a VM, and the list must not show the old value. */
const moments: readonly { readonly what: string; readonly pass: (visited: Visit, id: number) => void }[] = [
  { what: 'a task begins', pass: ({ call }, id) => void call('POST', `/virtual_machines/${id}/stop`) },
  { what: 'a task moves on', pass: ({ advance }) => advance(10) },
  { what: 'a state is reached', pass: ({ advance }) => advance(1_000) },
  {
    what: 'it is up again',
    pass: ({ call, advance }, id) => (call('POST', `/virtual_machines/${id}/start`), advance(500)),
  },
  { what: 'an hour is billed', pass: ({ advance }) => advance(3_600_000) },
  { what: 'its password and addresses are shown', pass: ({ advance }) => advance(36_000_000) },
  { what: 'another one comes', pass: ({ call }) => void call('POST', '/virtual_machines', { ...order, name: 'more' }) },
  { what: 'one goes', pass: ({ emulator }, id) => void emulator.panel.delete(id) },
];

test('the list shows each VM as a read by its id does, whatever happens between two lists', () => {
  const visited = visit({ switches: { passwordLag: 7_200_000, addressLag: 7_200_000 } });
  const id = visited.running();
  visited.running('other');
  for (const { what, pass } of moments) {
    const before = bothWays(visited);
    pass(visited, id);
    const after = bothWays(visited);
    expect(after.list, what).toBe(after.single);
    expect(after.list, what).not.toBe(before.list);
  }
});

const spellings: readonly Partial<Behavior>[] = [
  { itemShape: 'vm' },
  { idShape: 'string' },
  { stateSpelling: 'upper' },
  { optionalFields: 'null' },
  { strangeStateNames: 'web' },
];

test.each(spellings)('a changed switch applies from the next list on: %o', (switches) => {
  const visited = visit();
  visited.running('web');
  const before = bothWays(visited);
  visited.emulator.setSwitches(switches);
  const after = bothWays(visited);
  expect(after.list).toBe(after.single);
  expect(after.list).not.toBe(before.list);
  visited.emulator.setSwitches(defaultBehavior);
  expect(bothWays(visited).list).toBe(before.list);
});

test.each([
  { switches: {}, expected: '[]' },
  { switches: { listShape: 'data' as const }, expected: '{"data":[]}' },
  {
    switches: { listShape: 'named' as const, unknownFields: 'some' as const },
    expected: '{"virtual_machines":[],"total_count":0}',
  },
])('an empty list is $expected', ({ switches, expected }) => {
  expect(visit({ switches }).call('GET', '/virtual_machines').text).toBe(expected);
});

test('a name is taken until its last VM is deleted', () => {
  const visited = visit({ switches: { duplicateNames: 'allowed' } });
  const [first, second] = [visited.halted('web'), visited.halted('web')];
  visited.emulator.setSwitches({ duplicateNames: '422' });
  const again = (): number => visited.call('POST', '/virtual_machines', { ...order, name: 'web' }).status;
  visited.emulator.panel.delete(first);
  expect(again()).toBe(422);
  // Deleting what is gone changes nothing.
  visited.emulator.panel.delete(first);
  expect(again()).toBe(422);
  visited.emulator.panel.delete(second);
  expect(again()).toBe(201);
});
