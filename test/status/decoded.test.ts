import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statusSchema } from '../../src/api/v1alpha1/schema/status.ts';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { isReadable, type Machine } from '../../src/domain/machine.ts';
import { Secret } from '../../src/domain/secret.ts';
import { plan } from '../../src/plan/plan.ts';
import { KnownSecrets } from '../../src/provider/http/known-secrets.ts';
import * as mapping from '../../src/provider/http/decode.ts';
import { conclude } from '../../src/reconcile/conclude.ts';
import { statusFor } from '../../src/status/status.ts';
import { now, observedWith, type ObservedOptions } from '../plan/fixtures.ts';
import { nastyMachine, nastyText, planted } from '../provider/http/hostile-responses.ts';
import { assertProperty } from '../support/property.ts';

// As the API server judges it: unknown formats and keywords of Kubernetes say nothing about a value.
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile<VirtualMachineStatus>(statusSchema);

function decoded(item: object): Machine | undefined {
  const context = { secrets: new KnownSecrets(new Secret(planted.key)), now };
  try {
    return mapping.decodeMachines(JSON.stringify([item]), context).find(isReadable);
  } catch {
    return undefined;
  }
}

/** Objects that may have this VM, in various ways, and what their status was. */
function observations(machine: Machine): readonly ObservedOptions[] {
  const { id } = machine;
  const spec = { managementPolicy: 'Observe', adoption: { policy: 'MustExist', id } } as const;
  return [
    { id, machine },
    { id, machine, deleting: true },
    { id, machine, adoptedAs: machine.name },
    { machine, spec },
    { machine, spec: { adoption: { policy: 'MustExist', id } } },
    { machine, spec: { managementPolicy: 'Plan', adoption: { policy: 'MustExist', id } } },
    { machine },
    { id, recordedFor: 'another-uid', machine },
    { id, machine, spec: { powerState: 'Halted', restartRequest: 'r' } },
  ];
}

function expectValid(status: VirtualMachineStatus): void {
  // As it is sent.
  const sent: unknown = JSON.parse(JSON.stringify(status));
  expect([validate(sent), validate.errors]).toEqual([true, null]);
  expect(JSON.stringify(sent).isWellFormed()).toBe(true);
  for (const time of [status.creationTime, status.operation?.previousActionTime]) {
    if (time !== undefined) expect(Date.parse(time)).toBeLessThanOrEqual(now + 24 * 3_600_000);
  }
}

test('the API server stores the status for any VM that the provider reports', { timeout: 120_000 }, async () => {
  let readable = 0;
  const property = fc.property(nastyMachine, (item) => {
    const machine = decoded(item);
    if (machine === undefined) return;
    readable += 1;
    for (const options of observations(machine)) {
      const observed = observedWith(options);
      const { report } = conclude(observed, plan(observed), { type: 'Nothing' }, 0, 0.5);
      if (report !== undefined) expectValid(statusFor(observed, { ...report, machine }));
    }
  });
  await assertProperty(property, { runs: 2_000 });
  expect(readable).toBeGreaterThan(300);
});

test('the API server stores the status for any names of a catalog', async () => {
  await assertProperty(
    fc.property(fc.array(nastyText, { maxLength: 20 }), (names) => {
      const context = { secrets: new KnownSecrets(new Secret(planted.key)), now };
      const text = JSON.stringify(names.map((name, index) => ({ id: index + 1, name })));
      const regions = mapping.decodeRegions(text, context);
      const catalog = { kind: 'Read', regions, packages: [], osTemplates: [] } as const;
      const observed = observedWith({ machine: 'Absent', observed: { catalog } });
      const { report } = conclude(observed, plan(observed), { type: 'Nothing' }, 0, 0.5);
      if (report === undefined) return expect.unreachable();
      expectValid(statusFor(observed, report));
      expect(report.statusReason.message).not.toContain(planted.key);
    }),
  );
});
