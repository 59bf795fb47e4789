import { beforeAll, describe, expect, test } from 'vitest';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { resourceIn, selectors } from './resource.ts';

const vps = resourceIn('crd-status');

beforeAll(() => vps.install());

const status = {
  observedGeneration: 1,
  id: 90,
  providerName: 'shown-01234567',
  origin: 'Created',
  ownerId: 1,
  deletionPolicy: 'Delete',
  onExternalDelete: 'Recreate',
  state: 'Running',
  hostname: 'shown.example.com',
  addresses: [
    { version: 4, address: '192.0.2.7', gateway: '192.0.2.1', prefixLength: 25 },
    { version: 6, first: '2001:db8::', last: '2001:db8::ffff:ffff:ffff:ffff', prefixLength: 64 },
  ],
  region: { id: 1, name: 'New York 1' },
  package: { id: 3, name: 'Budget' },
  osTemplate: { id: 5, name: 'Debian' },
  ipv6: true,
  privateNetworking: false,
  sshKeyIds: [7],
  diskIds: [88, 89],
  creationTime: '2026-01-02T03:04:05.068Z',
  updatedTime: '2026-01-02T03:04:06.068Z',
  lastTask: { id: 7, name: 'VmStop', status: 'failed', progress: '40' },
  operation: {
    type: 'Stop',
    startTime: '2026-01-02T03:04:05Z',
    deadlineTime: '2026-01-02T03:09:05Z',
    attempts: 1,
    lastResult: 'Busy',
  },
  startFailure: { count: 1, lastTime: '2026-01-02T03:04:05Z', retryTime: '2026-01-02T03:04:15Z' },
  internal: {
    objectUID: '0a1b2c3d-4e5f-6789-abcd-ef0123456789',
    apiKeyHash: 'hash',
    usesDefaultCredentials: true,
    lastSyncedPowerState: 'Running',
  },
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Available',
      message: 'The machine is running.',
      observedGeneration: 1,
      lastTransitionTime: '2026-01-02T03:04:05Z',
    },
  ],
} as const satisfies VirtualMachineStatus;

describe('the output of kubectl', () => {
  beforeAll(async () => {
    await vps.apply('shown', selectors);
    await vps.apply('untouched', selectors);
    expect(await vps.patch('shown', { status }, '--subresource=status')).toMatchObject({ ok: true });
  });

  test('every field of the status is stored', async () => {
    const object = await vps.read('shown');
    expect(object).toHaveProperty('status', status);
  });

  test('the columns, and the wide ones', async () => {
    const rows = (await vps.succeed('get', 'vps', 'shown', '-o', 'wide')).trimEnd().split('\n');
    const [head = [], row = []] = rows.map((line) => line.split(/ {2,}/));
    expect(head.join(' ').replaceAll(/\s+/g, ' ')).toBe(
      'NAME DESIRED STATE READY REASON ADDRESS REGION PACKAGE AGE ID TEMPLATE ORIGIN MESSAGE',
    );
    expect(row.toSpliced(8, 1)).toEqual([
      'shown',
      'Running',
      'Running',
      'True',
      'Available',
      '192.0.2.7',
      'New York 1',
      'Budget',
      '90',
      'Debian',
      'Created',
      'The machine is running.',
    ]);
    expect(await vps.succeed('get', 'vps', 'shown')).not.toContain('TEMPLATE');
  });

  test('an object that was not reconciled yet has empty columns', async () => {
    expect(await vps.succeed('get', 'vps', 'untouched', '--no-headers')).toMatch(/^untouched\s+Running\s+\d\S*\s*$/);
  });

  test('the category and the short name', async () => {
    expect(await vps.succeed('get', 'vps247', '-o', 'name')).toContain('virtualmachine.vps247.com/shown');
  });

  test.each([
    ['vps', 'which is billed from then on'],
    ['vps.spec.powerOff.mode', 'TrySoft sends the shutdown signal'],
    ['vps.spec.region', 'exactly one of id or name'],
    ['vps.status.conditions.reason', 'The reason as one word'],
  ])('kubectl explain %s', async (field, words) => {
    expect((await vps.succeed('explain', field)).replaceAll(/\s+/g, ' ')).toContain(words);
  });

  test('a change of the spec does not change the status, nor the other way round', async () => {
    await vps.patch('untouched', { status: { state: 'Running' } });
    await vps.patch('untouched', { spec: { powerState: 'Halted' } }, '--subresource=status');
    const object = await vps.read('untouched');
    expect(object).toMatchObject({ spec: { powerState: 'Running' }, status: { observedGeneration: -1 } });
    expect(object).not.toHaveProperty('status.state');
  });

  test.each<[string, object, string]>([
    ['a state that is none', { state: 'Broken' }, 'status.state: Unsupported value: "Broken"'],
    [
      'a condition without a reason',
      { conditions: [{ ...status.conditions[0], reason: '' }] },
      'reason in body should be at least 1 chars long',
    ],
    [
      'two conditions of one type',
      { conditions: [status.conditions[0], status.conditions[0]] },
      'status.conditions[1]: Duplicate value',
    ],
  ])('the status refuses %s', async (_what, wrong, complaint) => {
    const { ok, text } = await vps.patch('shown', { status: wrong }, '--subresource=status', '--dry-run=server');
    expect(text).toContain(complaint);
    expect(ok).toBe(false);
  });
});
