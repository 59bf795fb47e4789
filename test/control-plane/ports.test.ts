import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../hack/control-plane/ports.ts';

const ports = join(import.meta.dirname, '../../hack/control-plane/ports.ts');

test('no port is handed out twice, in this process or in another one, before anything listens on it', async () => {
  const choices = { first: 19_000, count: 40 };
  const own = await Promise.all(Array.from({ length: 20 }, () => freePort(choices)));
  const program = `
    import { freePort } from ${JSON.stringify(ports)};
    const ports = await Promise.all(Array.from({ length: 10 }, () => freePort(${JSON.stringify(choices)})));
    console.log(JSON.stringify(ports));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  const others: unknown = JSON.parse(output);
  expect(others).toHaveLength(10);
  expect(new Set([...own, ...(others as number[])])).toHaveProperty('size', 30); // as the program above prints them
});
