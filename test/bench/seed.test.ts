import { expect, test } from 'vitest';
import { type Pair, statusLike } from '../../bench/seed.ts';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';

const pair = (name: string, id: number, address: string, created: string): Pair => ({
  object: { metadata: { name, namespace: 'ns', uid: `uid-${id}`, resourceVersion: '1', generation: 1 } },
  machine: {
    id,
    name: `${name}-0a1b2c3d`,
    created_at: created,
    virtual_machine_disk_ids: [id + 1],
    ip_allocations: [{ first: address }],
  },
});

const from = pair('bench-1', 1_001, '198.18.3.233', '2026-01-01T10:01:00.000Z');
const to = pair('bench-10', 1_010, '198.18.3.242', '2026-01-01T10:02:00.000Z');

const condition = { observedGeneration: 1, lastTransitionTime: '2026-01-01T10:01:01Z' };

const status: VirtualMachineStatus = {
  observedGeneration: 1,
  id: 1_001,
  providerName: 'bench-1-0a1b2c3d',
  origin: 'Created',
  ownerId: 1,
  state: 'Running',
  hostname: 'bench-1-0a1b2c3d',
  addresses: [{ version: 4, address: '198.18.3.233', gateway: '198.18.0.1', prefixLength: 15 }],
  diskIds: [1_002],
  creationTime: '2026-01-01T10:01:00.000Z',
  initialPasswordSecret: { name: 'bench-1-initial-password' },
  internal: { objectUID: 'uid-1001', apiKeyHash: 'hash' },
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Available',
      message: 'VM 1001 is running; matches the spec',
      ...condition,
    },
  ],
};

test('the status of one VM is adapted to another: its ids, names, address and times, and nothing else', () => {
  expect(statusLike(status, from, to)).toEqual({
    ...status,
    id: 1_010,
    providerName: 'bench-10-0a1b2c3d',
    hostname: 'bench-10-0a1b2c3d',
    addresses: [{ version: 4, address: '198.18.3.242', gateway: '198.18.0.1', prefixLength: 15 }],
    diskIds: [1_011],
    creationTime: '2026-01-01T10:02:00.000Z',
    initialPasswordSecret: { name: 'bench-10-initial-password' },
    internal: { objectUID: 'uid-1010', apiKeyHash: 'hash' },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Available',
        message: 'VM 1010 is running; matches the spec',
        ...condition,
      },
    ],
  });
});

test('without a model no status is generated', () => {
  expect(() => statusLike(undefined, from, to)).toThrow('no status');
});
