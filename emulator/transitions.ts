import type { Latencies } from './latencies.ts';
import type { Behaviour } from './behaviour.ts';

/**
 * A machine's life as the provider is understood to run it. Pure: a table of what is accepted when, and for each command
 * the steps that follow.
 *
 * | command \ state | pending | starting | running  | halting            | halted   | task under way     |
 * | --------------- | ------- | -------- | -------- | ------------------ | -------- | ------------------ |
 * | start           | refuse* | refuse*  | refuse*  | refuse*            | accept   | refuse             |
 * | stop            | refuse  | refuse   | accept   | refuse             | refuse   | refuse             |
 * | restart         | refuse  | refuse   | accept   | refuse             | refuse   | refuse             |
 * | kill            | refuse  | refuse   | accept   | by switch          | refuse   | as if it were done |
 * | delete          | refuse  | refuse   | refuse   | refuse             | accept   | refuse             |
 *
 * \* by switch also accepted without effect. A kill is for a machine that does not answer, so a stop under way does not
 * keep it off; any other task does.
 */
export type State = 'pending' | 'starting' | 'running' | 'halting' | 'halted';
export type PowerCommand = 'start' | 'stop' | 'restart' | 'kill';
export type Command = PowerCommand | 'delete';
export type TaskName = 'VmCreate' | 'VmStart' | 'VmStop' | 'VmRestart' | 'VmKill' | 'VmDelete';
export type TaskStatus = 'pending' | 'running' | 'complete' | 'failed';

export interface Task {
  readonly id: number;
  readonly name: TaskName;
  readonly status: TaskStatus;
}

/** `ignore` is a 200 that changes nothing. */
export type CommandResult = 'accept' | 'ignore' | 'refuse';

/** One move: after how long, and what it changes. */
export interface Step {
  readonly after: keyof Latencies;
  readonly to?: State;
  readonly task?: TaskStatus;
}

const acceptedIn: Readonly<Record<Command, readonly State[]>> = {
  start: ['halted'],
  stop: ['running'],
  restart: ['running'],
  kill: ['running', 'halting'],
  delete: ['halted'],
};

export function isTaskUnderWay(task: Task): boolean {
  return task.status === 'pending' || task.status === 'running';
}

/** Whether a command is accepted for a machine that really is in this state. */
export function commandResult(command: Command, state: State, task: Task, switches: Behaviour): CommandResult {
  if (isTaskUnderWay(task) && !(command === 'kill' && task.name === 'VmStop')) return 'refuse';
  if (command === 'kill' && isHalting(state, task) && switches.killWhileHalting === '406') return 'refuse';
  if (acceptedIn[command].includes(state)) return 'accept';
  return command === 'start' && switches.startInWrongState === '200' ? 'ignore' : 'refuse';
}

function isHalting(state: State, task: Task): boolean {
  return state === 'halting' || (task.name === 'VmStop' && isTaskUnderWay(task));
}

export const taskOf: Readonly<Record<Command | 'create', TaskName>> = {
  create: 'VmCreate',
  start: 'VmStart',
  stop: 'VmStop',
  restart: 'VmRestart',
  kill: 'VmKill',
  delete: 'VmDelete',
};

/** What follows an accepted command. Its task is `pending` until the first step, while the state still stands. */
export function stepsOf(
  command: PowerCommand | 'create',
  switches: Behaviour,
  guest: { readonly ignoresShutdown: boolean },
): readonly Step[] {
  switch (command) {
    case 'create':
      return [
        { after: 'pickup', task: 'running' },
        { after: 'provision', to: 'running', task: 'complete' },
      ];
    case 'start':
      return [
        { after: 'pickup', to: 'starting', task: 'running' },
        { after: 'start', to: 'running', task: 'complete' },
      ];
    case 'stop':
      return guest.ignoresShutdown
        ? ignoredStop(switches)
        : [signal(switches), { after: 'halt', to: 'halted', task: 'complete' }];
    case 'restart':
      // The provider powers down and on by itself, so a guest that ignores signals is no obstacle.
      return [
        { after: 'pickup', to: 'halting', task: 'running' },
        { after: 'halt', to: 'starting' },
        { after: 'start', to: 'running', task: 'complete' },
      ];
    case 'kill':
      return switches.killEffect === 'halts'
        ? [
            { after: 'pickup', task: 'running' },
            { after: 'kill', to: 'halted', task: 'complete' },
          ]
        : [
            { after: 'pickup', task: 'running' },
            { after: 'kill', to: 'starting' },
            { after: 'start', to: 'running', task: 'complete' },
          ];
  }
}

/** The same, if its task fails: as long as the first change would have taken, and nothing of it. */
export function failing(steps: readonly Step[]): readonly Step[] {
  const { after = 'pickup' } = steps.at(1) ?? {};
  return [
    { after: 'pickup', task: 'running' },
    { after, task: 'failed' },
  ];
}

function signal({ stopTask }: Behaviour): Step {
  return { after: 'pickup', to: 'halting', task: stopTask === 'ends-with-signal' ? 'complete' : 'running' };
}

function ignoredStop(switches: Behaviour): readonly Step[] {
  switch (switches.ignoredStop) {
    case 'stays-halting':
      return [signal(switches)];
    case 'back-to-running':
      return [signal(switches), { after: 'giveUp', to: 'running', task: 'failed' }];
    case 'stays-running':
      return [{ after: 'pickup', task: 'complete' }];
  }
}

/** The edges a state may ever move along, whatever the switches say: what the ledger is held against. */
export const possibleMoves: Readonly<Record<State, readonly State[]>> = {
  pending: ['running'],
  starting: ['running'],
  // Straight to halted by a power cut or a boot loop, straight to starting by a reset.
  running: ['halting', 'halted', 'starting'],
  halting: ['halted', 'running', 'starting'],
  halted: ['starting'],
};
