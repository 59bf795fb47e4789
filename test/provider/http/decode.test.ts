import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../src/domain/machine.ts';
import { isReadable } from '../../../src/domain/machine.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { KnownSecrets } from '../../../src/provider/http/known-secrets.ts';
import * as decoders from '../../../src/provider/http/decode.ts';
import { WireError } from '../../../src/provider/http/json-fields.ts';
import { registerSecret } from '../../../src/telemetry/redact.ts';
import { example } from '../../contract/example.ts';

const now = Date.UTC(2026, 0, 1);
const context = (): decoders.Context => ({ secrets: new KnownSecrets(new Secret('planted-key')), now });
const text = (body: unknown): string => JSON.stringify(body) ?? '';

/** The decoders, for bodies that are written down as JSON first. */
const mapping = {
  decodeMachines: (body: unknown) => decoders.decodeMachines(text(body), context()),
  /** The first machine of a list, which can be read. */
  decodeMachine: (body: unknown): Machine => {
    const [machine] = decoders.decodeMachines(text([body]), context());
    if (machine === undefined || !isReadable(machine)) return expect.unreachable();
    return machine;
  },
  decodeMachineOf: (id: number, body: unknown) => decoders.decodeMachineOf(id, text(body), context()),
  decodeCreateResponse: (body: unknown) => decoders.decodeCreateResponse(text(body), context()),
  decodeRegions: (body: unknown) => decoders.decodeRegions(text(body), context()),
  decodePackages: (body: unknown) => decoders.decodePackages(text(body), context()),
  decodeOsTemplates: (body: unknown) => decoders.decodeOsTemplates(text(body), context()),
};

const least = { id: 1, name: 'web', state: 'running' };

test('a password that is a common word hides neither other VMs nor catalog entries of that name', () => {
  const odd = { ...least, id: 3, name: 'x', initial_password: 'web-front' };
  const secrets = context();
  const [named] = decoders.decodeMachines(text([{ ...least, name: 'web-front-0a1b2c3d' }, odd]), secrets);
  expect(named).toMatchObject({ name: 'web-front-0a1b2c3d' });
  expect(decoders.decodeRegions(text([{ id: 1, name: 'web-front' }]), secrets)).toEqual([{ id: 1, name: 'web-front' }]);
});

test("the vendor's example is decoded field by field", () => {
  const { initialPassword, ...machine } = mapping.decodeMachine(example);
  expect(machine).toEqual({
    id: 90,
    name: 'api_test',
    hostname: 'xxxx',
    state: 'Running',
    ownerId: 1,
    addresses: [{ version: 4, address: '123.123.123.123', gateway: '123.123.123.1', prefixLength: 25 }],
    region: { id: 1, name: 'New York 1' },
    package: { id: 1, name: 'Budget' },
    osTemplate: { id: 1, name: 'Ubuntu 11.10 Server x64' },
    createdAt: '2015-02-21T00:26:55.068Z',
    updatedAt: '2015-02-21T00:35:29.192Z',
    lastTask: { id: 1, name: 'VmKill', status: 'pending' },
    diskIds: [88],
    unbilledHours: 1,
    transferTotal: 22410,
    transferRemaining: 22400,
  });
  expect(initialPassword?.reveal()).toBe('planted-password');
  expect(JSON.stringify(mapping.decodeMachine(example))).not.toContain('planted-password');
});

test.each([
  [40, '40'],
  [0.5, '0.5'],
  ['50 %', '50 %'],
  ['', undefined],
  [null, undefined],
  [true, undefined],
  [[40], undefined],
  ['x'.repeat(32), 'x'.repeat(32)],
  ['x'.repeat(33), undefined],
])('the progress %j of a task is %j', (progress, shown) => {
  const { lastTask } = mapping.decodeMachine({ ...least, last_task: { id: '7', status: 'RUNNING', progress } });
  expect(lastTask).toStrictEqual({ id: 7, status: 'running', ...(shown === undefined ? {} : { progress: shown }) });
});

test('missing fields are left out', () => {
  expect(mapping.decodeMachine(least)).toStrictEqual({ id: 1, name: 'web', state: 'Running', addresses: [] });
});

const unusableFields: readonly [reason: string, fields: Record<string, unknown>][] = [
  ['null everywhere', Object.fromEntries(Object.keys(example).map((field) => [field, null]))],
  ['a date without a zone could be any hour', { created_at: '2015-02-21 00:26:55' }],
  ['no date', { created_at: 'yesterday', updated_at: 1424478415 }],
  ['a day that does not exist', { created_at: '2015-13-41T00:26:55Z' }],
  ['an empty password is none yet', { initial_password: '' }],
  ['ids that are none', { owner_id: 'me', region_id: 0, package_id: 1.5, os_template_id: -1 }],
  ['ids of disks that are none', { virtual_machine_disk_ids: [88, 'x'] }],
  ['amounts that are none', { unbilled_hours: 'many', transfer: -1, month_transfer: null }],
  ['a task without a status says nothing', { last_task: { id: 1, name: 'VmKill' } }],
  ['a task that is none', { last_task: 'VmKill' }],
  [
    'addresses that are none',
    { ip_allocations: [{ first: 'soon' }, null, 'x'], ip_assignments: { ip_address: '1.2.3.4' } },
  ],
];

test.for(unusableFields)('an unusable optional field is left out: %s', ([, fields]) => {
  expect(mapping.decodeMachine({ ...fields, ...least })).toStrictEqual({
    id: 1,
    name: 'web',
    state: 'Running',
    addresses: [],
  });
});

const refused: readonly [reason: string, item: unknown][] = [
  ['no id', { name: 'web', state: 'running' }],
  ['an id of zero', { ...least, id: 0 }],
  ['a negative id', { ...least, id: -1 }],
  ['half an id', { ...least, id: 1.5 }],
  ['an id that no number holds exactly', { ...least, id: 2 ** 53 }],
  ['the same in digits', { ...least, id: '9007199254740993' }],
  ['an id in another notation', { ...least, id: '0x10' }],
  ['an id with a path in it', { ...least, id: '1/../2' }],
  ['nothing', null],
  ['a list', [least]],
  ['text', 'web'],
];

test.for(refused)('a VM without a usable id is refused, together with its list: %s', ([, item]) => {
  expect(() => mapping.decodeMachineOf(1, item)).toThrow(WireError);
  expect(() => mapping.decodeMachines([least, item])).toThrow(WireError);
});

test('a time more than a day ahead is left out', () => {
  const day = 24 * 60 * 60_000;
  const [near, far] = [day, day + 1].map((ahead) => new Date(now + ahead).toISOString());
  const read = mapping.decodeMachine({ ...least, created_at: near, updated_at: far });
  expect([read.createdAt, read.updatedAt]).toEqual([near, undefined]);
});

test('passwords count in the text that a list may have', () => {
  const machines = Array.from({ length: 1_250 }, (_, index) => {
    return { ...least, id: index + 1, initial_password: 'x'.repeat(4_096) };
  });
  expect(mapping.decodeMachines(machines.slice(0, 1_000))).toHaveLength(1_000);
  expect(() => mapping.decodeMachines(machines)).toThrow('more than 5000000 characters of text');
});

test('the length of a name counts characters as the API server does', () => {
  const name = '😀'.repeat(255);
  expect(mapping.decodeMachines([{ ...least, name }])).toMatchObject([{ id: 1, name }]);
});

const missingName = 'its name is missing, or longer than 255 characters';
const oddName = { isNameUnprintable: true, problem: 'its name has characters that cannot be shown' };
const secretName = { problem: 'its name quotes an API key or its own password' };
const missingState = 'its state is missing';
const other = { id: 2, name: 'other', state: 'halted' };
const unreadable: readonly [reason: string, fields: object, entry: object][] = [
  ['no name', { name: undefined }, { problem: missingName }],
  ['a name that is null', { name: null }, { problem: missingName }],
  ['a name that has another type than text', { name: 7 }, { problem: missingName }],
  ['an empty name', { name: '' }, { problem: missingName }],
  ['an endless name', { name: 'x'.repeat(256) }, { problem: missingName }],
  ['a name of two lines', { name: 'web\n1' }, oddName],
  ['a name that is shown backwards', { name: '\u202ebew' }, oddName],
  ['a name with half a character', { name: 'web\ud800' }, oddName],
  ['a name that quotes the key', { name: 'web-planted-key' }, secretName],
  ['a name that quotes its password', { name: 'web-s3cret', initial_password: 's3cret' }, secretName],
  ['no state', { state: undefined }, { name: 'web', problem: missingState }],
  ['a state that has another type than text', { state: 1 }, { name: 'web', problem: missingState }],
];

test.for(unreadable)('an entry with a usable id is kept, and affects no other: %s', ([, fields, entry]) => {
  expect(mapping.decodeMachines([{ ...least, ...fields }, other])).toEqual([
    { id: 1, ...entry },
    { id: 2, name: 'other', state: 'Halted', addresses: [] },
  ]);
  expect(() => mapping.decodeMachineOf(1, { ...least, ...fields })).toThrow(WireError);
  expect(mapping.decodeCreateResponse({ ...least, ...fields })).toEqual({ id: 1 });
});

test("a name that contains another account's key is not shown: of a VM, a region, a package and a template", () => {
  const release = registerSecret(new Secret('k3y-0f-4n0ther'));
  const entry = { ...least, name: 'web-k3y-0f-4n0ther' };
  expect(mapping.decodeMachines([entry])).toEqual([{ id: 1, ...secretName }]);
  for (const decode of [mapping.decodeRegions, mapping.decodePackages, mapping.decodeOsTemplates])
    expect(decode([entry])).toEqual([{ id: 1 }]);
  release();
});

test('an id as a string of digits is accepted', () => {
  expect(mapping.decodeMachine({ ...least, id: '90', owner_id: '7' })).toMatchObject({ id: 90, ownerId: 7 });
});

const states: readonly [spelling: string, state: Machine['state']][] = [
  ['pending', 'Pending'],
  ['provisioning', 'Pending'],
  ['starting', 'Starting'],
  ['running', 'Running'],
  ['RUNNING ', 'Running'],
  ['halting', 'Halting'],
  ['stopping', 'Halting'],
  ['shutting down', 'Halting'],
  ['Shutting_Down', 'Halting'],
  ['halted', 'Halted'],
  ['stopped', 'Halted'],
  ['off', 'Halted'],
  ['migrating', 'Unknown'],
  ['', 'Unknown'],
  ['constructor', 'Unknown'],
];

test.for(states)('state %j is %s', ([spelling, state]) => {
  expect(mapping.decodeMachine({ ...least, state: spelling }).state).toBe(state);
});

test('a gateway of the other IP version, and a prefix longer than the address, are left out', () => {
  const { addresses } = mapping.decodeMachine({
    ...least,
    ip_allocations: [
      { first: '10.0.0.9', gateway: 'fe80::1', prefixlen: 33 },
      { first: '2001:db8::1', gateway: '10.0.0.1', prefixlen: 129 },
    ],
  });
  expect(addresses).toStrictEqual([
    { version: 4, address: '10.0.0.9' },
    { version: 6, address: '2001:db8::1' },
  ]);
});

test('addresses come from both shapes, each once, IPv4 first, in numeric order', () => {
  const { addresses } = mapping.decodeMachine({
    ...least,
    ip_allocations: [
      { version: 6, first: '2001:DB8::1', last: '2001:db8::ffff', gateway: 'fe80::1', prefixlen: 64 },
      { version: 4, first: '10.0.0.10', gateway: 'none', prefixlen: 99 },
    ],
    ip_assignments: [{ ip_address: '10.0.0.9' }, { ip_address: '10.0.0.10' }, { ip_address: 'fe80::1%eth0' }],
  });
  expect(addresses).toStrictEqual([
    { version: 4, address: '10.0.0.9' },
    { version: 4, address: '10.0.0.10' },
    {
      version: 6,
      address: '2001:db8::1',
      first: '2001:db8::1',
      last: '2001:db8::ffff',
      gateway: 'fe80::1',
      prefixLength: 64,
    },
  ]);
});

test('both spellings of the remaining transfer are decoded', () => {
  expect(mapping.decodeMachine({ ...least, transfer_month: 5 }).transferRemaining).toBe(5);
  expect(mapping.decodeMachine({ ...least, month_transfer: 6 }).transferRemaining).toBe(6);
});

const lists: readonly [shape: string, body: unknown, ids: readonly number[]][] = [
  ['an array', [least], [1]],
  ['an empty array', [], []],
  ['an object with the array', { virtual_machines: [least] }, [1]],
  ['an object with the array under another name', { data: [least], meta: { total: 1 } }, [1]],
  ['an object that says success', { status: 'success', data: [] }, []],
  ['wrapped items', [{ virtual_machine: least }, { vm: { ...least, id: 2 } }], [1, 2]],
];

test.for(lists)('a list may be %s', ([, body, ids]) => {
  expect(mapping.decodeMachines(body).map(({ id }) => id)).toEqual(ids);
});

const noLists: readonly [reason: string, body: unknown][] = [
  ['null', null],
  ['text', 'none'],
  ['a number', 0],
  ['an empty object', {}],
  ['an array under an unknown name', { items: [] }],
  ['an array of errors does not count as an empty list', { errors: [] }],
  ['two arrays', { virtual_machines: [], data: [] }],
  ['a list with an error beside it', { virtual_machines: [], error: 'database away' }],
  ['a list with errors by field beside it', { virtual_machines: [], errors: { base: ['database away'] } }],
  ['a list that says failure', { virtual_machines: [], status: 'error' }],
  ['the array one level down', { data: { virtual_machines: [] } }],
  ['a map by id', { '90': least }],
  ['a single machine', least],
  ['one id twice', [least, { ...least, name: 'other' }]],
  ['the same id as number and text', [least, { ...least, id: '1' }]],
  ['an item without an id among good ones', [least, { name: 'other', state: 'running' }]],
  ['a list in a list', [[least]]],
];

test.for(noLists)('is refused as a list, and never read as an empty one: %s', ([, body]) => {
  expect(() => mapping.decodeMachines(body)).toThrow(WireError);
});

const createAnswers: readonly [shape: string, body: unknown, answer: unknown][] = [
  ['the machine', least, { id: 1, machine: { name: 'web' } }],
  ['the wrapped machine', { virtual_machine: least }, { id: 1, machine: { name: 'web' } }],
  ['success and the wrapped machine', { status: 'success', vm: least }, { id: 1, machine: { name: 'web' } }],
  ['the id', { id: 7 }, { id: 7 }],
  ['the id in digits', { id: '7' }, { id: 7 }],
  ['success and the id', { status: 'success', id: 7 }, { id: 7 }],
  ['success alone', { status: 'Success' }, {}],
  ['an object that says nothing', {}, {}],
  ['a machine that says too little is still known by its id', { id: 7, name: 'web' }, { id: 7 }],
];

test.for(createAnswers)('a create may be answered by %s', ([, body, answer]) => {
  expect(mapping.decodeCreateResponse(body)).toMatchObject(answer as object);
});

const noCreateResponses: readonly [reason: string, body: unknown][] = [
  ['a status other than success', { status: 'error', id: 7 }],
  ['an error with a success status', { error: 'no credit' }],
  ['errors with a success status', { errors: ['no credit'] }],
  ['errors by field beside an id', { id: 1, errors: { name: ['is taken'] } }],
  ['a status other than success beside the id of a machine', { status: 'error', virtual_machine: { id: 7 } }],
  ['a status other than success beside a machine', { status: 'error', virtual_machine: least }],
  ['an error beside a machine, which may be the one that has the name', { error: 'name is taken', vm: least }],
  ['an id that is none', { id: 'soon' }],
  ['a list', [least]],
  ['nothing', null],
];

test.for(noCreateResponses)('is refused as an answer to a create: %s', ([, body]) => {
  expect(() => mapping.decodeCreateResponse(body)).toThrow(WireError);
});

test('the answer must be about the requested VM', () => {
  expect(mapping.decodeMachineOf(1, { vm: least }).id).toBe(1);
  expect(() => mapping.decodeMachineOf(2, least)).toThrow(WireError);
});

const pricesOf = (fields: object) => mapping.decodePackages([{ id: 1, ...fields }])[0]?.prices;

describe('catalog', () => {
  test('regions, packages and templates are decoded with their compatibility', () => {
    expect(mapping.decodeRegions([{ id: 1, name: 'New York 1', country_code: 'us', package_ids: [1, '2'] }])).toEqual([
      { id: 1, name: 'New York 1', packageIds: [1, 2] },
    ]);
    expect(mapping.decodePackages({ packages: [{ package: { id: 1, name: 'Budget', os_template_ids: [] } }] })).toEqual(
      [{ id: 1, name: 'Budget', osTemplateIds: [] }],
    );
    expect(mapping.decodeOsTemplates({ data: [{ id: 1, name: 'Ubuntu', os_type: 'linux' }] })).toEqual([
      { id: 1, name: 'Ubuntu' },
    ]);
  });

  test('the price of a package keeps its spelling, and an invalid one is left out', () => {
    expect(pricesOf({ price_month_eur: '4.90', price_month_gbp: null, price_hour_usd: '0.0070' })).toEqual([
      { amount: '4.90', currency: 'EUR', per: 'month' },
      { amount: '0.0070', currency: 'USD', per: 'hour' },
    ]);
    for (const odd of [4.9, '-1', '1,000', '1e3', '', '4.', '12345678', '5 off', 'free', true, {}])
      expect(pricesOf({ price_month_eur: odd })).toBeUndefined();
  });

  test('a list of compatible ids with one unreadable entry is unknown, not shorter', () => {
    expect(mapping.decodeRegions([{ id: 1, name: 'x', package_ids: [1, null] }])).toStrictEqual([{ id: 1, name: 'x' }]);
  });

  test('an entry without an id is refused; one without a usable name is kept by its id', () => {
    expect(() => mapping.decodePackages([{ name: 'x' }])).toThrow(WireError);
    for (const name of [undefined, null, '', 7, 'a\nb', 'the planted-key'])
      expect(mapping.decodeRegions([{ id: 1, name }])).toStrictEqual([{ id: 1 }]);
  });
});

describe('values that an object could not store', () => {
  test('a name of a host or region that is too long counts as missing, and addresses end at 256', () => {
    const endless = 'x'.repeat(1_000_000);
    const addresses = Array.from({ length: 300 }, (_, index) => ({ first: `198.18.${index >> 8}.${index & 255}` }));
    const machine = mapping.decodeMachine({
      ...example,
      hostname: endless,
      region_name: endless,
      last_task: { name: endless, status: 'pending' },
      ip_allocations: addresses,
    });
    expect(machine.hostname).toBeUndefined();
    expect(machine.region).toEqual({ id: 1 });
    expect(machine.lastTask).toEqual({ status: 'pending' });
    expect(machine.addresses).toHaveLength(256);
    const disks = Array.from({ length: 17 }, (_, index) => index + 1);
    expect(mapping.decodeMachine({ ...least, virtual_machine_disk_ids: disks }).diskIds).toEqual(disks.slice(0, 16));
  });
});
