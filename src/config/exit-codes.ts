interface ExitCode {
  readonly code: number;
  /** One sentence. */
  readonly meaning: string;
  /** What whoever starts the program had better do. */
  readonly remedy: string;
}

/** How the program ends: the one source of its exit codes and of their table in docs/configuration.md. */
export const exitCodes = {
  Ended: {
    code: 0,
    meaning:
      'SIGTERM or SIGINT: the calls under way have ended, their results are on record and the Lease is given back.',
    remedy: 'nothing',
  },
  Crashed: { code: 1, meaning: 'An error that nobody foresaw; its last line tells which.', remedy: 'start it again' },
  BadSettings: {
    code: 2,
    meaning: 'A setting is wrong or missing; there is a sentence for each.',
    remedy: 'correct the setting',
  },
  NoCluster: {
    code: 3,
    meaning: 'There is no kubeconfig and no service account, or it cannot be read or used.',
    remedy: 'correct the kubeconfig',
  },
  NoAddress: {
    code: 4,
    meaning: 'The address for metrics or health cannot be listened on.',
    remedy: 'give another one, or end the program that has it',
  },
  LeaseLost: {
    code: 5,
    meaning: 'Another operator may hold the Lease. Nothing was changed after that could be so.',
    remedy: 'start it again: it stands by',
  },
  Unfinished: {
    code: 6,
    meaning:
      'SIGTERM or SIGINT, but calls under way took longer than the grace period. What they were for is on record, and the next operator goes on from there.',
    remedy: 'start it again',
  },
} as const satisfies Record<string, ExitCode>;

/** A second signal ends the program at once, with the number that shells give to a program ended by that signal. */
export const secondSignal: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };
