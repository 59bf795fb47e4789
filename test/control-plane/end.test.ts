import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { ended } from '../setup/ended.ts';
import { processesOf, tracesOf } from './traces.ts';

/** `npm run control-plane`, as far as it matters here, once it has said where it is. */
async function run() {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../hack/control-plane/main.ts')]);
  const end = ended(child);
  const { promise: folder, resolve, reject } = Promise.withResolvers<string>();
  createInterface(child.stdout).on('line', (line) => {
    const path = /export KUBECONFIG=(.*)/.exec(line)?.[1];
    // What is printed may be a link to it.
    if (path !== undefined) resolve(dirname(realpathSync(path)));
  });
  void end.then(({ text }) => reject(new Error(text)));
  return { child, ended: end, folder: await folder };
}

test('ends its programs and removes its folder after kill -9', async () => {
  const { child, ended: end, folder } = await run();
  expect(tracesOf(folder)).not.toEqual([]);
  child.kill('SIGKILL');
  expect(await end).toMatchObject({ signal: 'SIGKILL' });
  await expect.poll(() => tracesOf(folder)).toEqual([]);
});

test.each<[NodeJS.Signals]>([['SIGINT'], ['SIGTERM']])('on %s, twice, ends everything and exits 0', async (signal) => {
  const { child, ended: end, folder } = await run();
  child.kill(signal);
  // As npm does, which passes on what the terminal has delivered already.
  child.kill(signal);
  expect(await end).toMatchObject({ code: 0, signal: null });
  expect(tracesOf(folder)).toEqual([]);
});

test('reports when one of its programs is killed, ends the others and exits 1', async () => {
  const { ended: end, folder } = await run();
  const etcd = processesOf(folder).find(({ name }) => name === 'etcd');
  process.kill(etcd?.pid ?? Number.NaN, 'SIGKILL');
  expect(await end).toMatchObject({
    code: 1,
    text: expect.stringContaining('etcd exited unexpectedly (SIGKILL). The end of its log:'),
  });
  expect(tracesOf(folder)).toEqual([]);
});
