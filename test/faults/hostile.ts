import fc from 'fast-check';
import type { FaultAction } from '../../emulator/fault-rule.ts';

/**
 * Answers that a provider in trouble, or another server in its place, might give to a read. `broken` ones say nothing that
 * may be relied on, however near they come to saying it; `sound` ones say something, and it is not true.
 */
type Answers = fc.Arbitrary<FaultAction>;
type Fields = Readonly<Record<string, unknown>>;

/** The object's VM in a world that `createFaultyWorld` creates, and two unmanaged ones. */
const own: Fields = { id: 1_004, name: 'web-00000002', state: 'running', owner_id: 1, initial_password: 'a-password' };
const list: readonly Fields[] = [
  { id: 1_001, name: 'web', state: 'running', owner_id: 1 },
  { id: 1_002, name: 'web-deadbeef', state: 'halted', owner_id: 1 },
  own,
];

function ownWith(fields: Fields): Fields {
  return { ...own, ...fields };
}

function answer(
  body: unknown,
  more: { readonly status?: number; readonly headers?: Record<string, string> } = {},
): FaultAction {
  return { kind: 'status', status: 200, body, ...more };
}

const noIds = fc.constantFrom<unknown>(
  undefined,
  null,
  '',
  'x',
  ' 7',
  '1e3',
  '0x10',
  -1,
  0,
  1.5,
  2 ** 53,
  true,
  [],
  {},
);
const noTexts = fc.constantFrom<unknown>(undefined, null, 5, false, [], {}, ['running']);
const noObjects = fc.constantFrom<unknown>(null, 5, 'web', true, [], [own]);

/** The fields of a VM with one of the required ones made invalid. */
const brokenFields: fc.Arbitrary<Fields> = fc.oneof(
  noIds.map((id) => ownWith({ id })),
  noTexts.map((name) => ownWith({ name })),
  noTexts.map((state) => ownWith({ state })),
);

/** Headers that no answer should have, and none of which makes a broken answer a sound one. */
const oddHeaders = fc.constantFrom<Record<string, string>>(
  {},
  {},
  {},
  { 'Retry-After': '-1' },
  { 'Retry-After': '9'.repeat(40) },
  { 'Retry-After': 'Thu, 01 Jan 1970 00:00:00 GMT', 'X-Request-Id': 'x'.repeat(5_000) },
  { Location: 'https://login.example/', 'X-Request-Id': '<script>' },
);

const refusals = fc.constantFrom(
  301,
  302,
  304,
  307,
  400,
  401,
  403,
  406,
  408,
  410,
  418,
  422,
  429,
  451,
  500,
  502,
  503,
  599,
);

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const hasArray = (value: unknown): boolean =>
  Array.isArray(value) || (typeof value === 'object' && value !== null && Object.values(value).some(Array.isArray));

/** An invalid answer to any request. */
const brokenAnything: Answers = fc.oneof(
  fc
    .tuple(refusals, fc.constantFrom<unknown>([], list, own, { data: [] }, '', '[]'), oddHeaders)
    .map(([status, body, headers]) => answer(body, { status, headers })),
  fc
    .string({ maxLength: 200 })
    .filter((text) => !isJson(text))
    .map((text) => answer(text)),
  fc
    .jsonValue({ maxDepth: 3 })
    .filter((value) => !hasArray(value))
    .map((value) => answer(JSON.stringify(value))),
  fc.constantFrom<FaultAction>(
    answer(''),
    answer(' '.repeat(5_000)),
    answer('null'),
    answer(undefined, { status: 204 }),
    answer([], { status: 206 }),
    answer('<html><body>[]</body></html>'),
    answer('[]]'),
    answer('[[[[[[[['),
    answer('{"virtual_machines": []'),
    answer('['.repeat(5_000) + ']'.repeat(5_000)),
    { kind: 'hang' },
    { kind: 'reset' },
    { kind: 'truncate' },
    { kind: 'oversize' },
    { kind: 'redirect', to: 'https://login.example/' },
  ),
);

export const brokenLists: Answers = fc.oneof(
  brokenAnything,
  // One item of the list is none.
  fc
    .tuple(
      fc.oneof(brokenFields, noObjects),
      fc.constantFrom<'' | 'virtual_machines' | 'data'>('', 'virtual_machines', 'data'),
    )
    .map(([item, envelope]) => {
      const items = [...list.slice(0, 2), item];
      return answer(envelope === '' ? items : { [envelope]: items });
    }),
  // A value that is not the envelope of a list, or one that also reports a failure.
  fc
    .constantFrom<unknown>(
      { machines: list },
      { virtual_machines: {} },
      { virtual_machines: null, data: [], items: [] },
      { virtual_machines: [], errors: [] },
      { error: 'internal', virtual_machines: [] },
      { errors: { base: ['internal'] }, data: [] },
      { status: 'error', data: [] },
      { status: 500, data: [] },
      { virtual_machines: { data: [] } },
      [list],
      [...list, own],
      [...list.slice(0, 2), ownWith({ id: '1001' })],
      { errors: [] },
      { data: [[]] },
    )
    .map((body) => answer(body)),
  // A first page.
  fc.constantFrom<FaultAction>(
    answer([], { headers: { Link: '<https://provider.test/virtual_machines?page=2>; rel="next"' } }),
    answer(list.slice(0, 1), { headers: { Link: '</x>; rel=next' } }),
  ),
);

export const soundLists: Answers = fc.oneof(
  fc.subarray([...list]).map((items) => answer(items)),
  fc.subarray([...list]).map((items) => answer({ virtual_machines: items, total: 3 })),
  fc
    .constantFrom('running', 'halted', 'halting', 'pending', 'paused', '', 'HALTED ')
    .map((state) => answer([...list.slice(0, 2), ownWith({ state })])),
  fc
    .constantFrom<Fields>(
      { name: 'web' },
      { owner_id: 2 },
      { owner_id: null },
      { id: 2_000 },
      { created_at: 'yesterday', updated_at: '9999-99-99T00:00:00Z', last_task: { status: 'running' } },
      { ip_allocations: [{ first: '999.1.1.1' }, null, 5], ip_assignments: 'none' },
      { hostname: 'h'.repeat(10_000), region_name: 7, package_id: {}, transfer: '1e9' },
    )
    .map((fields) => answer([...list.slice(0, 2), ownWith(fields)])),
);

/** Never a 404, which is an answer. */
export const brokenMachines: Answers = fc.oneof(
  brokenAnything,
  brokenFields.map((fields) => answer(fields)),
  fc
    .constantFrom<unknown>(ownWith({ id: 1_001 }), [own], { vm: [] }, { machine: own }, list)
    .map((body) => answer(body)),
);

/** Lists of what can be ordered. An empty or a shorter one is sound, and only keeps from ordering. */
export const oddCatalogs: Answers = fc.oneof(
  brokenAnything,
  fc
    .constantFrom<unknown>([], { data: [] }, [{ id: 1 }], [{ id: 2, name: 'x', package_ids: 'all' }], [[]])
    .map((body) => answer(body)),
);
