import { describe, expect, test } from 'vitest';
import { failed, type Failure, type FailureCode, type Outcome, succeeded } from '../../../../src/domain/failure.ts';
import { CircuitBreaker } from '../../../../src/provider/account/admission/circuit-breaker.ts';
import { createManualClock } from '../../../support/clock.ts';

const failure = (code: FailureCode, more: Partial<Failure> = {}): Outcome<never> =>
  failed({ operation: 'StopMachine', class: 'Retry', code, text: 'the words of another', ...more });
const down = failure('ServerError', { status: 500 });
const fine = succeeded(undefined);

/** By default in the middle of the jitter. */
function scene(random = 0.5) {
  const clock = createManualClock();
  return { clock, breaker: new CircuitBreaker(clock, () => random) };
}

function open(random?: number, accident = down) {
  const it = scene(random);
  for (let time = 0; time < 5; time += 1) it.breaker.record(accident);
  return it;
}

describe('closed', () => {
  test.for<[what: string, answers: readonly Outcome<unknown>[], isOpen: boolean]>([
    ['five refused connections', Array<Outcome<unknown>>(5).fill(failure('ConnectFailed')), true],
    ['five lost ones', Array<Outcome<unknown>>(5).fill(failure('ConnectionLost')), true],
    ['five timeouts', Array<Outcome<unknown>>(5).fill(failure('Timeout')), true],
    [
      'one of each kind, and a 5xx',
      ['ConnectFailed', 'ConnectionLost', 'Timeout', 'ServerError', 'Timeout'].map((code) =>
        failure(code as FailureCode),
      ),
      true,
    ],
    ['four of them', [down, down, down, down], false],
    ['four, an answer, and four more', [down, down, down, down, fine, down, down, down, down], false],
    [
      'four, "busy", and another: a provider that says no is there',
      [down, down, down, down, failure('Busy'), down],
      false,
    ],
    [
      'four, "too many requests", and another: the rate-limit pause handles these',
      [down, down, down, down, failure('RateLimited'), down],
      false,
    ],
    ['four, a refused key, and another', [down, down, down, down, failure('Unauthorized'), down], false],
    ['four, garbage, and another', [down, down, down, down, failure('ProtocolError'), down], false],
    [
      'four, a call that we gave up, and another: that says nothing',
      [down, down, down, down, failure('Canceled'), down],
      true,
    ],
  ])('%s', ([, answers, isOpen]) => {
    const { breaker } = scene();
    for (const answer of answers) breaker.record(answer);
    expect(breaker.isOpen).toBe(isOpen);
  });

  test.for([
    ['that we gave up', failure('Canceled')],
    ['that is answered', fine],
  ] as const)('stays closed after a call %s', ([, outcome]) => {
    expect(scene().breaker.record(outcome)).toBe(false);
  });

  test('lists count like any other call', () => {
    const { breaker } = scene();
    expect([1, 2, 3, 4, 5].map(() => breaker.recordList(down))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'Opened',
    ]);
  });
});

describe('open', () => {
  test('reports the cause without provider-supplied text, and when the next list is tried', async () => {
    const { clock, breaker } = open();
    await clock.advance(2_000);
    expect(breaker.failure).toEqual({
      operation: 'StopMachine',
      class: 'Wait',
      code: 'ServerError',
      status: 500,
      retryAfter: 3_000,
      text: 'no call is made before the provider answers a list',
    });
    expect(breaker.nextProbeAt).toBe(5_000);
  });

  test.for([
    { random: 0, probeAt: 4_500, retryAfter: 4_500 },
    { random: 1, probeAt: 5_500, retryAfter: 5_500 },
    { random: 0.0004, probeAt: 4_500.4, retryAfter: 4_501 },
  ])('the first probe comes at $probeAt ms with the random number $random', ({ random, probeAt, retryAfter }) => {
    const { breaker } = open(random);
    expect(breaker.nextProbeAt).toBeCloseTo(probeAt, 6);
    expect(breaker.failure?.retryAfter).toBe(retryAfter);
  });

  test('reports no status if there was no answer', () => {
    expect(open(0.5, failure('Timeout')).breaker.failure).not.toHaveProperty('status');
  });

  test('probes are sent with exponential backoff, up to once a minute', () => {
    const { breaker } = open();
    const times = [breaker.nextProbeAt];
    for (let probe = 0; probe < 6; probe += 1) {
      breaker.recordList(down);
      times.push(breaker.nextProbeAt);
    }
    // The clock stands still: each is counted from the answer of the one before.
    expect(times).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  test('ignores calls that were in flight', async () => {
    const { clock, breaker } = open();
    breaker.recordList(down);
    await clock.advance(2_000);
    expect(breaker.record(fine)).toBe(false);
    for (let time = 0; time < 5; time += 1) expect(breaker.record(down)).toBe(false);
    expect([breaker.isOpen, breaker.nextProbeAt]).toEqual([true, 10_000]);
  });

  test('requires no wait when its probe is overdue', async () => {
    const { clock, breaker } = open();
    await clock.advance(60_000);
    expect(breaker.failure?.retryAfter).toBe(0);
  });

  test.for<[what: string, answer: Outcome<unknown>]>([
    ['a list', fine],
    ['a refused key', failure('Unauthorized')],
    ['too many calls', failure('RateLimited')],
    ['garbage', failure('ProtocolError')],
  ])(
    'is closed by %s: the provider is available; five more failures open it again, with the first delay',
    ([, answer]) => {
      const { breaker } = open();
      breaker.recordList(down);
      expect([breaker.recordList(answer), breaker.isOpen, breaker.failure]).toEqual(['Closed', false, undefined]);
      expect([1, 2, 3, 4, 5].map(() => breaker.record(down))).toEqual([false, false, false, false, true]);
      expect(breaker.nextProbeAt).toBe(5_000);
    },
  );
});
