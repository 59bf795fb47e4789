import { describe, expect, test } from 'vitest';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { TargetsPage, type TargetsPageOptions } from '../../src/reconcile/targets.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { fences } from '../support/documented.ts';
import { objectWith, type ObjectOptions } from '../plan/fixtures.ts';
import { createWorld } from './world/world.ts';

interface Target {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

// `as`: the format of `http_sd_configs`.
const parse = (page: string | undefined) => JSON.parse(page ?? '') as readonly Target[];

function show(objects: readonly VirtualMachine[], options: Partial<TargetsPageOptions> = {}): readonly Target[] {
  return parse(new TargetsPage({ objects: () => objects, log: silentLog, ...options }).render());
}

const address = { version: 4, address: '198.18.0.7' } as const;

function running(options: ObjectOptions = {}, labels: Readonly<Record<string, string>> = {}): VirtualMachine {
  const status = { state: 'Running', addresses: [address], ...options.status } as const;
  const object = objectWith({ id: 90, ...options, status });
  return { ...object, metadata: { ...object.metadata, labels } };
}

test('a VM is one target, described by its object and the provider', () => {
  const status = {
    hostname: 'vps90',
    region: { id: 1, name: 'Amsterdam 1' },
    package: { id: 2 },
    osTemplate: { id: 3, name: 'Debian 13 x64' },
    addresses: [address, { version: 6, address: '2001:db8::2' } as const],
  };
  expect(show([running({ status }, { team: 'shop', 'vps247.com/tier': '' })])).toEqual([
    {
      targets: ['198.18.0.7'],
      labels: {
        __meta_vps247_namespace: 'default',
        __meta_vps247_name: 'web',
        __meta_vps247_id: '90',
        __meta_vps247_vm_name: 'web-0a1b2c3d',
        __meta_vps247_state: 'Running',
        __meta_vps247_hostname: 'vps90',
        __meta_vps247_region: 'Amsterdam 1',
        __meta_vps247_region_id: '1',
        __meta_vps247_package_id: '2',
        __meta_vps247_os_template: 'Debian 13 x64',
        __meta_vps247_os_template_id: '3',
        __meta_vps247_public_ipv4: '198.18.0.7',
        __meta_vps247_public_ipv6: '2001:db8::2',
        __meta_vps247_label_team: 'shop',
        __meta_vps247_labelpresent_team: 'true',
        __meta_vps247_label_vps247_com_tier: '',
        __meta_vps247_labelpresent_vps247_com_tier: 'true',
      },
    },
  ]);
});

test('the documented VM is what the page shows', () => {
  const block = fences('docs/monitoring.md').find(({ language }) => language === 'json');
  const object = running({
    id: 1_001,
    status: {
      hostname: 'vps1001',
      region: { id: 1, name: 'Amsterdam 1' },
      package: { id: 1, name: 'Budget' },
      osTemplate: { id: 3, name: 'Debian 13 x64' },
      addresses: [
        { version: 4, address: '203.0.113.7' },
        { version: 6, address: '2001:db8::7' },
      ],
    },
  });
  const metadata = { ...object.metadata, namespace: 'shop', labels: { monitoring: 'node-exporter' } };
  const [target] = show([{ ...object, metadata }]);
  expect(`${JSON.stringify(target, undefined, 2).replace(/\[\s+(.*)\s+\]/, '[$1]')}\n`).toBe(block?.text);
});

describe('a VM is a target only if it is on record of the object, running, and has a public address', () => {
  test.each<{ readonly because: string; readonly object: VirtualMachine; readonly shows: readonly string[] }>([
    { because: 'running', object: running(), shows: ['198.18.0.7'] },
    { because: 'deleting', object: running({ deleting: true }), shows: ['198.18.0.7'] },
    { because: 'halted', object: running({ status: { state: 'Halted' } }), shows: [] },
    { because: 'on record of another object', object: running({ recordedFor: 'another' }), shows: [] },
    {
      because: 'a copied status',
      object: running({ status: { internal: { objectUID: 'another' } } }),
      shows: [],
    },
    { because: 'no VM', object: objectWith({ status: { state: 'Running', addresses: [address] } }), shows: [] },
    { because: 'no address', object: running({ status: { addresses: [] } }), shows: [] },
    ...[
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '169.254.169.254',
      '172.31.0.1',
      '192.168.1.1',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::1',
      '::ffff:198.18.0.7',
      '::ffff:7f00:1',
      '64:ff9b::a00:1',
      '2002:a00:1::1',
      'fd00::1',
      'fe80::1',
      'ff02::1',
      'kubernetes.default',
    ].map((text) => ({
      because: text,
      object: running({ status: { addresses: [{ version: text.includes(':') ? 6 : 4, address: text }] } }),
      shows: [],
    })),
    {
      because: 'a private address before a public one',
      object: running({ status: { addresses: [{ version: 4, address: '10.0.0.7' }, address] } }),
      shows: ['198.18.0.7'],
    },
    {
      because: 'only IPv6: as in a URL, so that a port can be appended',
      object: running({ status: { addresses: [{ version: 6, address: '2001:db8::2' }] } }),
      shows: ['[2001:db8::2]'],
    },
    {
      because: 'only a range without a known address',
      object: running({ status: { addresses: [{ version: 4, first: '198.18.0.0', last: '198.18.0.7' }] } }),
      shows: [],
    },
  ])('$because', ({ object, shows }) => {
    expect(show([object]).flatMap(({ targets }) => targets)).toEqual(shows);
  });
});

test('of two labels that Prometheus would call the same, the first in the alphabet counts', () => {
  const [target] = show([running({}, { 'a.b': 'dot', 'a-b': 'dash', a_b: 'underscore' })]);
  expect(target?.labels).toMatchObject({ __meta_vps247_label_a_b: 'dash' });
});

function inNamespace(namespace: string): VirtualMachine {
  const object = running();
  return { ...object, metadata: { ...object.metadata, namespace } };
}

test('above the limit, the largest namespaces are left out, and one log line reports that', () => {
  const lines: unknown[] = [];
  const log = { ...silentLog, warn: (message: string, fields?: object) => void lines.push({ message, ...fields }) };
  const objects = ['large', 'small', 'large', 'other', 'large'].map(inNamespace);
  const one = new TargetsPage({ objects: () => [inNamespace('small')], log }).render().length;
  const page = new TargetsPage({ objects: () => objects, log, limit: 3 * one });
  for (const _ of [1, 2]) {
    expect(parse(page.render()).map(({ labels }) => labels['__meta_vps247_namespace'])).toEqual(['small', 'other']);
  }
  expect(lines).toEqual([
    { message: 'Omitted namespaces from /targets', namespaces: ['large'], count: 1, limit: 3 * one },
  ]);
});

test('without any VM the page is an empty list', () => {
  expect(show([])).toEqual([]);
});

test('every replica shows the targets, from what it has read anyway', async () => {
  const world = await createWorld({ serveTargets: true });
  world.apply('web');
  await world.clock.advance(60_000);
  const id = world.cluster.machine('web')?.status?.id ?? 0;
  world.fakeProvider.set(id, { addresses: [address] });
  await world.clock.advance(120_000);
  const requests = world.fakeProvider.calls.length;
  const names = world.targets().map((page) => parse(page).map(({ labels }) => labels['__meta_vps247_name']));
  expect(names).toEqual([['web'], ['web']]);
  expect(world.fakeProvider.calls.length).toBe(requests);
  world.cluster.change('web', { spec: { powerState: 'Halted' } });
  await world.clock.advance(60_000);
  expect(world.targets().map((page) => parse(page))).toEqual([[], []]);
});
