import { describe, expect, test } from 'vitest';
import { createControl } from '../../emulator/control-api.ts';
import { visitOverHttp, type HttpVisit } from './http.ts';
import { visit } from './visitor.ts';

/** A control call; the answer's status and JSON. */
async function control(visited: HttpVisit, method: string, path: string, body?: unknown) {
  const { status, text } = await visited.call(method, `/_emulator/${path}`, body);
  // What a test looks for and does not find fails it.
  return { status, body: JSON.parse(text) as Record<string, unknown> };
}

describe('the control API', () => {
  test('shows VMs without passwords, and the ledger from any number on', async () => {
    await using visited = await visitOverHttp();
    await visited.create('web');
    const state = await control(visited, 'GET', 'state');
    expect(state.body['machines']).toMatchObject([{ id: 1_001, name: 'web', state: 'pending' }]);
    expect(JSON.stringify(state.body)).not.toContain(visited.emulator.passwordOf(1_001));
    const ledger = await control(visited, 'GET', 'ledger');
    expect(ledger.body).toMatchObject({
      calls: [{ seq: 1, operation: 'CreateMachine' }],
      effects: [{ seq: 2, kind: 'created' }],
      liveMachines: [{ name: 'web' }],
    });
    expect((await control(visited, 'GET', 'ledger?since=1')).body).toMatchObject({ calls: [], effects: [{ seq: 2 }] });
  });

  test('returns only the calls to clients that poll often', async () => {
    await using visited = await visitOverHttp();
    await visited.create('web');
    await visited.call('GET', '/virtual_machines');
    const calls = await control(visited, 'GET', 'calls?since=1');
    expect(calls.body).toEqual({
      calls: [expect.objectContaining({ operation: 'ListMachines' })],
      callsByOperation: { CreateMachine: 1, ListMachines: 1 },
    });
    const { seq } = (calls.body['calls'] as readonly { seq: number }[])[0] ?? { seq: 0 };
    expect((await control(visited, 'GET', `calls?since=${seq}`)).body['calls']).toEqual([]);
  });

  test('does not appear in the ledger', async () => {
    await using visited = await visitOverHttp();
    await control(visited, 'GET', 'state');
    expect(visited.emulator.ledger.calls).toEqual([]);
  });

  test('sets all given switches or none', async () => {
    await using visited = await visitOverHttp();
    expect((await control(visited, 'POST', 'switches', { listShape: 'data' })).status).toBe(200);
    expect((await visited.call('GET', '/virtual_machines')).text).toBe('{"data":[]}');
    const refused = await control(visited, 'POST', 'switches', { listShape: 'array', killEffect: 'explodes' });
    expect(refused).toMatchObject({ status: 400, body: { problems: [expect.stringContaining('killEffect')] } });
    expect((await control(visited, 'GET', 'switches')).body).toMatchObject({
      switches: { listShape: 'data', killEffect: 'halts' },
    });
  });

  test('adds, shows and clears faults, and never shows their keys', async () => {
    await using visited = await visitOverHttp();
    const rule = {
      operation: 'ListRegions',
      key: 'ours',
      when: 'after',
      action: { kind: 'status', status: 500 },
      times: 'always',
    };
    expect(await control(visited, 'POST', 'faults', rule)).toEqual({ status: 200, body: { id: 1 } });
    expect((await visited.call('GET', '/regions')).status).toBe(500);
    const shown = await control(visited, 'GET', 'faults');
    expect(shown.body).toMatchObject({ faults: [{ id: 1, hits: 1, rule: { operation: 'ListRegions' } }] });
    expect(JSON.stringify(shown.body)).not.toContain('ours');
    await control(visited, 'DELETE', 'faults');
    expect((await visited.call('GET', '/regions')).status).toBe(200);
    expect((await control(visited, 'POST', 'faults', { when: 'never' })).status).toBe(400);
  });

  test('records the replayed answers again', async () => {
    await using visited = await visitOverHttp();
    await visited.call('GET', '/virtual_machines');
    await visited.create('web');
    expect((await control(visited, 'DELETE', 'recordings')).status).toBe(200);
    await visited.call('GET', '/virtual_machines');
    const rule = { operation: 'ListMachines', when: 'after', action: { kind: 'replay' } };
    await control(visited, 'POST', 'faults', rule);
    expect((await visited.call('GET', '/virtual_machines')).text).toContain('"web"');
  });

  test('creates, powers and deletes VMs, and disables their shutdown, like the control panel', async () => {
    await using visited = await visitOverHttp();
    const made = await control(visited, 'POST', 'machines', { name: 'web' });
    expect(made).toEqual({ status: 200, body: { id: 1_001 } });
    expect((await control(visited, 'POST', 'machines/1001/ignore-shutdown', { ignores: true })).status).toBe(200);
    expect((await control(visited, 'POST', 'machines/1001/power', { command: 'stop' })).status).toBe(200);
    expect((await control(visited, 'POST', 'clock/advance', { ms: 60_000 })).status).toBe(200);
    expect(visited.emulator.machines()).toMatchObject([{ state: 'halting', ignoresShutdown: true }]);
    expect((await control(visited, 'POST', 'machines/1001/power', { command: 'start' })).status).toBe(409);
    expect((await control(visited, 'POST', 'machines/1001/delete')).status).toBe(200);
    expect((await control(visited, 'POST', 'machines/1001/delete')).status).toBe(404);
    expect(visited.emulator.ledger.liveMachines()).toEqual([]);
  });

  test.each([
    ['GET', 'nothing', undefined, 404],
    ['GET', 'constructor', undefined, 404],
    ['POST', 'machines', {}, 400],
    ['POST', 'machines', { name: 'web', regionId: 'x' }, 400],
    ['POST', 'machines/7/delete', undefined, 404],
    ['POST', 'clock/advance', { ms: -1 }, 400],
    ['POST', 'switches', [], 400],
  ])('%s %s with %j is a %i with the reason', async (method, path, body, status) => {
    await using visited = await visitOverHttp();
    const answer = await control(visited, method, path, body);
    expect(answer).toEqual({ status, body: { problems: [expect.stringMatching(/\.$/)] } });
  });

  test.each([
    ['127.0.0.1', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['192.0.2.7', 403],
    [undefined, 403],
  ])('answers a caller at %s with %i', async (remoteAddress, status) => {
    const { emulator } = visit();
    const request = { method: 'GET', pathname: '/_emulator/state', searchParams: new URLSearchParams(), body: '' };
    const headers = { host: '127.0.0.1:8247' };
    expect((await createControl(emulator)({ ...request, remoteAddress, headers })).status).toBe(status);
  });
});
