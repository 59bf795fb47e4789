import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { asyncProperty, nat, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Run, searchRun } from './run.ts';
import { Search } from './search.ts';
import { openSecret } from '../support/secret-object.ts';
import { assertProperty } from '../support/property.ts';

const value = 'n33dle/of+th3 h4ystack="ö"&<x>';
const marked = 'marker-0123456789abcdef';
const search = new Search({ markers: ['marker-'], values: [value, marked] });

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a value is found', () => {
  test.each([
    ['in a line of a log', `time=1 key=${value}\n`, 'as it is'],
    ['in JSON', JSON.stringify({ message: `refused ${value}` }), 'JSON'],
    ['in JSON within JSON', JSON.stringify({ text: JSON.stringify({ value }) }), 'JSON'],
    ['in JSON as Go writes it', 'n33dle/of+th3 h4ystack=\\"ö\\"\\u0026\\u003cx\\u003e', 'JSON'],
    ['in a URL', `https://h/?key=${encodeURIComponent(value)}&x`, 'URL'],
    ['in a URL with small letters', encodeURIComponent(value).replaceAll(/%../g, (code) => code.toLowerCase()), 'URL'],
    ['in a query', String(new URLSearchParams({ key: value })), 'URL'],
    ["in a Secret's data", JSON.stringify({ data: { password: base64(value) } }), 'base64'],
    ['in a Basic authorization', `Basic ${base64(`root:${value}`)}`, 'base64'],
    ['in a Basic authorization of a longer name', `Basic ${base64(`admin:${value}!`)}`, 'base64'],
    ['in a token', Buffer.from(`{"key":"${value}"}`).toString('base64url'), 'base64'],
    ['in a buffer that was printed', inspect(Buffer.from(value)), 'hexadecimal'],
    ['in hexadecimal', Buffer.from(value).toString('hex'), 'hexadecimal'],
    ['in a buffer in JSON', JSON.stringify(Buffer.from(value)), 'a list of bytes'],
  ])('%s', async (_where, text, spelling) => {
    expect(await search.text(`first line\n${text}\nlast line`)).toEqual([{ line: 2, value: 'n33d…', spelling }]);
  });

  test('by its marker, without being known', async () => {
    const unknown = 'marker-of-another-test';
    for (const text of [
      unknown,
      base64(unknown),
      base64(`x:${unknown}`),
      base64(`xy:${unknown}`),
      inspect(Buffer.from(unknown)),
    ])
      expect(await search.text(text)).toMatchObject([{ line: 1, value: 'marker-…' }]);
  });

  test('by the text after its marker', async () => {
    expect(await search.text('[redacted]0123456789abcdef')).toEqual([
      { line: 1, value: 'marker-0123…', spelling: 'as it is' },
    ]);
  });

  test('each time it occurs, on its line', async () => {
    expect((await search.text(`${value}\n\n${value} ${marked}\n`)).map(({ line }) => line)).toEqual([1, 3, 3, 3]);
  });

  test('once, wherever chunks end', async () => {
    const bytes = Buffer.from(`a\nb ${base64(value)} c\n${value}\n`);
    await assertProperty(
      asyncProperty(nat(bytes.length), nat(bytes.length), async (one, other) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)];
        const found = await search.chunks([bytes.subarray(0, start), bytes.subarray(start, end), bytes.subarray(end)]);
        expect(found.map(({ line, spelling }) => [line, spelling])).toEqual([
          [2, 'base64'],
          [3, 'as it is'],
        ]);
      }),
    );
  });
});

test('other text contains none, nor does a part of a value', async () => {
  const pieces = Array.from(value, (_, end) => `${value.slice(0, end)}\n${value.slice(end + 1)}`);
  expect(await search.text(pieces.join('\n'))).toEqual([]);
  await assertProperty(
    asyncProperty(string({ size: 'large' }), async (text) => {
      expect(await search.text(text)).toEqual([]);
    }),
  );
  expect(await new Search({ markers: [], values: [] }).text('anything')).toEqual([]);
});

describe('a Secret', () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name: 'web-initial-password',
      annotations: {
        'vps247.com/machine-id': '7',
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ stringData: { password: value } }),
      },
    },
    data: { password: base64(`${value}\n`), port: base64('8080'), bytes: Buffer.alloc(32, 0xff).toString('base64') },
  };

  test('may contain its own data, which is distinguished', async () => {
    const { shown, values } = openSecret(secret);
    expect(values).toEqual([value]);
    expect(shown).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { name: 'web-initial-password', annotations: { 'vps247.com/machine-id': '7' } },
    });
    expect(await search.text(JSON.stringify(shown))).toEqual([]);
  });

  test('may not contain it anywhere else', async () => {
    const labeled = { ...secret, metadata: { ...secret.metadata, labels: { password: marked } } };
    expect(await search.text(JSON.stringify(openSecret(labeled).shown))).not.toEqual([]);
  });

  test.each([
    { host: '198.18.255.255', values: [] },
    { host: value, values: [value] },
  ])('keeps under the key "host" an address, which the status shows, too, or a secret: $host', ({ host, values }) => {
    expect(openSecret({ ...secret, data: { host: base64(host) } }).values).toEqual(values);
  });

  test('of another type does not count as planted', () => {
    expect(openSecret({ ...secret, type: 'helm.sh/release.v1' }).values).toEqual([]);
  });
});

/** A folder of what a run wrote, gone at the end of its scope. */
function left(files: Readonly<Record<string, string | Buffer>>): Run & Disposable {
  const out = mkdtempSync(join(tmpdir(), 'vps247-left-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(out, name)), { recursive: true });
    writeFileSync(join(out, name), content);
  }
  const recorded = { values: [value], objects: 3 };
  return { out, startedAt: 0, recorded, isWhole: false, [Symbol.dispose]: () => rmSync(out, { recursive: true }) };
}

/** What a whole run leaves at least. */
const whole = {
  'operator/life/web/operator-1.log': '{"message":"Watching"}\n',
  'operator/life/web/operator-1.metrics.txt': 'up 1\n',
  'operator/life/web/operator-1.process.json': '{"args":[]}',
  'test/objects/virtualmachines.vps247.com.jsonl': '{"status":{}}\n',
};

describe('a run', () => {
  test('without a leak is reported in one line', async () => {
    using run = left(whole);
    expect(await searchRun({ ...run, isWhole: true })).toEqual({
      summary:
        'secrets: searched 4 files, 3 objects among them, 1 KiB, for 1 values and all that begins with planted-key- or emulated-password-: none found',
      problems: [],
    });
  });

  test.each([
    ['the log of an operator', 'operator/life/web/operator-1.log', `{"error":"key ${value}"}`],
    ['the log of the API server', 'test/control-plane/kube-apiserver.log', `W "rejected" body="${base64(value)}"`],
    ['metrics', 'operator/life/web/operator-1.metrics.txt', `calls{key="${encodeURIComponent(value)}"} 1`],
    ['arguments', 'operator/life/web/operator-1.process.json', JSON.stringify({ args: ['--api-key', value] })],
    ['an object', 'test/objects/events.events.k8s.io.jsonl', JSON.stringify({ note: `used ${value}` })],
    ['the text of an error', 'test/results.json', JSON.stringify({ failureMessages: [`expected ${value}`] })],
    ['what was shown', 'test/console.txt', value],
  ])('with a leak into %s is reported with the place', async (_place, file, text) => {
    using run = left({ ...whole, [file]: `fine\n${text}\n` });
    const { summary, problems } = await searchRun({ ...run, isWhole: true });
    expect(problems).toEqual([expect.stringContaining(`secrets: ${file}:2 holds n33d…`)]);
    expect(problems.join()).not.toContain(value);
    expect(summary).toMatch(/: 1 found$/);
  });

  test('may contain the token of an operator in its kubeconfig, and nowhere else', async () => {
    const kubeconfig = JSON.stringify({ users: [{ user: { token: 'header.claims.signature' } }] });
    using run = left({ 'life/operator.kubeconfig': kubeconfig, log: 'Bearer header.claims.signature' });
    expect((await searchRun(run)).problems).toEqual(['secrets: log:1 holds head… (as it is)']);
  });

  test('with leaks everywhere is reported in few sentences', async () => {
    using run = left({ log: `${value}\n`.repeat(100) });
    const { summary, problems } = await searchRun(run);
    expect(problems).toHaveLength(21);
    expect(problems.at(-1)).toBe('secrets: and 80 more');
    expect(summary).toMatch(/: 100 found$/);
  });

  test('may have written files larger than one read', async () => {
    const before = Buffer.alloc(1024 * 1024 - 5, '.\n');
    using run = left({ log: Buffer.concat([before, Buffer.from(value), before]) });
    expect((await searchRun(run)).problems).toEqual([expect.stringMatching(/^secrets: log:\d+ holds n33d…/)]);
  });

  test('does not report leaks of an earlier one', async () => {
    using run = left({ old: value, new: '' });
    utimesSync(join(run.out, 'old'), 1, 1);
    expect((await searchRun({ ...run, startedAt: 2_000 })).problems).toEqual([]);
  });

  test('with nothing to leak, or without an operator, proves nothing', async () => {
    using run = left({});
    expect((await searchRun({ ...run, recorded: undefined, isWhole: true })).problems).toEqual([
      'secrets: nothing to search: no log of an operator',
      'secrets: nothing to search: no page of metrics',
      'secrets: nothing to search: no list of arguments',
      'secrets: the objects of the API server were not recorded',
    ]);
    const { problems } = await searchRun({ ...run, recorded: { values: [], objects: 3 }, isWhole: true });
    expect(problems.at(-1)).toBe('secrets: no Secret held anything to search for');
    expect((await searchRun({ ...run, recorded: 'the API server stopped' })).problems).toEqual([
      'secrets: the objects of the API server are not known: the API server stopped',
    ]);
  });
});
