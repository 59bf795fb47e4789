import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import winston from 'winston';
import type { Operation, Outcome } from '../../../src/domain/failure.ts';
import { operations } from '../../../src/domain/failure.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { interpret } from '../../../src/provider/http/response.ts';
import { createHttpProvider } from '../../../src/provider/http/client.ts';
import { KnownSecrets } from '../../../src/provider/http/known-secrets.ts';
import * as mapping from '../../../src/provider/http/decode.ts';
import type { Exchange } from '../../../src/provider/http/transport.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { assertProperty } from '../../support/property.ts';

const key = 'planted-key';
const password = 'planted-password';

/** All forms in which users can see a failure. */
function printed(value: unknown): string {
  const format = winston.format.combine(winston.format.errors({ stack: true }), winston.format.json());
  const line = format.transform({ level: 'error', message: 'x', failure: value });
  const shown = inspect(value, { depth: Infinity, showHidden: true, getters: true });
  return [JSON.stringify(value), shown, inspect(line, { depth: Infinity }), String(value)].join('\n');
}

test('no failure, call record or log line contains the key or a password, whatever the provider answers', async () => {
  const words = JSON.stringify({
    error: `key ${key} is wrong, password ${password}`,
    initial_password: password,
    trace: { 'x-api-key': key },
  });
  const said: unknown[] = [];
  const failures: Outcome<unknown>[] = [];
  const log = { ...silentLog, debug: (message: string, fields?: unknown) => said.push(message, fields) };
  const answers: readonly ((server: string) => { status: number; headers: Record<string, string>; body: string })[] = [
    ...[302, 400, 401, 403, 404, 406, 409, 429, 500, 503].map((status) => () => ({ status, headers: {}, body: words })),
    () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: `<p>${key}</p> ${password}=${key}` }),
    () => ({ status: 200, headers: { 'x-request-id': key }, body: `{"id":"${key}","initial_password":"${password}"` }),
    () => ({
      status: 200,
      headers: { 'content-length': '9999' },
      body: `{"initial_password":"${password}","key":"${key}`,
    }),
    (url) => ({ status: 307, headers: { location: `${url}/?key=${key}` }, body: '' }),
  ];
  for (const answer of answers) {
    await using server = await startRawServer((_, response) => {
      const { status, headers, body } = answer(server.url);
      response.writeHead(status, headers);
      response.write(body, () => response.socket?.destroySoon());
    });
    const options = { apiKey: new Secret(key), log, retries: { count: 0 }, onCall: (call: unknown) => said.push(call) };
    const provider = createHttpProvider({ baseUrl: server.url, ...options });
    failures.push(await provider.listMachines(), await provider.getMachine(1), await provider.killMachine(1));
  }
  const gone = createHttpProvider({
    baseUrl: 'http://127.0.0.1:1',
    apiKey: new Secret(key),
    log,
    retries: { count: 0 },
  });
  failures.push(await gone.listMachines(), await gone.listMachines(AbortSignal.abort(new Error(key))));

  expect(failures.filter((outcome) => !outcome.ok).length).toBeGreaterThan(30);
  for (const one of [...failures, ...said]) {
    expect(printed(one)).not.toContain(key);
    expect(printed(one)).not.toContain(password);
    expect(printed(one)).not.toMatch(/x-api-key/i);
  }
});

const decoders: Readonly<Partial<Record<Operation, (body: string, context: mapping.Context) => unknown>>> = {
  ListMachines: mapping.decodeMachines,
  GetMachine: (body, context) => mapping.decodeMachineOf(1, body, context),
  CreateMachine: mapping.decodeCreateResponse,
  ListRegions: mapping.decodeRegions,
  ListPackages: mapping.decodePackages,
  ListOsTemplates: mapping.decodeOsTemplates,
};

/** JSON that comes close to what the provider says, with the secrets strewn in. */
const field = fc.constantFrom(
  'id',
  'name',
  'state',
  'data',
  'virtual_machines',
  'vm',
  'error',
  'errors',
  'message',
  'status',
  'initial_password',
  'ip_allocations',
  'last_task',
  '__proto__',
);
const nearJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, 0, 1, -1, 1.5, '', '7', 'running', 'success', key, password),
    fc.string(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(field, tie('value'), { maxKeys: 6 }),
  ),
})).value;
const body = fc.oneof(
  // By chance alone hardly any is a list, and now and then none.
  fc.constantFrom('[]', '{"virtual_machines":[]}', '{"data":[]}'),
  nearJson.map((value) => JSON.stringify(value)),
  fc.json(),
  fc.uint8Array().map((bytes) => new TextDecoder().decode(bytes)),
  fc.tuple(nearJson, fc.nat(200)).map(([value, end]) => JSON.stringify(value).slice(0, end)),
);
const exchange: fc.Arbitrary<Exchange> = fc.record({
  kind: fc.constant('Received' as const),
  status: fc.oneof(fc.constantFrom(200, 200, 200, 201, 204, 206, 301, 400, 401, 404, 406, 429, 500, 503), fc.nat(999)),
  headers: fc.dictionary(
    fc.constantFrom('retry-after', 'date', 'link', 'content-type', 'x-request-id'),
    fc.oneof(fc.constant(key), fc.string()),
  ),
  body,
  bytes: fc.nat(),
});

function isEmptyList(text: string): boolean {
  const value: unknown = JSON.parse(text);
  if (Array.isArray(value)) return value.length === 0;
  const arrays = Object.entries(Object(value)).filter(([, entry]) => Array.isArray(entry));
  return arrays.length === 1 && arrays.every(([name, entry]) => isKnownName(name) && JSON.stringify(entry) === '[]');
}

function isKnownName(name: string): boolean {
  return name === 'virtual_machines' || name === 'data';
}

test('any answer neither throws nor leaks, and only an empty list is read as one', { timeout: 60_000 }, async () => {
  let lists = 0;
  await assertProperty(
    fc.property(fc.constantFrom(...operations), exchange, (operation, received) => {
      const decode = decoders[operation];
      const success = decode === undefined ? { value: undefined } : { decode };
      const secrets = new KnownSecrets(new Secret(key));
      const outcome = interpret<unknown>({ operation, success, absent: { value: undefined } }, received, {
        secrets,
        now: 0,
      });
      if (outcome.ok && operation === 'ListMachines' && received.kind === 'Received' && received.status !== 404) {
        lists += 1;
        if ((outcome.value as unknown[]).length === 0) expect(isEmptyList(received.body)).toBe(true);
      }
      if (outcome.ok) return;
      expect(printed(outcome)).not.toContain(key);
      expect(outcome.failure.text.length).toBeLessThanOrEqual(256);
      if (received.kind === 'Received' && outcome.failure.status !== undefined)
        expect(outcome.failure.status).toBe(received.status);
    }),
    { runs: 5_000 },
  );
  expect(lists).toBeGreaterThan(0);
});
