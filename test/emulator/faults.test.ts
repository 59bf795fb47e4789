import { describe, expect, test } from 'vitest';
import { serveRedirectSink } from '../../emulator/redirect-sink.ts';
import { readFaultRule, type FaultRule } from '../../emulator/fault-rule.ts';
import { Faults } from '../../emulator/faults.ts';
import type { Behavior } from '../../emulator/behavior.ts';
import { visitOverHttp, type HttpVisit } from './http.ts';
import { order, visit } from './visitor.ts';

const creates = { operation: 'CreateMachine' } as const;
const web = { ...order, name: 'web' };
const post = (visited: HttpVisit) => visited.call('POST', '/virtual_machines', web);

/** How a call that is not answered properly ends for its caller. */
async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'none';
  } catch (error) {
    return error instanceof Error ? `${'code' in error ? String(error.code) : error.name}` : 'unknown';
  }
}

describe('over HTTP', () => {
  test('a status with a body', async () => {
    await using visited = await visitOverHttp();
    visited.emulator.addFault({
      ...creates,
      when: 'before',
      action: { kind: 'status', status: 503, body: { error: 'no' } },
    });
    expect(await post(visited)).toMatchObject({ status: 503, text: '{"error":"no"}' });
    expect(visited.emulator.machines()).toEqual([]);
    expect(await post(visited)).toMatchObject({ status: 201 });
  });

  test('a status with given headers, and the time by a wrong clock', async () => {
    await using visited = await visitOverHttp({ switches: { clockOffset: 3_600_000 } });
    const headers = { Link: '</virtual_machines?page=2>; rel="next"' };
    visited.emulator.addFault({ when: 'after', action: { kind: 'status', status: 200, body: [], headers } });
    const reply = await visited.call('GET', '/virtual_machines');
    expect([reply.text, reply.headers['link']]).toEqual(['[]', headers.Link]);
    expect(reply.headers['date']).toBe('Thu, 01 Jan 2026 01:00:00 GMT');
  });

  test('a status after the effect: the VM exists all the same', async () => {
    await using visited = await visitOverHttp();
    visited.emulator.addFault({ ...creates, when: 'after', action: { kind: 'status', status: 502 } });
    expect(await post(visited)).toMatchObject({ status: 502, text: '' });
    expect(visited.emulator.machines()).toMatchObject([{ name: 'web' }]);
    expect(visited.emulator.ledger.writes()).toMatchObject([{ outcome: 502, fault: 'after status' }]);
  });

  test.each([
    ['before', 0],
    ['after', 1],
  ] as const)('hang %s the effect: never answered, %i VMs', async (when, machines) => {
    await using visited = await visitOverHttp();
    const hang = visited.emulator.addFault({ ...creates, when, action: { kind: 'hang' } });
    const controller = new AbortController();
    const call = failureOf(visited.call('POST', '/virtual_machines', web, controller.signal));
    await expect.poll(() => hang.hits).toBe(1);
    visited.advance(3_600_000);
    expect(visited.emulator.machines()).toHaveLength(machines);
    controller.abort();
    expect(await call).toBe(String(DOMException.ABORT_ERR));
    expect(visited.emulator.ledger.writes()).toMatchObject([{ outcome: 'hang' }]);
  });

  test.each([
    ['before', 0],
    ['after', 1],
    ['instead', 0],
  ] as const)('reset %s the effect: %i VMs', async (when, machines) => {
    await using visited = await visitOverHttp();
    visited.emulator.addFault({ ...creates, when, action: { kind: 'reset' } });
    expect(await failureOf(post(visited))).toBe('ECONNRESET');
    expect(visited.emulator.machines()).toHaveLength(machines);
    expect(visited.emulator.ledger.writes()).toMatchObject([{ outcome: 'reset', fault: `${when} reset` }]);
  });

  test('a truncated body: shorter than its content length', async () => {
    await using visited = await visitOverHttp();
    visited.emulator.addFault({ operation: 'ListMachines', when: 'after', action: { kind: 'truncate', bytes: 1 } });
    expect(await failureOf(visited.call('GET', '/virtual_machines'))).toBe('UND_ERR_SOCKET');
    expect(await visited.call('GET', '/virtual_machines')).toMatchObject({ status: 200, text: '[]' });
  });

  test('invalid JSON with the content type of JSON', async () => {
    await using visited = await visitOverHttp();
    visited.emulator.addFault({ path: '/virtual_machines', when: 'instead', action: { kind: 'garbage' } });
    const { status, headers, text } = await visited.call('GET', '/virtual_machines');
    expect([status, headers['content-type']]).toEqual([200, 'application/json; charset=utf-8']);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  test('HTML', async () => {
    await using visited = await visitOverHttp();
    visited.emulator.addFault({ when: 'instead', action: { kind: 'html' } });
    const { status, headers, text } = await visited.call('GET', '/virtual_machines');
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).toContain('<h1>');
  });

  test('a redirect to a sink that records the client and its headers', async () => {
    await using visited = await visitOverHttp();
    const trap = await serveRedirectSink();
    try {
      visited.emulator.addFault({ when: 'instead', action: { kind: 'redirect', to: `${trap.url}/x` }, times: 2 });
      const { status, headers } = await visited.call('GET', '/virtual_machines');
      expect([status, headers['location']]).toEqual([302, `${trap.url}/x`]);
      expect(trap.requests).toEqual([]);
      // What a client gives away when it follows.
      await fetch(`${visited.url}/virtual_machines`, { headers: { 'X-Api-Key': 'ours' } });
      expect(trap.requests).toMatchObject([{ method: 'GET', path: '/x', headers: { 'x-api-key': 'ours' } }]);
    } finally {
      await trap.close();
    }
  });

  test.each([['120'], ['Thu, 01 Jan 2026 00:02:00 GMT'], ['soon'], [undefined]])(
    '429 with Retry-After %s',
    async (retryAfter) => {
      await using visited = await visitOverHttp();
      visited.emulator.addFault({
        when: 'before',
        action: { kind: 'rate-limit', ...(retryAfter === undefined ? {} : { retryAfter }) },
      });
      const { status, headers } = await visited.call('GET', '/virtual_machines');
      expect([status, headers['retry-after']]).toEqual([429, retryAfter]);
      expect(headers['date'], "by the emulator's clock, or dates would mean nothing").toBe(
        'Thu, 01 Jan 2026 00:00:00 GMT',
      );
    },
  );

  test('a slow body is complete in the end', async () => {
    await using visited = await visitOverHttp();
    await visited.create('web');
    const whole = await visited.call('GET', '/virtual_machines/1001');
    const drip = visited.emulator.addFault({ when: 'after', action: { kind: 'drip', bytes: 200, everyMs: 1_000 } });
    let isDone = false;
    const call = visited.call('GET', '/virtual_machines/1001').finally(() => {
      isDone = true;
    });
    await expect.poll(() => drip.hits).toBe(1);
    const drops = Math.ceil(whole.text.length / 200);
    visited.advance((drops - 2) * 1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    visited.advance(1_000);
    expect((await call).text).toBe(whole.text);
  });

  test('3 MB of nothing', async () => {
    await using visited = await visitOverHttp();
    visited.emulator.addFault({ when: 'instead', action: { kind: 'oversize' } });
    const { status, text } = await visited.call('GET', '/virtual_machines');
    expect([status, text.length, text.trim()]).toEqual([200, 3_145_728, '']);
  });
});

function delay(when: FaultRule['when']): FaultRule {
  return { ...creates, when, action: { kind: 'delay', ms: 500 } };
}

describe('delays', () => {
  test.each<[FaultRule['when'], number, number, number, string]>([
    ['before', 0, 1, 201, 'the effect comes late, with the answer'],
    ['after', 1, 1, 201, 'the effect is there at once, only the answer is late'],
    ['instead', 0, 0, 200, 'a success is claimed, and nothing was done'],
  ])('%s: %i VMs, then %i and a %i (%s)', (when, before, after, status) => {
    const { emulator, send, advance } = visit();
    emulator.addFault(delay(when));
    const { deliveries } = send('POST', '/virtual_machines', web);
    advance(499);
    expect(deliveries).toEqual([]);
    expect(emulator.machines()).toHaveLength(before);
    expect(emulator.ledger.writes()).toMatchObject([{ outcome: 'open' }]);
    advance(1);
    expect(deliveries).toMatchObject([{ kind: 'answer', answer: { status } }]);
    expect(emulator.machines()).toHaveLength(after);
  });

  test('the effect happens although the caller has closed the connection', async () => {
    await using visited = await visitOverHttp();
    const rule = visited.emulator.addFault(delay('before'));
    const controller = new AbortController();
    const call = failureOf(visited.call('POST', '/virtual_machines', web, controller.signal));
    await expect.poll(() => rule.hits).toBe(1);
    controller.abort();
    await call;
    await expect.poll(() => visited.emulator.ledger.writes()).toMatchObject([{ outcome: 'abandoned' }]);
    visited.advance(500);
    expect(visited.emulator.machines()).toHaveLength(1);
  });
});

describe('valid but wrong answers', () => {
  const old = { when: 'after', action: { kind: 'replay' }, times: 'always' } as const;

  test('replay: the first answer of the same call, or the first since it was recorded again', () => {
    const { emulator, call, running } = visit();
    const list = (key: string) => call('GET', '/virtual_machines', undefined, { key }).text;
    expect(list('theirs')).toBe('[]');
    const oldest = running('web');
    const first = list('ours');
    running('db');
    emulator.addFault({ ...old, operation: 'ListMachines' });
    expect([list('ours'), list('ours'), list('theirs')]).toEqual([first, first, '[]']);
    emulator.clearFaults();
    emulator.recordAnew();
    const second = list('ours');
    expect(second).not.toBe(first);
    emulator.panel.delete(oldest);
    emulator.addFault({ ...old, operation: 'ListMachines' });
    expect(list('ours')).toBe(second);
  });

  test('replay distinguishes calls by their target, and the first answer is real', () => {
    const { emulator, call, running } = visit();
    const [a, b] = [running('web'), running('db')];
    emulator.addFault(old);
    const shown = [a, b, a].map((id) => call('GET', `/virtual_machines/${id}`).body.id);
    expect(shown).toEqual([a, b, a]);
  });

  test('a replayed write has its effect, and an old answer', () => {
    const { emulator, call } = visit();
    const create = (name: string) => call('POST', '/virtual_machines', { ...order, name }).body['name'];
    create('web');
    emulator.addFault(old);
    expect(create('db')).toBe('web');
    expect(emulator.machines().map(({ name }) => name)).toEqual(['web', 'db']);
  });

  test.each<[Partial<Behavior>, string]>([
    [{ listShape: 'array' }, '[]'],
    [{ listShape: 'data', unknownFields: 'some' }, '{"data":[],"total_count":3}'],
  ])('a list without its second half, and one without any item: %j', (switches, none) => {
    const { emulator, call, running } = visit({ switches });
    const ids = ['web', 'db', 'mail'].map((name) => running(name));
    const shown = () => ids.map((id) => call('GET', '/virtual_machines').text.includes(`"id":${id},`));
    const half = emulator.addFault({ when: 'instead', action: { kind: 'half-list' }, times: 'always' });
    expect(shown()).toEqual([true, false, false]);
    expect(call('GET', `/virtual_machines/${ids[2]}`).body['ip_allocations']).toHaveLength(1);
    half.remove();
    emulator.addFault({ when: 'instead', action: { kind: 'empty-list' }, times: 'always' });
    expect(call('GET', '/virtual_machines').text).toBe(none);
  });
});

test('changed fields: in each item of a list, in the item by itself, or in those of one VM', () => {
  const { emulator, call, running } = visit();
  const [first, second] = [running('web'), running('db')];
  const names = () => [first, second].map((id) => call('GET', `/virtual_machines/${id}`).body['name']);
  const one = emulator.addFault({
    when: 'after',
    times: 'always',
    action: { kind: 'edit', id: first, fields: { name: null } },
  });
  expect(names()).toEqual([null, 'db']);
  expect(call('GET', '/virtual_machines').text).toContain('"name":null');
  one.remove();
  emulator.addFault({ when: 'after', times: 'always', action: { kind: 'edit', fields: { name: 'odd' } } });
  expect(names()).toEqual(['odd', 'odd']);
  expect(call('DELETE', '/virtual_machines/999').status).toBe(404);
});

const broken = { kind: 'status', status: 500 } as const;

/** Statuses of a few different calls, each struck or not. */
function someCalls({ call }: ReturnType<typeof visit>): number[] {
  return [
    call('GET', '/virtual_machines').status,
    call('GET', '/virtual_machines/1001').status,
    call('GET', '/virtual_machines/1002').status,
    call('POST', '/virtual_machines', { ...order, name: 'web-2' }).status,
    call('GET', '/regions', undefined, { key: 'theirs' }).status,
  ];
}

describe('the calls that a rule matches', () => {
  test.each<[string, Partial<FaultRule>, number[]]>([
    ['all', {}, [500, 500, 500, 500, 500]],
    ['a method', { method: 'get' }, [500, 500, 500, 201, 500]],
    ['a path', { path: '/virtual_machines' }, [500, 200, 200, 500, 200]],
    ['a path with an id', { path: '/virtual_machines/{id}' }, [200, 500, 500, 201, 200]],
    ['an expression', { path: /machines\/.*2$/ }, [200, 200, 500, 201, 200]],
    ['an operation', { operation: 'ListRegions' }, [200, 200, 200, 201, 500]],
    ['a key', { key: 'theirs' }, [200, 200, 200, 201, 500]],
    ['a machine', { machine: 'web' }, [200, 500, 200, 201, 200]],
    ['machines, those to be made included', { machine: /^web/ }, [200, 500, 200, 500, 200]],
    ['once', { times: 1 }, [500, 200, 200, 201, 200]],
    ['from the third on', { nth: 3 }, [200, 200, 500, 500, 500]],
    ['the second and third', { nth: 2, times: 2 }, [200, 500, 500, 201, 200]],
  ])('%s', (_what, rule, expected) => {
    const visited = visit();
    visited.running('web');
    visited.running('db');
    const handle = visited.emulator.addFault({ when: 'after', action: broken, times: 'always', ...rule });
    expect(someCalls(visited)).toEqual(expected);
    expect(handle.hits).toBe(expected.filter((status) => status === 500).length);
  });

  test('the first of two rules applies until it is used up, and the second one counts from the beginning', () => {
    const { emulator, call } = visit();
    const first = emulator.addFault({ when: 'before', action: { kind: 'status', status: 500 } });
    const second = emulator.addFault({ when: 'before', action: { kind: 'status', status: 502 }, nth: 2 });
    expect([1, 2, 3].map(() => call('GET', '/regions').status)).toEqual([500, 502, 200]);
    expect([first.hits, second.hits, second.matches]).toEqual([1, 1, 3]);
  });

  test('removed and cleared rules no longer apply', () => {
    const { emulator, call } = visit();
    const rule = { when: 'before', action: broken, times: 'always' } as const;
    const first = emulator.addFault(rule);
    emulator.addFault({ ...rule, method: 'POST' });
    first.remove();
    expect(call('GET', '/regions').status).toBe(200);
    emulator.clearFaults();
    expect(call('POST', '/virtual_machines', web).status).toBe(201);
  });
});

test.each<[unknown, string | undefined]>([
  [{ when: 'after', action: { kind: 'hang' }, operation: 'CreateMachine', times: 'always' }, undefined],
  [{ when: 'before', action: { kind: 'status', status: 500, body: 'x' } }, undefined],
  [{ when: 'after', action: { kind: 'status', status: 200, headers: { Link: '</x>; rel=next' } } }, undefined],
  [{ when: 'after', action: { kind: 'half-list' } }, undefined],
  [
    { when: 'after', action: { kind: 'status', status: 200, headers: ['Link'] } },
    'A fault of kind status needs a valid "headers".',
  ],
  ['hang', 'A fault must be a JSON object.'],
  [{ action: { kind: 'hang' } }, 'A fault needs a valid "when".'],
  [{ when: 'after' }, 'A fault needs a valid "action".'],
  [
    { when: 'after', action: { kind: 'explode' } },
    expect.stringMatching(/^A fault's action must have a kind: status, /),
  ],
  [{ when: 'after', action: { kind: 'delay' } }, 'A fault of kind delay needs a valid "ms".'],
  [{ when: 'after', action: { kind: 'hang', ms: 5 } }, 'A fault of kind hang has no "ms".'],
  [{ when: 'after', action: { kind: 'hang' }, count: 5 }, 'A fault has no "count".'],
  [{ when: 'after', action: { kind: 'hang' }, times: 0 }, 'A fault needs a valid "times".'],
])('a rule from outside, %j, is validated', (value, problem) => {
  expect(readFaultRule(value)).toEqual(problem ?? value);
});

test('of two faults that match a call, the one added first applies, and the other one applies to the next call', () => {
  const faults = new Faults();
  const handles = [500, 502].map((status) =>
    faults.add({ ...creates, when: 'before', action: { kind: 'status', status } }),
  );
  const call = { ...creates, method: 'POST', path: '/virtual_machines', key: 'key', machineName: 'web' };
  const strike = (): unknown => faults.strike(call)?.action;
  expect([strike(), handles.map(({ hits }) => hits)]).toEqual([{ kind: 'status', status: 500 }, [1, 0]]);
  expect([strike(), handles.map(({ hits }) => hits)]).toEqual([{ kind: 'status', status: 502 }, [1, 1]]);
  expect(strike()).toBeUndefined();
});
