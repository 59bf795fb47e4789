import { expect, test } from 'vitest';
import { createEmulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import { visitOverHttp } from './http.ts';

test('closing does not wait for hanging calls and kept connections', async () => {
  const emulator = createEmulator({ accounts: [{ ownerId: 1, keys: ['ours'] }] });
  const server = await serve(emulator);
  const headers = { 'X-Api-Key': 'ours' };
  await (await fetch(`${server.url}/regions`, { headers })).text();
  const hang = emulator.addFault({ when: 'before', action: { kind: 'hang' } });
  const drip = emulator.addFault({ when: 'after', action: { kind: 'drip', bytes: 1, everyMs: 3_600_000 } });
  const ends = [0, 1].map(() =>
    fetch(`${server.url}/regions`, { headers })
      .then((response) => response.text())
      .then(
        () => 'answered',
        () => 'cut off',
      ),
  );
  await expect.poll(() => [hang.hits, drip.hits]).toEqual([1, 1]);
  await server.close();
  expect(await Promise.all(ends)).toEqual(['cut off', 'cut off']);
});

test('a port in use is an error, not a crash', async () => {
  const emulator = createEmulator({ accounts: [] });
  const server = await serve(emulator);
  await expect(serve(emulator, { port: server.port })).rejects.toThrow('EADDRINUSE');
  await server.close();
});

test('a body above the limit is refused and creates nothing', async () => {
  await using visited = await visitOverHttp();
  const { status } = await visited.call('POST', '/virtual_machines', { name: 'x'.repeat(1_100_000) });
  expect(status).toBe(413);
  expect(visited.emulator.ledger.calls).toEqual([]);
});

test('a 204 has neither body nor length', async () => {
  await using visited = await visitOverHttp();
  const id = visited.emulator.panel.create({ name: 'web', state: 'halted' });
  const { status, headers, text } = await visited.call('DELETE', `/virtual_machines/${id}`);
  expect([status, text, headers['content-length'], headers['content-type']]).toEqual([204, '', undefined, undefined]);
});
