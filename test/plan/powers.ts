import { secondsAgo } from './fixtures.ts';

/** Calls on record: sent so long ago, and accepted. */
export const stop = { type: 'Stop', startTime: secondsAgo(60), attempts: 1 } as const;
export const kill = { type: 'Kill', startTime: secondsAgo(10), attempts: 1 } as const;
export const start = { type: 'Start', startTime: secondsAgo(10), attempts: 1 } as const;

export const halted = { powerState: 'Halted' } as const;
export const soft = { powerState: 'Halted', powerOff: { mode: 'Soft', gracePeriodSeconds: 300 } } as const;
export const hard = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } } as const;

/** A VM that became Ready so long ago. */
export const ready = (secondsSince: number) => ({
  state: 'Running' as const,
  conditions: [
    {
      type: 'Ready' as const,
      status: 'True' as const,
      reason: 'Available',
      message: '',
      observedGeneration: 1,
      lastTransitionTime: secondsAgo(secondsSince),
    },
  ],
});
