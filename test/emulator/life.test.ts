import { describe, expect, test } from 'vitest';
import { latencies, order, visit } from './visitor.ts';

const { pickup } = latencies;

describe('the state lags behind the task', () => {
  test('of a create', () => {
    const { call, advance } = visit();
    const { id, state, last_task: task } = call('POST', '/virtual_machines', { ...order, name: 'web' }).body;
    expect([state, task]).toEqual(['pending', { id: 1, name: 'VmCreate', progress: null, status: 'pending' }]);
    advance(pickup);
    expect(call('GET', `/virtual_machines/${id}`).body).toMatchObject({
      state: 'pending',
      last_task: { status: 'running' },
    });
    advance(latencies.provision);
    expect(call('GET', `/virtual_machines/${id}`).body).toMatchObject({
      state: 'running',
      last_task: { status: 'complete' },
    });
  });

  test('of a kill: running, with a pending VmKill', () => {
    const { call, advance, running } = visit();
    const id = running();
    expect(call('POST', `/virtual_machines/${id}/kill`).body).toMatchObject({
      state: 'running',
      last_task: { name: 'VmKill', status: 'pending' },
    });
    advance(pickup + latencies.kill - 1);
    expect(call('GET', `/virtual_machines/${id}`).body.state).toBe('running');
    advance(1);
    expect(call('GET', `/virtual_machines/${id}`).body.state).toBe('halted');
  });

  test('a stop, a start and a restart go through their states', () => {
    const { call, advance, running, emulator } = visit();
    const id = running();
    for (const command of ['stop', 'start', 'restart']) {
      expect(call('POST', `/virtual_machines/${id}/${command}`).status).toBe(200);
      advance(pickup + latencies.halt + latencies.start);
    }
    const moves = emulator.ledger.effects.flatMap((effect) => (effect.kind === 'transition' ? [effect.to] : []));
    expect(moves).toEqual(['running', 'halting', 'halted', 'starting', 'running', 'halting', 'starting', 'running']);
  });
});

describe('a guest that ignores the shutdown signal', () => {
  test.each<[string, (v: ReturnType<typeof visit>) => number]>([
    ['by its template', (v) => v.running('web', { os_template_id: 4 })],
    [
      'by its name',
      (v) => {
        v.emulator.setSwitches({ ignoresShutdownNames: '^deaf-' });
        return v.running('deaf-1');
      },
    ],
    [
      'by a setting for its id',
      (v) => {
        const id = v.running();
        v.emulator.setIgnoresShutdown(id, true);
        return id;
      },
    ],
    [
      'by a setting for its name, before it was created',
      (v) => {
        v.emulator.setIgnoresShutdown('later', true);
        return v.running('later');
      },
    ],
  ])('%s: halting until the power is cut', (_why, make) => {
    const visited = visit();
    const id = make(visited);
    visited.call('POST', `/virtual_machines/${id}/stop`);
    visited.advance(3_600_000);
    expect(visited.state(id)).toBe('halting');
    expect(visited.call('POST', `/virtual_machines/${id}/kill`).status).toBe(200);
    visited.advance(pickup + latencies.kill);
    expect(visited.state(id)).toBe('halted');
  });

  test('can be set to react again', () => {
    const { call, advance, running, state, emulator } = visit();
    const id = running('web', { os_template_id: 4 });
    emulator.setIgnoresShutdown(id, false);
    call('POST', `/virtual_machines/${id}/stop`);
    advance(pickup + latencies.halt);
    expect(state(id)).toBe('halted');
  });

  test('a kill of a VM that was about to halt leaves no second transition behind', () => {
    const { call, advance, running, emulator } = visit();
    const id = running();
    call('POST', `/virtual_machines/${id}/stop`);
    advance(pickup + latencies.halt - 1);
    call('POST', `/virtual_machines/${id}/kill`);
    advance(10_000);
    const moves = emulator.ledger.effects.flatMap((effect) => (effect.kind === 'transition' ? [effect.to] : []));
    expect(moves).toEqual(['running', 'halting', 'halted']);
  });
});

describe('a boot loop', () => {
  test('halts by itself as often as configured', () => {
    const { call, advance, running, state, emulator } = visit({
      switches: { bootLoopNames: 'loop', bootLoopAfter: 50, bootLoopCount: 2 },
    });
    const id = running('loop');
    expect(state(id)).toBe('running');
    advance(50);
    expect(state(id)).toBe('halted');
    const start = () => {
      call('POST', `/virtual_machines/${id}/start`);
      advance(pickup + latencies.start + 50);
    };
    start();
    expect(state(id)).toBe('halted');
    start();
    expect(state(id)).toBe('running');
    const fallbacks = emulator.ledger.effects.filter(({ cause }) => cause === 'clock');
    expect(fallbacks).toMatchObject([
      { from: 'running', to: 'halted' },
      { from: 'running', to: 'halted' },
    ]);
  });

  test('never ends with a count of 0, and other VMs stay up', () => {
    const { advance, running, state } = visit({ switches: { bootLoopNames: '^loop$', bootLoopAfter: 50 } });
    const [loop, other] = [running('loop'), running('looper')];
    advance(60_000);
    expect([state(loop), state(other)]).toEqual(['halted', 'running']);
  });
});

describe('the control panel', () => {
  test('powers and deletes VMs, and the ledger records the user', () => {
    const { advance, running, state, emulator } = visit();
    const id = running();
    expect(emulator.panel.power(id, 'stop')).toBe(true);
    advance(pickup + latencies.halt);
    expect(state(id)).toBe('halted');
    expect(emulator.panel.power(id, 'stop')).toBe(false);
    expect(emulator.panel.delete(id)).toBe(true);
    expect(emulator.panel.delete(id)).toBe(false);
    const kinds = emulator.ledger.effects.filter(({ cause }) => cause === 'panel').map(({ kind }) => kind);
    expect(kinds).toEqual(['transition', 'transition', 'refused', 'deleted']);
    expect(emulator.ledger.impossibleEffects()).toEqual([]);
  });

  test('deletes a VM during a transition, which then never ends', () => {
    const { call, advance, running, emulator } = visit();
    const id = running();
    call('POST', `/virtual_machines/${id}/stop`);
    emulator.panel.delete(id);
    advance(10_000);
    expect(emulator.ledger.effects.at(-1)).toMatchObject({ kind: 'deleted', from: 'running' });
    expect(call('GET', `/virtual_machines/${id}`).status).toBe(404);
  });

  test('creates VMs that exist at once, with any name', () => {
    const { call, emulator, running } = visit();
    running('web');
    const id = emulator.panel.create({ name: 'web', state: 'halted', packageId: 2 });
    expect(call('GET', `/virtual_machines/${id}`).body).toMatchObject({ name: 'web', state: 'halted', package_id: 2 });
    expect(emulator.ledger.duplicates()).toEqual(['web']);
  });
});

describe('a delete', () => {
  test('may take a while, during which the VM can be read and the delete repeated', () => {
    const { call, advance, halted, emulator } = visit({ latencies: { ...latencies, remove: 200 } });
    const id = halted();
    expect(call('DELETE', `/virtual_machines/${id}`).status).toBe(204);
    expect(call('DELETE', `/virtual_machines/${id}`).status).toBe(204);
    expect(call('GET', `/virtual_machines/${id}`).body).toMatchObject({ last_task: { name: 'VmDelete' } });
    expect(call('POST', `/virtual_machines/${id}/start`).status).toBe(406);
    advance(200);
    expect(call('GET', `/virtual_machines/${id}`).status).toBe(404);
    expect(emulator.ledger.effects.filter(({ kind }) => kind === 'deleted')).toHaveLength(1);
  });
});

test('hours in which the VM ran are billed, halted hours are not', () => {
  const { call, advance, running } = visit();
  const id = running();
  advance(5_400_000);
  call('POST', `/virtual_machines/${id}/kill`);
  advance(86_400_000);
  expect(call('GET', `/virtual_machines/${id}`).body['unbilled_hours']).toBe(2);
});
