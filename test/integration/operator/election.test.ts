import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { OperatorProcess } from '../../support/operator-process.ts';
import type { Passing } from '../../support/wire-proxy.ts';
import {
  editLease,
  elected,
  hastilyElected,
  holderOf,
  isChange,
  isLeading,
  isOfLease,
  metric,
  signal,
  untilLeading,
  untilReadyToLead,
  watchedOperator,
} from './candidates.ts';
import { type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('election');
/** Milliseconds that a lease lasts when no flag says otherwise. How exactly it is kept to is for the tests with a manual clock. */
const usualLease = 15_000;
/** A call may take long. */
const patient = { 'api-response-timeout': '20s' } as const;
const creates = { method: 'POST', path: '/virtual_machines' } as const;

/** One leader and one on standby, both with synced caches. */
async function pair(
  fixture: OperatorFixture,
  flags: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly [OperatorProcess, OperatorProcess]> {
  const leader = fixture.start({ flags, settings });
  await untilLeading(fixture, leader);
  const standby = fixture.start({ flags, settings });
  await untilReadyToLead(fixture, standby);
  return [leader, standby];
}

/** Milliseconds until it leads. */
async function measureUntilLeading(operator: OperatorProcess): Promise<number> {
  const since = performance.now();
  while (!(await isLeading(operator))) await new Promise((resolve) => setTimeout(resolve, 10));
  return performance.now() - since;
}

/** What `/readyz` says. */
async function readiness(operator: OperatorProcess): Promise<string> {
  return (await fetch(`${(await operator.addresses).health}/readyz`)).text();
}

describe('two operators with one Lease', () => {
  it('one is the leader; the other has synced caches, is ready and sends no call', async () => {
    const fixture = await stageFor('one-acts');
    const operators = [fixture.start({ flags: elected(fixture) }), fixture.start({ flags: elected(fixture) })];
    for (const operator of operators) await untilReadyToLead(fixture, operator);
    await fixture.cluster.until('one leads', async () => (await Promise.all(operators.map(isLeading))).includes(true));
    const names = Array.from({ length: 10 }, (_, index) => `vm-${index}`);
    for (const name of names) await fixture.create(name);
    for (const name of names) await fixture.untilReady(name, 'True/Available');
    const leading = await Promise.all(operators.map(isLeading));
    expect(leading.filter(Boolean)).toHaveLength(1);
    const idle = operators[leading.indexOf(false)];
    expect(idle && (await metric(idle, 'provider_calls_total'))).toBe(0);
    expect(idle && (await metric(idle, 'controller_runtime_reconcile_total'))).toBe(0);
    expect(fixture.emulator.ledger.callsByOperation()['CreateMachine']).toBe(10);
  });

  it('a regular hand-over does not wait until the Lease expires, and loses no call', async () => {
    const fixture = await stageFor('hand-over');
    const [leader, standby] = await pair(fixture, elected(fixture));
    fixture.emulator.addFault({ ...creates, when: 'after', action: { kind: 'delay', ms: 700 }, times: 1 });
    await fixture.create('web');
    await fixture.cluster.until('the call is in flight', async () => fixture.emulator.ledger.writes().length === 1);
    expect(await leader.stop()).toBe(0);
    expect(await measureUntilLeading(standby)).toBeLessThan(usualLease);
    const object = await fixture.object('web');
    const [machine] = fixture.emulator.machines();
    expect(object?.status).toMatchObject({
      id: machine?.id,
      origin: 'Created',
      internal: { objectUID: object?.metadata.uid },
    });
    const { metadata } = await fixture.untilReady('web', 'True/Available');
    expect(metadata.annotations?.['vps247.com/machine']).toContain(metadata.uid);
    expect(metadata.annotations?.['vps247.com/create-pending']).toBeUndefined();
    await fixture.cluster.patch(fixture.namespace, 'web', { spec: { powerState: 'Halted' } });
    await fixture.cluster.until('web is halted', async () => (await fixture.object('web'))?.status?.state === 'Halted');
    expect(fixture.emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
    ]);
  });

  it.each([
    { times: 'usual', flags: elected, least: 10_000 },
    { times: 'hasty', flags: hastilyElected, least: 4_000 },
  ])(
    'kill -9 with the $times durations: the other one takes over when the Lease has expired',
    async ({ times, flags, least }) => {
      const fixture = await stageFor(`kill-${times}`);
      const [leader, standby] = await pair(fixture, flags(fixture));
      await fixture.create('web');
      await fixture.untilReady('web', 'True/Available');
      await leader.kill();
      const killedAt = performance.now();
      await fixture.cluster.patch(fixture.namespace, 'web', { spec: { powerState: 'Halted' } });
      await fixture.cluster.until(
        'the machine is stopped',
        async () => fixture.emulator.ledger.callsByOperation()['StopMachine'] === 1,
      );
      expect(performance.now() - killedAt).toBeGreaterThan(least);
      expect(await isLeading(standby)).toBe(true);
    },
  );

  it('an operator that was frozen for longer than its Lease writes nothing when it resumes', async () => {
    const fixture = await stageFor('frozen');
    const changes: Passing[] = [];
    const watched = await watchedOperator(fixture, hastilyElected(fixture), (request) => {
      if (isChange(request)) changes.push(request);
      return { kind: 'pass' };
    });
    const { operator: frozen } = watched;
    await untilLeading(fixture, frozen);
    const standby = await fixture.operator(hastilyElected(fixture));
    await untilReadyToLead(fixture, standby);
    const names = Array.from({ length: 20 }, (_, index) => `vm-${index}`);
    await Promise.all(names.map((name) => fixture.create(name)));
    await fixture.cluster.until('it is in the middle of it', async () => fixture.emulator.ledger.writes().length >= 5);
    signal(frozen, 'SIGSTOP');
    await untilLeading(fixture, standby);
    for (const name of names) await fixture.untilReady(name, 'True/Available');
    // It would receive all this first when it resumes.
    for (const name of names) await fixture.cluster.patch(fixture.namespace, name, { spec: { powerState: 'Halted' } });
    const changedUntilThen = changes.length;
    signal(frozen, 'SIGCONT');
    expect(await frozen.exited).toBe(5);
    expect(changes.slice(changedUntilThen).map(({ signature }) => signature)).toEqual([]);
    for (const name of names)
      await fixture.cluster.until(
        `${name} is halted`,
        async () => (await fixture.object(name))?.status?.state === 'Halted',
      );
    expect(fixture.emulator.ledger.duplicates()).toEqual([]);
    expect(fixture.emulator.ledger.machinesEverCreated()).toHaveLength(20);
    expect(fixture.emulator.ledger.callsByOperation()['StopMachine']).toBe(20);
    await watched.close();
  });

  it('a Lease that another process takes: the leader exits at once, and the operator on standby respects the Lease', async () => {
    const fixture = await stageFor('stolen');
    // Many renewals fit into the time after which the leader would end for want of one, and the standby take over.
    const [leader, standby] = await pair(fixture, [
      ...elected(fixture),
      '--lease-duration=8s',
      '--renew-deadline=6s',
      '--retry-period=200ms',
    ]);
    await editLease(fixture, { holderIdentity: 'thief' });
    const stolenAt = performance.now();
    expect(await leader.exited).toBe(5);
    expect(performance.now() - stolenAt).toBeLessThan(5_500);
    expect(await isLeading(standby)).toBe(false);
    await untilLeading(fixture, standby);
    // Eight seconds from when it observed the other holder, a moment before this check.
    expect(performance.now() - stolenAt).toBeGreaterThan(7_500);
  });
});

describe('a Lease that cannot be renewed', () => {
  it('no write is sent while the leader is uncertain, and everything is caught up afterwards, by the same process', async () => {
    const fixture = await stageFor('uncertain');
    let isCut = false;
    const changes: Passing[] = [];
    const { operator, close } = await watchedOperator(fixture, hastilyElected(fixture), (request) => {
      if (isCut && isOfLease(request)) return { kind: 'reset', at: 'before' };
      if (isCut && isChange(request)) changes.push(request);
      return { kind: 'pass' };
    });
    await untilLeading(fixture, operator);
    await fixture.create('web');
    await fixture.untilReady('web', 'True/Available');
    isCut = true;
    await fixture.cluster.until('it is not certain any more', async () => !(await isLeading(operator)));
    changes.length = 0;
    await fixture.cluster.patch(fixture.namespace, 'web', { spec: { powerState: 'Halted' } });
    await fixture.create('later');
    const listed = await metric(operator, 'controller_runtime_reconcile_total');
    await new Promise((resolve) => setTimeout(resolve, 8_000)); // longer than any lease: that nothing happens is what is tested
    expect(changes.map(({ signature }) => signature)).toEqual([]);
    expect(await metric(operator, 'controller_runtime_reconcile_total')).toBeGreaterThan(listed);
    isCut = false;
    await fixture.untilReady('later', 'True/Available');
    await fixture.cluster.until('web is halted', async () => (await fixture.object('web'))?.status?.state === 'Halted');
    expect(await operator.stop()).toBe(0);
    expect(await holderOf(fixture)).toBeUndefined();
    await close();
  });
});

describe('a requested shutdown', () => {
  it('of an operator on standby is immediate', async () => {
    const fixture = await stageFor('end-of-standby');
    const [leader, standby] = await pair(fixture, elected(fixture));
    expect(await standby.stop()).toBe(0);
    expect(await isLeading(leader)).toBe(true);
  });

  it('renews the Lease for as long as calls in flight take', async () => {
    const fixture = await stageFor('slow-end');
    const [leader, standby] = await pair(fixture, hastilyElected(fixture), patient);
    fixture.emulator.addFault({ ...creates, when: 'after', action: { kind: 'delay', ms: 9_000 }, times: 1 });
    await fixture.create('web');
    await fixture.cluster.until('the call is in flight', async () => fixture.emulator.ledger.writes().length === 1);
    const { ledger } = fixture.emulator;
    const itself = await holderOf(fixture);
    const stopped = leader.stop();
    const holders = new Set<string | undefined>();
    await fixture.cluster.until('the call has its answer', async () => {
      const holder = await holderOf(fixture);
      if (ledger.writes().every(({ outcome }) => outcome !== 'open')) return true;
      holders.add(holder);
      return false;
    });
    expect(holders).toEqual(new Set([itself]));
    expect(await stopped).toBe(0);
    const object = await fixture.object('web');
    const [machine] = fixture.emulator.machines();
    expect(object?.status).toMatchObject({
      id: machine?.id,
      origin: 'Created',
      internal: { objectUID: object?.metadata.uid },
    });
    await untilLeading(fixture, standby);
  });

  it('ends at once after a second signal, and the next operator finds the calls in flight', async () => {
    const fixture = await stageFor('second-signal');
    fixture.emulator.addFault({ ...creates, when: 'after', action: { kind: 'hang' }, times: 1 });
    const operator = fixture.start({ flags: hastilyElected(fixture), settings: patient });
    await fixture.create('web');
    await fixture.cluster.until('the call is in flight', async () => fixture.emulator.ledger.writes().length === 1);
    const stopping = operator.stop();
    await fixture.cluster.until('it is about to end', async () => operator.output().includes('"Stopping"'));
    const asked = performance.now();
    signal(operator, 'SIGINT');
    expect(await stopping).toBe(130);
    // The call would hang for twenty seconds.
    expect(performance.now() - asked).toBeLessThan(10_000);
    await fixture.operator(hastilyElected(fixture));
    await fixture.untilReady('web', 'True/Available');
    expect(fixture.emulator.ledger.machinesEverCreated()).toHaveLength(1);
  });

  it('leaves calls that take longer than the grace period to the next operator', async () => {
    const fixture = await stageFor('grace-period');
    fixture.emulator.addFault({ ...creates, when: 'after', action: { kind: 'hang' }, times: 1 });
    const operator = fixture.start({ flags: ['--shutdown-grace-period=500ms'], settings: patient });
    await fixture.create('web');
    await fixture.cluster.until('the call is in flight', async () => fixture.emulator.ledger.writes().length === 1);
    expect(await operator.stop()).toBe(6);
  });
});

describe('two installations with the same namespace, each with a separate Lease', () => {
  it('the second one reports it, stays ready and writes nothing; a third one takes over with its option', async () => {
    const fixture = await stageFor('two-installations');
    const { cluster, emulator, namespace } = fixture;
    const installation = (name: string): readonly string[] => [
      '--leader-election-namespace=vps247-system',
      `--lease-name=${namespace}-${name}`,
      '--lease-duration=6s',
      '--renew-deadline=4s',
      '--retry-period=500ms',
    ];
    const first = fixture.start({ flags: installation('first') });
    for (const name of ['web', 'db']) await fixture.create(name);
    for (const name of ['web', 'db']) await fixture.untilReady(name, 'True/Available');
    const second = fixture.start({ flags: installation('second') });
    await cluster.until('it is reported', async () =>
      second.output().includes('Skipped object that another installation manages'),
    );
    expect([await readiness(first), await readiness(second)]).toEqual(['ok\n', 'ok\n']);
    expect(await metric(second, 'objects_owned_by_others')).toBe(2);
    await cluster.patch(namespace, 'web', { spec: { powerState: 'Halted' } });
    await cluster.until('web is halted', async () => (await fixture.object('web'))?.status?.state === 'Halted');
    expect(await metric(second, 'provider_calls_total')).toBe(0);
    expect(
      emulator.ledger
        .writes()
        .map(({ operation }) => operation)
        .toSorted(),
    ).toEqual(['CreateMachine', 'CreateMachine', 'StopMachine']);

    expect(await second.stop()).toBe(0);
    // `kill -9`: nothing is left of the first but its annotations.
    await first.kill();
    const from = `--take-over-from=vps247-system/${namespace}-first`;
    const third = fixture.start({ flags: [...installation('third'), from] });
    const owners = async (): Promise<readonly unknown[]> =>
      (await cluster.list(namespace)).map(({ metadata }) => metadata.annotations?.['vps247.com/managed-by']);
    const thirds = Array(2).fill(`vps247-system/${namespace}-third`);
    await cluster.until('the third one manages it', async () => isDeepStrictEqual(await owners(), thirds));
    expect(await readiness(third)).toBe('ok\n');
    await cluster.patch(namespace, 'web', { spec: { powerState: 'Running' } });
    await cluster.until('web runs', async () => (await fixture.object('web'))?.status?.state === 'Running');
    expect(await owners()).toEqual(thirds);
    expect(emulator.ledger.machinesEverCreated()).toHaveLength(2);
  });
});
