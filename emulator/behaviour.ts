/**
 * Everything the provider's documentation leaves open, or says in two ways, is a switch. The table is the only place
 * that names them: types, defaults, the program's help and the control API all come from it.
 */
interface Setting<T> {
  readonly byDefault: T;
  readonly expects: string;
  readonly sentence: string;
  /** The value that `input` (of a flag or of JSON) denotes, or undefined. */
  read(input: unknown): T | undefined;
}

/** The first value is the default. */
function choice<const T extends string>(values: readonly [T, ...T[]], sentence: string): Setting<T> {
  return {
    byDefault: values[0],
    expects: values.join(' | '),
    sentence,
    read: (input) => values.find((value) => value === String(input)),
  };
}

function count(sentence: string, byDefault = 0): Setting<number> {
  return {
    byDefault,
    expects: 'a whole number',
    sentence,
    read: (input) => {
      const value = typeof input === 'string' && /^\d{1,12}$/.test(input) ? Number(input) : input;
      return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
    },
  };
}

function offset(sentence: string): Setting<number> {
  return {
    byDefault: 0,
    expects: 'a whole number, negative or not',
    sentence,
    read: (input) => {
      const value = typeof input === 'string' && /^-?\d{1,12}$/.test(input) ? Number(input) : input;
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
    },
  };
}

function text(byDefault: string, sentence: string): Setting<string> {
  return {
    byDefault,
    expects: 'a text',
    sentence,
    read: (input) => (typeof input === 'string' ? input : undefined),
  };
}

/** A regular expression that is looked for in machine names; the empty text matches none. */
function names(sentence: string): Setting<string> {
  return {
    byDefault: '',
    expects: 'a regular expression',
    sentence,
    read: (input) => (typeof input === 'string' && isPattern(input) ? input : undefined),
  };
}

export const behaviourTable = {
  listShape: choice(
    ['array', 'named', 'data'],
    'A list is a bare array, or in an object under its own name or "data".',
  ),
  itemShape: choice(['bare', 'virtual_machine', 'vm'], 'What a machine is wrapped in.'),
  idShape: choice(['number', 'string'], 'How ids are written.'),
  addressShape: choice(['ip_allocations', 'ip_assignments', 'both'], 'How addresses are told.'),
  ipv6Allocation: choice(
    ['subnet', 'address'],
    'Whether the IPv6 allocation of a VM is its whole /64, or one address.',
  ),
  createAnswer: choice(
    ['machine', 'wrapped', 'id', 'success-id', 'success', 'empty'],
    'What a create is answered with; the last two name no id.',
  ),
  powerAnswer: choice(['machine', 'success', 'empty'], 'What a power call is answered with.'),
  errorBody: choice(
    ['error', 'errors-string', 'errors-array', 'errors-map', 'message', 'text', 'html', 'empty'],
    'How an error is worded.',
  ),
  stateSpelling: choice(['documented', 'aliases', 'upper'], 'How states are spelled.'),
  transferField: choice(['month_transfer', 'transfer_month'], 'The name of what is left of the transfer.'),
  optionalFields: choice(['shown', 'null', 'missing'], 'All fields of a machine but id, name and state.'),
  unknownFields: choice(['none', 'some'], 'Fields that no documentation names.'),
  lastTask: choice(['shown', 'missing'], 'Whether a machine tells its last task.'),
  failedTasks: names('Tasks that fail and change nothing, by task and machine: "VmCreate web" is that of the VM web.'),
  accept: choice(['any', 'strict'], 'Whether a request that does not accept JSON gets a 406.'),

  unknownKey: choice(['401', '403', 'html', 'redirect'], 'How an unknown key is turned away.'),
  loginUrl: text('/login', 'Where an unknown key is redirected to.'),
  catalogue: choice(['available', '404'], 'Whether regions, packages and templates can be read.'),
  duplicateNames: choice(['400', '422', 'allowed'], 'What a second machine of the same name gets.'),

  startInWrongState: choice(
    ['406', '200'],
    'A start of a machine that is not halted: refused, or accepted without effect.',
  ),
  killWhileHalting: choice(['200', '406'], 'Whether the power of a halting machine can be cut.'),
  killEffect: choice(['halts', 'resets'], 'Whether a power cut halts a machine or boots it anew.'),
  deleteInTransition: choice(
    ['400', '406', '409'],
    'How a delete of a machine that is neither up nor down is refused.',
  ),
  stopTask: choice(['ends-with-signal', 'lasts-until-halted'], 'How long the task of a stop lasts.'),
  ignoredStop: choice(
    ['stays-halting', 'back-to-running', 'stays-running'],
    'What becomes of a machine whose guest ignores the shutdown signal.',
  ),
  ignoresShutdownNames: names('Machines whose guest ignores the shutdown signal.'),
  bootLoopNames: names('Machines whose guest falls back to halted after booting.'),
  bootLoopAfter: count('Milliseconds that such a guest stays up.', 1_000),
  bootLoopCount: count('How often it falls back; 0 is always.'),
  strangeStateNames: names('Machines that show a state which no documentation names.'),
  strangeState: text('migrating', 'That state.'),
  transferUsedNames: names('Machines that have used a part of their transfer for the month; all others none of it.'),
  transferUsed: count('Percent that they have used.', 100),

  deniedNames: names('VMs that exist, and that lists leave out and GET does not find.'),
  listLag: count('Milliseconds until a new machine shows in the list.'),
  getLag: count('Milliseconds until a new machine can be read by its id.'),
  deletedListLag: count('Milliseconds for which a deleted machine still shows in the list.'),
  addressLag: count('Milliseconds until a new machine shows its addresses.'),
  passwordLag: count('Milliseconds until a new machine shows its password.'),
  clockOffset: offset("Milliseconds by which the provider's clock is ahead, or behind if negative, in all it tells."),
};

export type Behaviour = {
  readonly [K in keyof typeof behaviourTable]: (typeof behaviourTable)[K] extends Setting<infer T> ? T : never;
};

export const defaultBehaviour: Behaviour = Object.fromEntries(
  Object.entries(behaviourTable).map(([name, { byDefault }]) => [name, byDefault]),
  // fromEntries forgets which name goes with which value; the table has just said it.
) as Behaviour;

/** Judges values from outside. All problems are told at once, a sentence each; with any, `switches` is of no use. */
export function readBehaviour(input: Readonly<Record<string, unknown>>): {
  readonly switches: Partial<Behaviour>;
  readonly problems: readonly string[];
} {
  const known: ReadonlyMap<string, Setting<unknown>> = new Map(Object.entries(behaviourTable));
  const switches: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, value] of Object.entries(input)) {
    const row = known.get(name);
    const read = row?.read(value);
    if (row === undefined) problems.push(`There is no switch "${name}".`);
    else if (read === undefined)
      problems.push(`The switch "${name}" takes ${row.expects}, not ${JSON.stringify(value)}.`);
    else switches[name] = read;
  }
  // Every value was read by the row of its own name.
  return { switches: switches as Partial<Behaviour>, problems };
}

/** Whether a machine's name is among those that a switch of names means. */
export function isNamed(pattern: string, name: string): boolean {
  return pattern !== '' && new RegExp(pattern).test(name);
}

function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}
