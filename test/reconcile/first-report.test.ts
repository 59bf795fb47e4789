import { describe, expect, it } from 'vitest';
import { createWorld } from './world/world.ts';

const second = 1_000;

const unlisted = /^the list of the account doesn't contain VM 999; .* so the operator lists again until (\S+)$/;

describe('an object that adopts an id which the account does not have', () => {
  it.each([
    { what: 'at once', listTakes: 0 },
    { what: 'after three seconds', listTakes: 3 * second },
  ])('reports that, and until when it waits, once the list is there $what', async ({ listTakes }) => {
    const { apply, clock, condition, fakeProvider } = await createWorld();
    if (listTakes > 0)
      fakeProvider.holds = (operation) =>
        operation === 'ListMachines' ? new Promise((resolve) => clock.schedule(listTakes, resolve)) : undefined;
    const since = clock.now();
    apply('web', { adoption: { policy: 'MustExist', id: 999 } });
    await clock.advance(1.5 * second + 2 * listTakes);
    const { status, reason, message = '' } = condition('web', 'Ready') ?? {};
    expect([status, reason]).toEqual(['Unknown', 'Observing']);
    expect(message).toMatch(unlisted);
    const until = Date.parse(unlisted.exec(message)?.[1] ?? '');
    await clock.advance(until - clock.now() + 60 * second);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'False', reason: 'AdoptionTargetNotFound' });
    expect(until - since).toBeLessThanOrEqual(30 * second + 2 * listTakes + second);
  });

  it('keeps the reason that an earlier operator reported', async () => {
    const world = await createWorld();
    world.apply('web', { adoption: { policy: 'MustExist', id: 999 } });
    await world.clock.advance(60 * second);
    await world.restart();
    await world.clock.advance(10 * second);
    expect(world.condition('web', 'Ready')?.reason).toBe('AdoptionTargetNotFound');
  });
});
