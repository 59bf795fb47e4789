import { describe, expect, it } from 'vitest';
import type { Action } from '../../src/plan/action.ts';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import { plan } from '../../src/plan/plan.ts';
import { cutMessage } from '../../src/domain/text.ts';
import { type ObservedOptions, observedWith } from './fixtures.ts';

/** One row of the specification: the given state, the action, and the report. */
export interface Row {
  readonly because: string;
  readonly given: ObservedOptions;
  readonly action: Action['type'];
  /** Left out: whatever it is. */
  readonly reason?: Reason | 'nothing new';
}

/** Up to a semicolon that no quotation mark precedes without its pair; two commands joined by && are one. */
function commandsIn(message: string): readonly string[] {
  return (message.match(/(?<!&& )kubectl -n (?:'[^']*'|[^;'])*/g) ?? []).map((command) => command.trim());
}

/** The composed decision for each row. */
export function describeRows(name: string, rows: readonly Row[]): void {
  describe(`plan: ${name}`, () => {
    it.each(rows)('$because → $action $reason', ({ given, action, reason }) => {
      const decision = plan(observedWith(given));
      const reported = decision.statusReason?.reason ?? 'nothing new';
      expect({ action: decision.action.type, reason: reported }).toEqual({ action, reason: reason ?? reported });
    });

    it('an event has whole commands of its message, the first of them, and a condition has all, with names of any length', () => {
      const cut: string[] = [];
      for (const { given } of rows) {
        const o = observedWith(given);
        const metadata = { ...o.object.metadata, name: 'n'.repeat(253), namespace: 's'.repeat(63) };
        const message = plan({ ...o, object: { ...o.object, metadata } }).statusReason?.message ?? '';
        const commands = commandsIn(message);
        if (commands.length === 0) continue;
        const inEvent = commandsIn(cutMessage(message, 1_024));
        const areWhole = inEvent.every((command, index) => command === commands[index]);
        const areAll = commands.every((command) => cutMessage(message, 2_048).includes(command));
        if (inEvent.length === 0 || !areWhole || !areAll) cut.push(message);
      }
      expect(cut).toEqual([]);
    });
  });
}
