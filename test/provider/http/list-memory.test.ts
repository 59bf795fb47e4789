import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { nodeEnvironment, nodeFlags } from '../../support/node-options.ts';
import { listLimits } from '../../../src/provider/http/list-parser.ts';
import { startRawServer } from '../../support/raw-server.ts';

const program = fileURLToPath(new URL('./list-memory.ts', import.meta.url));
const mebibyte = 2 ** 20;

/** What an operator with 10,000 objects occupies (docs/performance.md), the newest list of its VMs included. */
const fleet = 190 * mebibyte;

/** What reading any list may take on top. */
const mostExtra = 170 * mebibyte;

/** So many entries, as long as they fit into the largest list that is read. */
function listOf(entry: (id: number) => string, most: number = listLimits.entries): string {
  const entries: string[] = [];
  let bytes = 2;
  for (let id = 1; id <= most; id += 1) {
    const one = entry(id);
    bytes += Buffer.byteLength(one) + 1;
    if (bytes > listLimits.bytes) break;
    entries.push(one);
  }
  return `[${entries.join(',')}]`;
}

/** As the vendor's example has it, with names of a usual length. */
function usual(id: number): string {
  const address = `10.${id >> 16}.${(id >> 8) & 255}.${id & 255}`;
  return JSON.stringify({
    id,
    name: `web-frontend-${id}-0123abcd`,
    hostname: `web-frontend-${id}-0123abcd.customers.example.com`,
    state: 'running',
    created_at: '2025-02-21T00:26:55.068Z',
    region_id: 1,
    os_template_id: 1,
    initial_password: `Zk3-${id}-8fQwLp2x`,
    owner_id: 1,
    updated_at: '2025-02-21T00:35:29.192Z',
    region_name: 'New York 1',
    os_template_name: 'Ubuntu 11.10 Server x64',
    ip_allocations: [{ version: 4, first: address, last: address, gateway: '10.0.0.1', prefixlen: 25 }],
    last_task: { id, name: 'VmKill', progress: null, status: 'success' },
    package_id: 1,
    package_name: 'Budget',
    unbilled_hours: 1,
    transfer: 22_410,
    month_transfer: 22_410,
    virtual_machine_disk_ids: [id],
  });
}

function withFields(id: number, fields: string): string {
  return `{"id":${id},"name":"vm-${id}","state":"running",${fields}}`;
}

function times(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join(',');
}

const address = (a: number, b: number): string => `${a.toString(16)}::${b.toString(16)}`;
const padded = (head: string, length: number, with_: string): string => JSON.stringify(head.padEnd(length, with_));

const lists: readonly (readonly [what: string, body: () => string, answer: RegExp])[] = [
  ['10,000 VMs', () => listOf(usual, 10_000), /^10000 entries$/],
  ['as many VMs as a list may have', () => listOf(usual), /^20000 entries$/],
  [
    'as many addresses as a list may have',
    () =>
      listOf((id) =>
        withFields(
          id,
          `"ip_allocations":[${times(10, (n) => `{"first":"${address(id, n)}","gateway":"${address(id, n + 10)}"}`)}]`,
        ),
      ),
    /^20000 entries$/,
  ],
  [
    'nearly as much text as a list may have, not in ASCII, and all of it different',
    () =>
      listOf((id) =>
        withFields(
          id,
          ['hostname', 'initial_password'].map((name) => `"${name}":${padded(`${id}`, 110, 'ж')}`).join(','),
        ),
      ),
    /^20000 entries$/,
  ],
  [
    'millions of keys',
    () =>
      listOf((id) =>
        withFields(
          id,
          times(9_000, (n) => `"${(id * 9_000 + n).toString(36)}":0`),
        ),
      ),
    /entries$/,
  ],
  ['millions of objects', () => listOf((id) => withFields(id, `"a":[${'{},'.repeat(40_000)}0]`)), /entries$/],
  [
    'a million tiny entries',
    () => listOf((id) => `{"id":${id}}`, 1_000_000),
    /^ProtocolError: the list has more than 20000 entries$/,
  ],
  [
    'a million addresses of one VM',
    () =>
      listOf(
        (id) =>
          withFields(id, `"ip_allocations":[${times(600_000, (n) => `{"first":"${address(n >> 16, n & 0xffff)}"}`)}]`),
        1,
      ),
    /^1 entries$/,
  ],
  [
    'more text than a list may have',
    () =>
      listOf((id) =>
        withFields(
          id,
          `"hostname":${padded(`${id}`, 255, 'x')},"region_id":1,"region_name":${padded(`${id}`, 255, 'y')}`,
        ),
      ),
    /^ProtocolError: the list has more than 5000000 characters of text$/,
  ],
  ['one endless string', () => listOf((id) => withFields(id, `"a":"${'ж'.repeat(8_000_000)}"`), 1), /^1 entries$/],
];

interface Reading {
  readonly answer: string;
  /** KiB. */
  readonly before: number;
  readonly peak: number;
  /** Milliseconds of CPU time. */
  readonly longest: number;
  /** Milliseconds of CPU time that this machine takes to parse 10 MB of JSON. */
  readonly yardstick: number;
}

async function readBy(url: string, ...rest: readonly string[]): Promise<Reading> {
  const child = spawn(process.execPath, [...nodeFlags, program, url, ...rest], {
    env: { ...process.env, ...nodeEnvironment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Its own last line.
  return JSON.parse(await text(child.stdout)) as Reading;
}

describe('reading any list again and again', { timeout: 300_000 }, () => {
  test.each(lists)(
    'takes no more memory than is available besides a fleet, and no second: %s',
    async (_what, body, answer) => {
      const bytes = Buffer.from(body());
      await using server = await startRawServer((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(bytes);
      });
      const read = await readBy(server.url, '60000');
      expect(read.answer).toMatch(answer);
      expect((read.peak - read.before) * 1_024).toBeLessThan(mostExtra);
      expect(read.longest / read.yardstick).toBeLessThan(40);
    },
  );
});

test('receives two of the largest, endless lists at once, however many keys are answered', async () => {
  const bytes = Buffer.alloc(listLimits.bytes - 1, ' ');
  await using server = await startRawServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write(bytes);
  });
  const read = await readBy(server.url, '10000', '1', '24');
  expect(read.answer).toMatch(/^Timeout/);
  expect((read.peak - read.before) * 1_024).toBeLessThan(mostExtra);
}, 300_000);

test("the chart's memory limit holds a fleet and the worst list besides it", () => {
  const values: unknown = parse(readFileSync('deploy/chart/values.yaml', 'utf8'));
  const limit = /^(\d+)Mi$/.exec(
    (values as { resources: { limits: { memory: string } } }).resources.limits.memory,
  )?.[1];
  expect(Number(limit) * mebibyte).toBeGreaterThanOrEqual(fleet + mostExtra);
});
