import { beforeAll, expect, test } from 'vitest';
import { isReadable } from '../../src/domain/machine.ts';
import { Secret } from '../../src/domain/secret.ts';
import { KnownSecrets } from '../../src/provider/http/known-secrets.ts';
import { decodeMachines } from '../../src/provider/http/decode.ts';
import { plan } from '../../src/plan/plan.ts';
import { conclude } from '../../src/reconcile/conclude.ts';
import { statusFor } from '../../src/status/status.ts';
import { observedWith } from '../plan/fixtures.ts';
import { resourceIn, selectors } from './resource.ts';

const vps = resourceIn('decoded-status');

beforeAll(async () => {
  await vps.install();
  await vps.apply('odd', selectors);
});

const usual = { id: 90, name: 'web-0a1b2c3d', state: 'running' };

/** What a provider may say of a VM, and what none of it may come to: a status that the API server refuses. */
const odd: readonly (readonly [what: string, fields: Readonly<Record<string, unknown>>])[] = [
  ['a time that is of another millennium in UTC', { created_at: '9999-12-31T23:59:59-12:00' }],
  ['a time before there were VMs', { created_at: '0000-01-01T00:00:00Z' }],
  ['a day that the month does not have', { created_at: '2025-02-30T00:00:00.000Z' }],
  ['a time with an endless fraction', { created_at: `2025-01-01T00:00:00.${'1'.repeat(1_000)}Z` }],
  ['times to come', { created_at: '9999-12-31T23:59:59Z', updated_at: '9999-12-31T23:59:59Z' }],
  [
    'the largest ids',
    { id: Number.MAX_SAFE_INTEGER, owner_id: Number.MAX_SAFE_INTEGER, region_id: Number.MAX_SAFE_INTEGER },
  ],
  ['ids that are none', { owner_id: 2 ** 63, region_id: -1, package_id: 1.5, os_template_id: '9'.repeat(16) }],
  [
    'the longest texts',
    {
      hostname: 'ж'.repeat(255),
      region_id: 1,
      region_name: '😀'.repeat(127),
      package_id: 1,
      package_name: 'x'.repeat(255),
    },
  ],
  ['texts that are too long', { hostname: 'x'.repeat(256), region_id: 1, region_name: 'x'.repeat(100_000) }],
  ['texts that cannot be shown', { hostname: '\u0000\ud800\u202e', region_id: 1, region_name: '\u001b[2J' }],
  [
    'texts that get longer',
    { hostname: `${'planted-key '.repeat(21)}`, region_id: 1, region_name: '\u0001a'.repeat(120) },
  ],
  [
    'a thousand addresses',
    { ip_allocations: Array.from({ length: 1_000 }, (_, index) => ({ first: `10.0.${index >> 8}.${index & 255}` })) },
  ],
  [
    'addresses, gateways and lengths that are none',
    {
      ip_allocations: [
        { first: '10.0.0.1', gateway: 'x'.repeat(1_000), prefixlen: -1 },
        { first: '10.0.0.2', gateway: '::1', prefixlen: 33 },
        { first: '::1', gateway: 'fe80::1%eth0', prefixlen: 1e308 },
        { first: 'x'.repeat(1_000) },
      ],
    },
  ],
  [
    'ranges of addresses, in any order, of both families and without end',
    {
      ip_allocations: [
        { first: '2001:db8::', last: '2001:db8::ffff:ffff:ffff:ffff', prefixlen: 64 },
        { first: '192.0.2.9', last: '192.0.2.7' },
        { first: 'FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:255.255.255.255', last: '::', prefixlen: 0 },
        { first: '192.0.2.1', last: '::1' },
        { first: '2001:db8:1::', prefixlen: 48 },
      ],
    },
  ],
  ['a thousand disks', { virtual_machine_disk_ids: Array.from({ length: 1_000 }, (_, index) => index + 1) }],
  ['a task that says too much', { last_task: { name: '\u0000'.repeat(255), status: 'İ'.repeat(255) } }],
];

test.each(odd)('the API server stores the status of a VM with %s', async (_what, fields) => {
  const context = { secrets: new KnownSecrets(new Secret('planted-key')), now: Date.now() };
  const machine = decodeMachines(JSON.stringify([{ ...usual, ...fields }]), context).find(isReadable);
  if (machine === undefined) return expect.unreachable();
  const observed = observedWith({ id: machine.id, machine });
  const { report } = conclude(observed, plan(observed), { type: 'Nothing' }, 0, 0.5);
  if (report === undefined) return expect.unreachable();
  const status = statusFor(observed, { ...report, machine });
  expect(await vps.patch('odd', { status }, '--subresource=status')).toMatchObject({ ok: true });
  const stored: unknown = await vps.read('odd');
  // As it was sent: what the API server would alter is written again and again.
  expect(stored).toMatchObject({ status: JSON.parse(JSON.stringify(status)) });
});
