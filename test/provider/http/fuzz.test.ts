import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Operation } from '../../../src/domain/failure.ts';
import { isReadable, type ListedMachine } from '../../../src/domain/machine.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { isPrintable } from '../../../src/domain/text.ts';
import { interpret } from '../../../src/provider/http/response.ts';
import { KnownSecrets } from '../../../src/provider/http/known-secrets.ts';
import * as mapping from '../../../src/provider/http/decode.ts';
import { WireError } from '../../../src/provider/http/json-fields.ts';
import { registerSecret } from '../../../src/telemetry/redact.ts';
import { Search } from '../../secrets/search.ts';
import { nastyAnswer, nastyText, planted } from './hostile-responses.ts';
import { assertProperty } from '../../support/property.ts';

const now = Date.UTC(2026, 5, 1, 12);
const search = new Search({ markers: [], values: Object.values(planted) });
const searchForKeys = new Search({ markers: [], values: [planted.key, planted.otherKey] });
registerSecret(new Secret(planted.otherKey));

/** What one answer may take, in CPU time: a hundred times what it takes, so that the load of this machine does not matter. */
const mostMilliseconds = 1_000;
const mostBytes = 64 * 2 ** 20;

function context(): mapping.Context {
  return { secrets: new KnownSecrets(new Secret(planted.key)), now };
}

/** The VM's password belongs to this answer only if the answer contains it; the operator also knows it from before. */
function knowing(): mapping.Context {
  const known = context();
  known.secrets.add(planted.password);
  return known;
}

const decoders: Readonly<Partial<Record<Operation, (text: string, known: mapping.Context) => unknown>>> = {
  ListMachines: mapping.decodeMachines,
  // The one that is asked for is the one that it may be about.
  GetMachine: (text, known) => mapping.decodeMachineOf(Number(/"id":(\d{1,15})\b/.exec(text)?.[1] ?? 1), text, known),
  CreateMachine: mapping.decodeCreateResponse,
  ListRegions: mapping.decodeRegions,
  ListPackages: mapping.decodePackages,
  ListOsTemplates: mapping.decodeOsTemplates,
};

/** Every text in a decoded value; a Secret shows none. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || value instanceof Secret) return [];
  return Object.values(value).flatMap(textsOf);
}

async function expectClean(value: unknown): Promise<void> {
  for (const text of textsOf(value)) {
    expect(isPrintable(text)).toBe(true);
    expect(text.isWellFormed()).toBe(true);
    expect(text.length).toBeLessThanOrEqual(300);
  }
  expect(await searchForKeys.text(JSON.stringify(value) ?? '')).toEqual([]);
  expect(await search.text(JSON.stringify(withoutOwnNames(value)) ?? '')).toEqual([]);
}

describe.each(Object.entries(decoders))('any text, in the decoder of %s', (_name, decode) => {
  test(
    "is decoded or throws the decoder's error, in limited time and memory, without anything planted",
    { timeout: 120_000 },
    async () => {
      let decoded = 0;
      await assertProperty(
        fc.asyncProperty(nastyAnswer, async (text) => {
          const [startedAt, before] = [process.cpuUsage(), process.memoryUsage().heapUsed];
          let value: unknown;
          try {
            value = decode(text, knowing());
            decoded += 1;
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
            value = error.message;
          }
          expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(mostMilliseconds);
          expect(process.memoryUsage().heapUsed - before).toBeLessThan(mostBytes);
          await expectClean(value);
        }),
        { runs: 2_000 },
      );
      expect(decoded).toBeGreaterThan(20);
    },
  );
});

test('any answer gives an outcome, without anything planted', { timeout: 120_000 }, async () => {
  const operations = fc.constantFrom(...(Object.keys(decoders) as Operation[]), 'StopMachine' as const);
  const headers = fc.dictionary(
    fc.constantFrom('retry-after', 'date', 'link', 'content-type', 'x-request-id'),
    nastyText,
  );
  await assertProperty(
    fc.asyncProperty(
      operations,
      fc.constantFrom(200, 200, 206, 302, 400, 404, 422, 500, 503),
      headers,
      nastyAnswer,
      fc.boolean(),
      async (operation, status, sent, body, isCut) => {
        const decode = decoders[operation];
        const success = decode === undefined ? { value: undefined } : { decode };
        const cut = isCut ? ({ cut: 'BodyTooLarge' } as const) : {};
        const received = { kind: 'Received', status, headers: sent, body, bytes: body.length, ...cut } as const;
        const startedAt = process.cpuUsage();
        const outcome = interpret<unknown>({ operation, success, absent: { value: undefined } }, received, knowing());
        expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(mostMilliseconds);
        await expectClean(outcome);
      },
    ),
    { runs: 2_000 },
  );
});

/** What was decoded, as the provider would say it. */
function written(entry: ListedMachine): unknown {
  if (!isReadable(entry)) return { id: entry.id, name: entry.name ?? null };
  const {
    id,
    name,
    state,
    ownerId,
    hostname,
    region,
    package: pack,
    osTemplate,
    createdAt,
    updatedAt,
    lastTask,
  } = entry;
  return {
    id,
    name,
    state,
    owner_id: ownerId,
    hostname,
    region_id: region?.id,
    region_name: region?.name,
    package_id: pack?.id,
    package_name: pack?.name,
    os_template_id: osTemplate?.id,
    os_template_name: osTemplate?.name,
    created_at: createdAt,
    updated_at: updatedAt,
    last_task: lastTask,
    initial_password: entry.initialPassword?.reveal(),
    ip_allocations: entry.addresses.map(({ address, first = address, last, gateway, prefixLength }) => ({
      first,
      last,
      gateway,
      prefixlen: prefixLength,
    })),
    unbilled_hours: entry.unbilledHours,
    transfer: entry.transferTotal,
    transfer_month: entry.transferRemaining,
  };
}

/** The reason why an entry can't be read may be worded differently. */
function withoutProblem(entry: ListedMachine): unknown {
  return isReadable(entry) ? entry : { id: entry.id, name: entry.name };
}

test('a decoded value is decoded to the same value again', { timeout: 120_000 }, async () => {
  let lists = 0;
  await assertProperty(
    fc.property(nastyAnswer, (text) => {
      let first: readonly ListedMachine[];
      try {
        first = mapping.decodeMachines(text, knowing());
      } catch {
        return;
      }
      lists += first.length > 0 ? 1 : 0;
      const again = mapping.decodeMachines(JSON.stringify(first.map(written)), knowing());
      expect(again.map(withoutProblem)).toEqual(first.map(withoutProblem));
    }),
    { runs: 4_000 },
  );
  expect(lists).toBeGreaterThan(100);
});

/**
 * Without the names that identify a VM or a catalog entry: such a name may equal another VM's password by chance, see ADR
 * 0050.
 */
function withoutOwnNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOwnNames);
  if (typeof value !== 'object' || value === null) return value;
  const { name: _, ...rest } = value as { name?: unknown; machine?: unknown }; // Whatever it is, only these two are read.
  return 'machine' in rest ? { ...rest, machine: withoutOwnNames(rest.machine) } : rest;
}
