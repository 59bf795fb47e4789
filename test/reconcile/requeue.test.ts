import { describe, expect, it } from 'vitest';
import { KubeError, type KubeErrorReason } from '../../src/kubernetes/errors.ts';
import { requeueAfter, requeueAfterError, UnavailableLog } from '../../src/reconcile/requeue.ts';
import { type Log, silentLog } from '../../src/telemetry/log.ts';

const now = 1_000;

describe('a reconciliation is repeated', () => {
  it.each([
    { when: 'never, if nothing needs it', result: {} },
    { when: 'at once, if the object changed', isSuperseded: true, after: 9, result: { requeue: true } },
    { when: 'after what was concluded', after: 9, unstoredUntil: now + 20, heldFor: 30, result: { after: 9 } },
    { when: 'when a refused status may be written', after: 30, unstoredUntil: now + 20, result: { after: 20 } },
    { when: 'at once, if that time has passed', after: 30, unstoredUntil: now - 20, result: { after: 0 } },
    { when: 'when a status that waits may be written', after: 30, heldFor: 9, result: { after: 9 } },
  ])('$when', ({ after, isSuperseded = false, unstoredUntil, heldFor = Infinity, result }) => {
    expect(requeueAfter({ after, isSuperseded }, unstoredUntil, heldFor, now)).toEqual(result);
  });
});

describe('after an error of the API server', () => {
  const deps = { unavailable: { note: () => {} }, random: () => 1 };
  const after = (reason: KubeErrorReason) => requeueAfterError(deps, 'default/web', new KubeError('patch', { reason }));

  it.each<KubeErrorReason>(['Network', 'Timeout', 'Unavailable', 'Fenced'])('%s, the delay does not grow', (reason) => {
    expect(after(reason)).toEqual({ failed: true, after: 3_000 });
  });

  it.each<KubeErrorReason>(['NotFound', 'Conflict'])('%s, it is repeated at once', (reason) =>
    expect(after(reason)).toEqual({ requeue: true }),
  );

  it.each<KubeErrorReason>(['Forbidden', 'Invalid'])('%s, the error is thrown', (reason) => {
    expect(() => after(reason)).toThrow('patch');
  });
});

it('the log names one object a minute that waits for the API server, and counts the others', () => {
  const logged: unknown[] = [];
  const log: Log = {
    ...silentLog,
    warn: (_message, fields) => logged.push([fields?.['object'], fields?.['omittedLines']]),
  };
  let time = 0;
  const unavailable = new UnavailableLog({ log, clock: { monotonic: () => time } });
  for (; time <= 120_000; time += 2_000)
    for (let index = 0; index < 300; index += 1)
      unavailable.note(`default/web-${index}`, new KubeError('patch', { reason: 'Network' }));
  expect(logged).toEqual([
    ['default/web-0', 0],
    ['default/web-0', 30 * 300 - 1],
    ['default/web-0', 30 * 300 - 1],
  ]);
});
