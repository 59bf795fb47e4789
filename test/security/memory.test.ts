import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { buildBundle } from '../../hack/build.ts';
import { chartFolder } from '../support/helm.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import { keyMarker } from '../secrets/markers.ts';
import { ClusterUnderAttack, type RunOptions, type Tenant } from './cluster-under-attack.ts';
import { type Health, watchHealth } from './health.ts';

/** Several times as long as it takes, for machines with other things to do. */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const mebibyte = 1_024 * 1_024;
/** Longest silence of /healthz. The kubelet ends a process after three probes that take more than five seconds each. */
const longestSilence = 10_000;

let site: ClusterUnderAttack;
let options: RunOptions;
let operator: OperatorProcess;
let calm: Tenant;
const lies: (() => void)[] = [];

beforeAll(async () => {
  site = await ClusterUnderAttack.open('memory', { isRecorded: false });
  const { file } = await buildBundle(path.join(site.logs, 'bundle'));
  // V8 takes half of a container's memory for its heap; this process does not run in a container.
  const heap = Math.floor(limit() / mebibyte / 2);
  options = {
    entry: file,
    nodeFlags: [`--max-old-space-size=${heap}`],
    settings: { 'api-response-timeout': '20s' },
  };
  calm = await site.tenant('calm', { owner: 300 });
  await calm.create('resident');
});
beforeEach(async () => {
  // Each attack meets an operator that runs, whatever became of the one before.
  operator = await site.run(options);
});
afterEach(() => {
  for (const end of lies.splice(0)) end();
});
afterAll(() => site?.close());

/** The memory limit of the chart, in bytes. */
function limit(): number {
  const { resources } = parse(readFileSync(path.join(chartFolder, 'values.yaml'), 'utf8'));
  const [, amount] = /^(\d+)Mi$/.exec(String(resources.limits.memory)) ?? [];
  if (amount === undefined) throw new Error(`no memory limit in the chart: ${resources.limits.memory}`);
  return Number(amount) * mebibyte;
}

/** Most memory that the process ever had, in bytes. */
function peak(): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${operator.pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1_024;
}

/** While the attack lasts: the objects of another tenant are reconciled, /healthz answers, and the memory stays below the chart's limit. */
async function expectOthersUnharmed(name: string, attack: () => Promise<void>): Promise<void> {
  const { health } = await operator.addresses;
  const watch = watchHealth(health);
  let seen: Health | undefined;
  try {
    await calm.create(`${name}-before`);
    await attack();
    await calm.create(`${name}-after`);
    for (const moment of ['before', 'after']) {
      await calm.untilReady(`${name}-${moment}`);
      await calm.delete(`${name}-${moment}`);
      await calm.untilGone(`${name}-${moment}`);
    }
  } finally {
    seen = await watch.stop();
  }
  expect(seen.failures).toBe(0);
  expect(seen.largestGap).toBeLessThan(longestSilence);
  expect(peak()).toBeLessThan(limit());
}

describe('a tenant', () => {
  it('with twelve Secrets of 700 kB as keys ends the process neither now nor at the next start', async () => {
    const b = await site.tenant('large-keys');
    await expectOthersUnharmed('keys', async () => {
      for (let index = 0; index < 12; index += 1) {
        const name = `large-${index}`;
        const apiKey = `${keyMarker}${index}-${'k'.repeat(700_000)}`;
        await b.putSecret(name, { 'api-key': apiKey });
        await b.create(name, { credentialsSecretRef: { name } });
      }
      for (let index = 0; index < 12; index += 1) await b.untilReported(`large-${index}`);
      await site.untilListed(calm.owner, 5);
    });
    operator = await site.run(options);
    await expectOthersUnharmed('restart', () => site.untilListed(calm.owner, 5));
    await site.admin.deleteNamespace(b.namespace);
  });

  it('that changes an annotation of 200 kB six hundred times causes no lasting memory use', async () => {
    const b = await site.tenant('annotations');
    await b.create('noise');
    await expectOthersUnharmed('noise', async () => {
      for (let index = 0; index < 600; index += 4) {
        const next = [0, 1, 2, 3].map((more) => `${index + more}-${'A'.repeat(200_000)}`);
        await Promise.all(next.map((paused) => b.annotate('noise', { paused })));
      }
    });
    await b.delete('noise');
  });
});

describe('a provider', () => {
  it('that answers a list with 667 bytes that decode to 420 kB blocks nothing, neither now nor at the next start', async () => {
    const b = await site.tenant('script', { owner: 310 });
    const body = gzipSync(JSON.stringify({ error: '<script'.repeat(60_000) }));
    expect(body.length).toBeLessThan(1_000);
    let lists = 0;
    lies.push(
      site.provider.lie(({ operation, owner }) => {
        if (operation !== 'List' || owner !== b.owner) return undefined;
        lists += 1;
        return { status: lists % 2 === 0 ? 500 : 200, headers: { 'Content-Encoding': 'gzip' }, body };
      }),
    );
    const isListed = (times: number) => site.admin.until(`${times} lists`, async () => lists >= times);
    await b.create('web');
    await expectOthersUnharmed('script', () => isListed(2));
    operator = await site.run(options);
    const before = lists;
    await expectOthersUnharmed('again', () => isListed(before + 1));
    await site.admin.deleteNamespace(b.namespace);
  });

  it.each([
    { what: '20 MiB of tiny VMs', owner: 320, list: () => tinyVms(20) },
    { what: '60 MiB of tiny VMs', owner: 321, list: () => tinyVms(60) },
    { what: '20 MiB of empty objects', owner: 322, list: () => repeated('{}', 20) },
    { what: '20 MiB of digits', owner: 323, list: () => repeated('0', 20) },
    { what: '60 MiB of nested arrays', owner: 324, list: () => repeated('[[[[]]]]', 60) },
    {
      what: '60 MiB in one name',
      owner: 325,
      list: () => `[{"id":1,"name":"${'n'.repeat(60 * mebibyte)}","state":"halted"}]`,
    },
  ])('that answers a list with $what stays below the memory limit', async ({ what, owner, list }) => {
    const name = what.toLowerCase().replaceAll(' ', '-');
    const b = await site.tenant(name, { owner });
    const body = gzipSync(list());
    let lists = 0;
    lies.push(
      site.provider.lie((question) => {
        if (question.operation !== 'List' || question.owner !== owner) return undefined;
        lists += 1;
        return { status: 200, headers: { 'Content-Encoding': 'gzip' }, body };
      }),
    );
    await b.create('web');
    await expectOthersUnharmed(name, () => site.admin.until('two lists', async () => lists >= 2));
    const object = await b.untilReported('web');
    expect(object.status?.conditions?.find(({ type }) => type === 'Ready')?.status).not.toBe('True');
    expect(site.provider.created(owner)).toEqual([]);
    await b.delete('web');
  });
});

/** A list of so many MiB that says the same again and again. */
function repeated(entry: string, size: number): string {
  const times = Math.floor((size * mebibyte) / (entry.length + 1));
  return `[${`${entry},`.repeat(times)}${entry}]`;
}

/** A list of so many MiB of VMs that have an id, a name and a state. */
function tinyVms(size: number): string {
  const vms: string[] = [];
  for (let bytes = 0, id = 1; bytes < size * mebibyte; id += 1) {
    const vm = `{"id":${id},"name":"x${id}","state":"halted"}`;
    vms.push(vm);
    bytes += vm.length + 1;
  }
  return `[${vms.join(',')}]`;
}
