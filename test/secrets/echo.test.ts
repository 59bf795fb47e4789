import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { KubeError } from '../../src/kubernetes/errors.ts';
import { Secret } from '../../src/domain/secret.ts';
import { writePassword } from '../../src/reconcile/execute/password-secret.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { connect, json } from '../kubernetes/connect.ts';
import { objectWith } from '../plan/fixtures.ts';
import { startRawServer } from '../support/raw-server.ts';
import { Search } from './search.ts';

const password = 'pl4nted/"password"&more';
const search = new Search({ markers: [], values: [password] });
const action = {
  type: 'WritePassword',
  id: 90,
  secretName: 'web-initial-password',
  password: new Secret(password),
  addresses: [],
} as const;

/** All texts that can be printed about the result. */
function printed(result: unknown): string {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', format: 'json', write: (line) => lines.push(line) });
  log.error('Reconciler error', { error: result });
  const shown = inspect(result, { depth: Infinity, showHidden: true, getters: true });
  return [...lines, shown, String(result), JSON.stringify(result)].join('\n');
}

/** Webhooks and proxies word their refusals as they like; some repeat what they were sent. */
const echoes: Readonly<Record<string, (posted: string) => string>> = {
  'the body': (posted) => posted,
  'the body, far from the beginning': (posted) => `${'.'.repeat(500)}${posted}`,
  'the data, in base64': () => `invalid data ${Buffer.from(password).toString('base64')}`,
  'the password': () => `"${password}" is too simple`,
  'the password in half': () => `"${password.slice(0, -1)}… is too simple`,
};

describe.each([400, 403, 409, 422, 429, 500])('an API server that answers %i to the Secret with', (code) => {
  test.each(Object.entries(echoes))('%s', async (_what, echo) => {
    await using server = await startRawServer(async (request, response) => {
      const message = echo(await text(request));
      const reason = request.method === 'GET' ? 'NotFound' : message;
      json(
        response,
        code,
        { kind: 'Status', code, reason, message, details: { name: message } },
        { 'retry-after': '0' },
      );
    });
    await using client = connect(server.url);
    const result: unknown = await writePassword(client, objectWith({ id: 90 }), action, () => true).catch(
      (error: unknown) => error,
    );
    if (result instanceof Error) expect(result).toBeInstanceOf(KubeError);
    const output = printed(result);
    expect(await search.text(output)).toEqual([]);
    expect(output).not.toContain(password.slice(0, 8));
  });
});

test('a Secret that is in the way is not quoted', async () => {
  await using server = await startRawServer((request, response) => {
    const isThere = request.method === 'GET';
    const secret = {
      kind: 'Secret',
      metadata: { name: password },
      data: { password: Buffer.from(password).toString('base64') },
    };
    json(
      response,
      isThere ? 200 : 409,
      isThere ? secret : { kind: 'Status', reason: 'AlreadyExists', message: 'is there' },
    );
  });
  await using client = connect(server.url);
  const result = await writePassword(client, objectWith({ id: 90 }), action, () => true);
  expect(result.type).toBe('PasswordConflict');
  expect(await search.text(printed(result))).toEqual([]);
});
