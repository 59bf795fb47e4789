import { describe, expect, test } from 'vitest';
import { isNamed, readBehavior, behaviorTable, type Behavior } from '../../emulator/behavior.ts';
import { latencies, order, visit } from './visitor.ts';

type Check = (visited: ReturnType<typeof visit>) => unknown;

const read: Check = ({ call, running }) => call('GET', `/virtual_machines/${running()}`).body;
const list: Check = ({ call, running }) => {
  running();
  return call('GET', '/virtual_machines').body;
};
const subnet = {
  version: 6,
  first: '2001:db8:0:3e9::',
  last: '2001:db8:0:3e9:ffff:ffff:ffff:ffff',
  gateway: '2001:db8:0:3e9::1',
};
const readIpv6: Check = ({ call, running }) =>
  call('GET', `/virtual_machines/${running('web', { has_ipv6: true })}`).body.ip_allocations;
const create: Check = ({ call }) => call('POST', '/virtual_machines', { ...order, name: 'web' }).text;
const wrongKey: Check = ({ call }) => {
  const { status, text, headers } = call('GET', '/virtual_machines', undefined, { key: 'unknown' });
  return { status, isPage: text.startsWith('<!DOCTYPE html>'), location: headers['Location'] };
};
const second: Check = ({ call, running }) => {
  running('web');
  return call('POST', '/virtual_machines', { ...order, name: 'web' }).status;
};
const absent: Check = ({ call }) => call('GET', '/virtual_machines/7').text;
const stop: Check = ({ call, running }) => call('POST', `/virtual_machines/${running()}/stop`).text;
const afterKill: Check = ({ call, running, advance, state }) => {
  const id = running();
  call('POST', `/virtual_machines/${id}/kill`);
  advance(latencies.pickup + latencies.kill + latencies.start);
  return state(id);
};
const killWhileHalting: Check = ({ call, running, advance }) => {
  const id = running('web', { os_template_id: 4 });
  call('POST', `/virtual_machines/${id}/stop`);
  advance(latencies.pickup);
  return call('POST', `/virtual_machines/${id}/kill`).status;
};
const deleteWhilePending: Check = ({ call }) => {
  const { id } = call('POST', '/virtual_machines', { ...order, name: 'web' }).body;
  return call('DELETE', `/virtual_machines/${id}`).status;
};
const afterCreate: Check = ({ call, advance }) => {
  const { id } = call('POST', '/virtual_machines', { ...order, name: 'web' }).body;
  advance(latencies.pickup + latencies.provision);
  const { state, last_task: task } = call('GET', `/virtual_machines/${id}`).body;
  return [state, task?.status];
};
const afterDelete: Check = ({ call, halted, advance }) => {
  const id = halted();
  const remove = () => call('DELETE', `/virtual_machines/${id}`).status;
  const first = remove();
  advance(2 * latencies.pickup);
  const { state, last_task: task } = call('GET', `/virtual_machines/${id}`).body;
  return [first, state, task?.status, remove()];
};
const afterIgnoredStop: Check = ({ call, running, advance }) => {
  const id = running('web', { os_template_id: 4 });
  call('POST', `/virtual_machines/${id}/stop`);
  advance(latencies.pickup + latencies.giveUp);
  const { state, last_task: task } = call('GET', `/virtual_machines/${id}`).body;
  return [state, task?.status];
};

describe('each switch has its effect', () => {
  test.each<[Partial<Behavior>, Check, unknown]>([
    [{ listShape: 'array' }, list, expect.arrayContaining([expect.objectContaining({ name: 'web' })])],
    [{ listShape: 'named' }, list, { virtual_machines: [expect.objectContaining({ name: 'web' })] }],
    [{ listShape: 'data' }, list, { data: [expect.objectContaining({ name: 'web' })] }],
    [{ listShape: 'named' }, ({ call }) => Object.keys(call('GET', '/os_templates').body), ['os_templates']],
    [{ itemShape: 'virtual_machine' }, list, [{ virtual_machine: expect.objectContaining({ name: 'web' }) }]],
    [{ itemShape: 'vm' }, read, { vm: expect.objectContaining({ name: 'web' }) }],
    [{ idShape: 'string' }, read, expect.objectContaining({ id: '1001', owner_id: '1', region_id: '1' })],
    [
      { addressShape: 'ip_allocations' },
      read,
      expect.objectContaining({
        ip_allocations: [
          { version: 4, first: '198.18.3.233', last: '198.18.3.233', gateway: '198.18.0.1', prefixlen: 15 },
        ],
      }),
    ],
    [
      { addressShape: 'ip_assignments' },
      read,
      expect.objectContaining({ ip_assignments: [{ ip_address: '198.18.3.233' }] }),
    ],
    [
      { addressShape: 'both' },
      read,
      expect.objectContaining({ ip_allocations: expect.anything(), ip_assignments: expect.anything() }),
    ],
    [{ ipv6Allocation: 'subnet' }, readIpv6, [expect.anything(), { ...subnet, prefixlen: 64 }]],
    [
      { ipv6Allocation: 'address' },
      readIpv6,
      [expect.anything(), { ...subnet, first: '2001:db8:0:3e9::2', last: '2001:db8:0:3e9::2', prefixlen: 64 }],
    ],
    [{ failedTasks: '^VmCreate web$' }, afterCreate, ['pending', 'failed']],
    [{ failedTasks: '^VmCreate other$' }, afterCreate, ['running', 'complete']],
    [{ failedTasks: '^VmStop ' }, afterIgnoredStop, ['running', 'failed']],
    [{ failedTasks: '^VmDelete ' }, afterDelete, [204, 'halted', 'failed', 204]],
    [{ createAnswer: 'machine' }, create, expect.stringMatching(/^\{"id":1001,"name":"web","state":"pending"/)],
    [{ createAnswer: 'wrapped' }, create, expect.stringMatching(/^\{"virtual_machine":\{"id":1001,/)],
    [{ createAnswer: 'id' }, create, '{"id":1001}'],
    [{ createAnswer: 'success-id' }, create, '{"status":"success","id":1001}'],
    [{ createAnswer: 'success' }, create, '{"status":"success"}'],
    [{ createAnswer: 'empty' }, create, ''],
    [{ powerAnswer: 'machine' }, stop, expect.stringMatching(/^\{"id":1001,/)],
    [{ powerAnswer: 'success' }, stop, '{"status":"success","message":"Accepted"}'],
    [{ powerAnswer: 'empty' }, stop, ''],
    [{ errorBody: 'error' }, absent, '{"error":"Not found"}'],
    [{ errorBody: 'errors-string' }, absent, '{"errors":"Not found"}'],
    [{ errorBody: 'errors-array' }, absent, '{"errors":["Not found"]}'],
    [{ errorBody: 'errors-map' }, absent, '{"errors":{"id":["Not found"]}}'],
    [{ errorBody: 'message' }, absent, '{"message":"Not found"}'],
    [{ errorBody: 'text' }, absent, 'Not found'],
    [{ errorBody: 'html' }, absent, expect.stringContaining('<h1>Not found</h1>')],
    [{ errorBody: 'empty' }, absent, ''],
    [{ stateSpelling: 'upper' }, read, expect.objectContaining({ state: 'RUNNING' })],
    [
      { stateSpelling: 'aliases' },
      ({ call, halted }) => call('GET', `/virtual_machines/${halted()}`).body.state,
      'off',
    ],
    [{ transferField: 'transfer_month' }, read, expect.objectContaining({ transfer_month: 512_000 })],
    [{ transferUsed: 95 }, read, expect.objectContaining({ transfer: 512_000, month_transfer: 512_000 })],
    [
      { transferUsedNames: '^web', transferUsed: 95 },
      read,
      expect.objectContaining({ transfer: 512_000, month_transfer: 25_600 }),
    ],
    [{ optionalFields: 'missing' }, read, { id: 1_001, name: 'web', state: 'running' }],
    [{ optionalFields: 'null' }, read, expect.objectContaining({ state: 'running', owner_id: null, last_task: null })],
    [{ unknownFields: 'some' }, read, expect.objectContaining({ flavour: expect.anything() })],
    [{ lastTask: 'missing' }, read, expect.not.objectContaining({ last_task: expect.anything() })],
    [
      { accept: 'strict' },
      ({ call }) => ['text/html', 'application/json'].map((accept) => call('GET', '/regions', '', { accept }).status),
      [406, 200],
    ],
    [{ unknownKey: '401' }, wrongKey, { status: 401, isPage: false, location: undefined }],
    [{ unknownKey: '403' }, wrongKey, { status: 403, isPage: false, location: undefined }],
    [{ unknownKey: 'html' }, wrongKey, { status: 200, isPage: true, location: undefined }],
    [{ unknownKey: 'redirect', loginUrl: '/in' }, wrongKey, { status: 302, isPage: true, location: '/in' }],
    [{ catalog: '404' }, ({ call }) => call('GET', '/regions').status, 404],
    [{ catalog: '404' }, ({ call }) => call('GET', '/packages/1').status, 404],
    [{ catalog: '404' }, create, expect.stringContaining('"id":1001')],
    [{ duplicateNames: '400' }, second, 400],
    [{ duplicateNames: '422' }, second, 422],
    [{ duplicateNames: 'allowed' }, second, 201],
    [
      { startInWrongState: '200' },
      ({ call, running, emulator }) => [
        call('POST', `/virtual_machines/${running()}/start`).status,
        emulator.ledger.forbiddenTransitions(),
      ],
      [200, []],
    ],
    [{ killWhileHalting: '200' }, killWhileHalting, 200],
    [{ killWhileHalting: '406' }, killWhileHalting, 406],
    [{ killEffect: 'halts' }, afterKill, 'halted'],
    [{ killEffect: 'resets' }, afterKill, 'running'],
    [{ deleteInTransition: '400' }, deleteWhilePending, 400],
    [{ deleteInTransition: '409' }, deleteWhilePending, 409],
    [{ ignoredStop: 'stays-halting' }, afterIgnoredStop, ['halting', 'complete']],
    [{ ignoredStop: 'stays-halting', stopTask: 'lasts-until-halted' }, afterIgnoredStop, ['halting', 'running']],
    [{ ignoredStop: 'back-to-running' }, afterIgnoredStop, ['running', 'failed']],
    [{ ignoredStop: 'stays-running' }, afterIgnoredStop, ['running', 'complete']],
    [
      { clockOffset: -3_600_000 },
      read,
      expect.objectContaining({ created_at: '2025-12-31T23:00:00.000Z', updated_at: '2025-12-31T23:00:00.000Z' }),
    ],
    [{ strangeStateNames: '^w', strangeState: 'migrating' }, read, expect.objectContaining({ state: 'migrating' })],
  ])('%j', (switches, check, expected) => {
    expect(check(visit({ switches }))).toEqual(expected);
  });
});

function at(milliseconds: number, switches: Partial<Behavior>, look: Check): unknown {
  const visited = visit({ switches });
  visited.call('POST', '/virtual_machines', { ...order, name: 'web' });
  visited.advance(milliseconds);
  return look(visited);
}

describe('late effects', () => {
  test.each<[Partial<Behavior>, Check, unknown, unknown]>([
    [{ listLag: 500 }, ({ call }) => call('GET', '/virtual_machines').text === '[]', true, false],
    [{ listLag: 500 }, ({ call }) => call('GET', '/virtual_machines/1001').status, 200, 200],
    [{ getLag: 500 }, ({ call }) => call('GET', '/virtual_machines/1001').status, 404, 200],
    [{ getLag: 500 }, ({ call }) => call('GET', '/virtual_machines').text === '[]', false, false],
    [{ deniedNames: '^web$' }, ({ call }) => call('GET', '/virtual_machines').text === '[]', true, true],
    [{ deniedNames: '^web$' }, ({ call }) => call('GET', '/virtual_machines/1001').status, 404, 404],
    [{ deniedNames: '^other$' }, ({ call }) => call('GET', '/virtual_machines/1001').status, 200, 200],
    [
      { addressLag: 500 },
      ({ call }) => call('GET', '/virtual_machines/1001').body['ip_allocations'],
      [],
      [expect.objectContaining({ version: 4 })],
    ],
    [
      { passwordLag: 500 },
      ({ call }) => call('GET', '/virtual_machines/1001').body['initial_password'],
      null,
      expect.stringMatching(/^emulated-password-\w{16}$/),
    ],
  ])('%j', (switches, look, before, after) => {
    expect(at(499, switches, look)).toEqual(before);
    expect(at(500, switches, look)).toEqual(after);
  });

  test('a deleted VM may reappear in the list, but cannot be read by its id', () => {
    const { call, halted, advance } = visit({ switches: { deletedListLag: 300 } });
    const id = halted();
    call('DELETE', `/virtual_machines/${id}`);
    advance(299);
    expect(call('GET', '/virtual_machines').text).toContain(`"id":${id}`);
    expect(call('GET', `/virtual_machines/${id}`).status).toBe(404);
    advance(1);
    expect(call('GET', '/virtual_machines').text).toBe('[]');
  });
});

describe('switches from outside', () => {
  test('are read from text and from JSON alike', () => {
    expect(readBehavior({ listLag: '250', killEffect: 'resets' })).toEqual({
      switches: { listLag: 250, killEffect: 'resets' },
      problems: [],
    });
    expect(readBehavior({ listLag: 250, startInWrongState: 200 }).switches).toEqual({
      listLag: 250,
      startInWrongState: '200',
    });
    expect(readBehavior({ clockOffset: '-3600000' }).switches).toEqual({ clockOffset: -3_600_000 });
  });

  test('report all problems at once', () => {
    const { problems } = readBehavior({
      nothing: 1,
      listLag: -1,
      bootLoopNames: '(',
      killEffect: 'explodes',
      clockOffset: 'an hour',
    });
    expect(problems).toEqual([
      'Unknown switch "nothing".',
      'The switch "listLag" takes a whole number, not -1.',
      'The switch "bootLoopNames" takes a regular expression, not "(".',
      'The switch "killEffect" takes halts | resets, not "explodes".',
      'The switch "clockOffset" takes a whole number, negative or not, not "an hour".',
    ]);
  });

  test('every default is a value that the switch accepts', () => {
    expect(Object.entries(behaviorTable).filter(([, row]) => row.read(row.defaultValue) !== row.defaultValue)).toEqual(
      [],
    );
  });

  test('an empty pattern matches no VM', () => {
    expect([isNamed('', 'web'), isNamed('.', 'web')]).toEqual([false, true]);
  });
});
