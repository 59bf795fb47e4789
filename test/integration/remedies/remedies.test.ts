import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fastLatencies } from '../../support/fast-settings.ts';
import type { OperatorProcess } from '../../support/operator-process.ts';
import { anyObject } from '../../../src/api/v1alpha1/commands.ts';
import { type Reason, reasons } from '../../../src/api/v1alpha1/reasons.ts';
import { createEmulator, type Emulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { Site } from '../operator/site.ts';
import { keyOf, permissiveCrd, Place, presentCrd } from './fixture.ts';
import { remedies, type After, type Shown } from './table.ts';

const out = '.out/operator/remedies';
const root = path.join(import.meta.dirname, '../../..');
const sharedOwner = 900;
// Several times as long as it takes, for machines with other things to do.
const limit = 400_000;

/** One command of a reason's remedy, in a separate namespace. */
interface Case {
  readonly reason: Reason;
  readonly shown: Shown;
  /** Which of the reason's commands. */
  readonly index: number;
  readonly after: After;
  readonly namespace: string;
}

// The names of the table's fields.
const names = Object.keys(remedies) as readonly Reason[];
const cases: readonly Case[] = names.flatMap((reason) => {
  const row = remedies[reason];
  if ('none' in row) return [];
  const ways = 'after' in row ? [row] : row;
  return ways.flatMap((shown, way) =>
    shown.after.map((after, index) => {
      const namespace = `${reason.replaceAll(/(?<!^)[A-Z]/g, '-$&').toLowerCase()}-${way}-${index}`;
      return { reason, shown, index, after, namespace };
    }),
  );
});

const results = new Map<Case, Promise<void>>();
const closes: (() => Promise<unknown>)[] = [];

/** The commands in a text, as they are pasted. */
function commandsIn(text: string): readonly string[] {
  return (text.match(/kubectl (?:'[^']*'|[^;'`])+/g) ?? []).map((command) => command.replace(/\.$/, '').trim());
}

function pageCommands(reason: Reason): readonly string[] {
  return [...reasons[reason].remedy.matchAll(/`(kubectl [^`]+)`/g)].map(([, command = '']) => command);
}

/** What the object shows for the reason: the message of a condition, or the note of an event. */
async function messageOf(place: Place, reason: Reason): Promise<string | undefined> {
  const events = JSON.parse(await place.sh(`kubectl -n ${place.namespace} get events.events.k8s.io -o json`)) as {
    readonly items: readonly { reason: string; note: string; regarding: { name: string } }[];
  };
  const event = events.items.find((one) => one.regarding.name === 'web' && one.reason === reason);
  const { status } = (await place.object()) ?? {};
  const shown = status?.conditions?.find((condition) => condition.reason === reason && condition.message !== '');
  return event === undefined ? undefined : (shown?.message ?? event.note);
}

async function paste({ reason, shown, index, after }: Case, place: Place): Promise<void> {
  if (shown.hasNoKey !== true && shown.isDefaultKey !== true) await place.putKey(place.apiKey);
  await shown.arrange(place);
  let message = '';
  await place.watch(`web shows ${reason}, in an event too`, async () => {
    message = (await messageOf(place, reason)) ?? '';
    return message !== '';
  });
  const ofPage = pageCommands(reason).map((command) =>
    command.replaceAll(anyObject.namespace, place.namespace).replaceAll(anyObject.name, 'web'),
  );
  const commands = [...new Set([...commandsIn(message), ...ofPage])];
  expect(commands, message).toHaveLength(shown.after.length);
  await place.sh((commands[index] ?? '').replaceAll('YOUR-KEY', place.apiKey));
  if (after.ready === 'gone')
    await place.watch(
      'web is gone',
      async () => (await place.object()) === undefined && place.vms().length === after.vms,
    );
  else await place.until(after.ready);
  await place.watch(`${after.vms} VMs`, async () => place.vms().length === after.vms);
  await place.watch(`web does not show ${reason} any more`, async () => {
    const { status, metadata } = (await place.object()) ?? {};
    const isShown = status?.conditions?.some((condition) => condition.reason === reason) ?? false;
    return !isShown && !Object.values(metadata?.annotations ?? {}).includes('maybe');
  });
}

beforeAll(async () => {
  const site = await Site.open(path.join(root, out));
  closes.push(() => site.close());
  const owners = [...cases.flatMap((_, index) => [index + 1, index + 1_001]), sharedOwner];
  const emulator: Emulator = createEmulator({
    seed: 7,
    latencies: fastLatencies,
    accounts: owners.map((ownerId) => ({ ownerId, keys: [keyOf(ownerId)] })),
    switches: { bootLoopNames: 'loop-*', bootLoopAfter: 20_000, bootLoopCount: 1 },
  });
  const provider = await serve(emulator, { port: 0 });
  closes.push(() => provider.close());

  const places = cases.map(({ namespace, shown }, index) => {
    const isShared = shown.isDefaultKey === true;
    return new Place(site, emulator, namespace, { ownerId: isShared ? sharedOwner : index + 1, isShared });
  });
  await site.cluster.createNamespace('ops');
  await site.cluster.putSecret('ops', keyOf(sharedOwner));
  await Promise.all(places.map(({ namespace }) => site.cluster.createNamespace(namespace)));
  mkdirSync(path.join(root, out), { recursive: true });
  writeFileSync(path.join(root, out, 'permissive.yaml'), permissiveCrd());
  await site.cluster.applyCrd(`${out}/permissive.yaml`);
  for (const [index, { shown }] of cases.entries()) {
    const place = places[index];
    if (place !== undefined) await shown.prepare?.(place);
  }
  await presentCrd(site.cluster);

  const withDefault = cases.filter(({ shown }) => shown.isDefaultKey === true).map(({ namespace }) => namespace);
  const flags = [
    ['--default-credentials-secret', 'ops/vps247-credentials'],
    ['--default-credentials-namespaces', withDefault.join(',')],
    ['--stuck-after', '10s'],
  ];
  const settings = {
    'recreate-after': '20s',
    // No answer is late because the machine is.
    'api-response-timeout': '60s',
    'api-connect-timeout': '60s',
  };
  const operator: OperatorProcess = await site.operator(provider.url, flags.flat(), settings);
  closes.push(() => operator.kill());
  for (const [index, each] of cases.entries()) {
    const place = places[index];
    if (place === undefined) continue;
    const result = paste(each, place);
    // A failure is reported to its awaiter.
    result.catch(() => {});
    results.set(each, result);
  }
}, limit);

afterAll(async () => {
  for (const close of closes.toReversed()) await close();
}, limit);

describe('a command that a remedy prints, pasted where the reason is shown', () => {
  it.each(cases)(
    '$reason, command $index: ends in $after.ready, with $after.vms VMs',
    async (each) => {
      expect(results.get(each)).toBeDefined();
      await results.get(each);
    },
    limit,
  );
});

it('a reason without a command to paste has none in its remedy', () => {
  const without = names.filter((reason) => 'none' in remedies[reason] && pageCommands(reason).length > 0);
  expect(without).toEqual([]);
});
