/** Loaded before each test file of an instrumented copy: writes down what of its modules ran (`instrument.ts`). */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, expect } from 'vitest';
import { regionsFolder } from './runner.ts';

afterAll(() => {
  const { regionsRun = {} } = globalThis as { readonly regionsRun?: Readonly<Record<string, Uint8Array>> };
  const file = relative(join(import.meta.dirname, '../..'), expect.getState().testPath ?? '');
  const ran = Object.fromEntries(
    Object.entries(regionsRun).map(([module, bytes]) => [
      module,
      [...bytes].flatMap((hit, index) => (hit === 0 ? [] : [index])),
    ]),
  );
  const folder = process.env[regionsFolder];
  if (folder !== undefined) writeFileSync(join(folder, `${file.replaceAll('/', '+')}.json`), JSON.stringify(ran));
});
