import type { ScheduleOptions } from '../../hack/soak/schedule.ts';

/**
 * Schedules that every test run repeats. One that failed in a longer soak belongs here with its options, and stays after its
 * cause is fixed.
 */
export const seeds: readonly ScheduleOptions[] = [
  // Both operators are killed, at moments that do not depend on what they ask for.
  { seed: 35, seconds: 20, objects: 20 },
];
