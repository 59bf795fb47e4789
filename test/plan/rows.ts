import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import { plan } from '../../src/plan/plan.ts';
import { type ObservedOptions, observedWith } from './fixtures.ts';

/** One line of the specification: what is given, what is done, and what is told. */
export interface Row {
  readonly because: string;
  readonly given: ObservedOptions;
  readonly action: Action['type'];
  /** Left out: whatever it is. */
  readonly reason?: Reason | 'nothing new';
}

/** The composed decision for each row. */
export function describeRows(name: string, rows: readonly Row[]): void {
  describe(`plan: ${name}`, () => {
    it.each(rows)('$because → $action $reason', ({ given, action, reason }) => {
      const decision = plan(observedWith(given));
      const told = decision.verdict?.reason ?? 'nothing new';
      expect({ action: decision.action.type, reason: told }).toEqual({ action, reason: reason ?? told });
    });
  });
}
