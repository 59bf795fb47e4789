import { describe, expect, it } from 'vitest';
import { KubeError, type KubeErrorReason } from '../../src/kubernetes/errors.ts';
import type { Conclusion } from '../../src/reconcile/conclude.ts';
import type { UnsavedStatus } from '../../src/reconcile/object-state.ts';
import { requeueAfter, requeueAfterError } from '../../src/reconcile/requeue.ts';

const now = 1_000;
const concluded: Conclusion = {
  report: undefined,
  after: undefined,
  hold: undefined,
  unwritten: undefined,
  fastPolling: false,
  isSuperseded: false,
  reread: undefined,
};
const refused = (until: number): UnsavedStatus => ({
  status: { observedGeneration: 1 },
  refusal: { form: 'Nothing', because: 'a policy', until, count: 1 },
});

describe('a reconciliation is repeated', () => {
  it.each([
    { when: 'never, if nothing needs it', result: {} },
    { when: 'at once, if the object changed', isSuperseded: true, after: 9, result: { requeue: true } },
    { when: 'after what was concluded', after: 9, unsaved: refused(now + 20), heldFor: 30, result: { after: 9 } },
    { when: 'when a refused status may be written', after: 30, unsaved: refused(now + 20), result: { after: 20 } },
    { when: 'at once, if that time has passed', after: 30, unsaved: refused(now - 20), result: { after: 0 } },
    { when: 'when a status that waits may be written', after: 30, heldFor: 9, result: { after: 9 } },
  ])('$when', ({ after, isSuperseded = false, unsaved, heldFor = Infinity, result }) => {
    expect(requeueAfter({ ...concluded, after, isSuperseded }, { unsaved }, heldFor, now)).toEqual(result);
  });
});

describe('after an error of the API server', () => {
  const logged: string[] = [];
  const log = { warn: (message: string) => void logged.push(message) };
  // Only what is used of a log.
  const deps = { log: log as unknown as Parameters<typeof requeueAfterError>[0]['log'], random: () => 1 };
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
