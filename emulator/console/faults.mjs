/** Faults that one click adds. `operation`: the only calls that the fault makes sense for. */
export const presets = [
  {
    label: 'Server error',
    meaning: 'Status 500, without an effect.',
    when: 'before',
    action: { kind: 'status', status: 500 },
  },
  {
    label: 'Rate limit',
    meaning: 'Status 429, with Retry-After of 5 seconds.',
    when: 'before',
    action: { kind: 'rate-limit', retryAfter: '5' },
  },
  { label: 'Rejected key', meaning: 'Status 401.', when: 'before', action: { kind: 'status', status: 401 } },
  { label: 'Login page', meaning: 'A page of HTML instead of JSON.', when: 'before', action: { kind: 'html' } },
  {
    label: 'Slow answer',
    meaning: 'The call is handled after 5 seconds.',
    when: 'before',
    action: { kind: 'delay', ms: 5_000 },
  },
  {
    label: 'No answer',
    meaning: 'The connection stays open, without an effect.',
    when: 'before',
    action: { kind: 'hang' },
  },
  { label: 'Reset', meaning: 'The connection is reset, without an effect.', when: 'before', action: { kind: 'reset' } },
  {
    label: 'Lost answer',
    meaning: 'The call has its effect; then the connection is reset.',
    when: 'after',
    action: { kind: 'reset' },
  },
  {
    label: 'Half an answer',
    meaning: 'The connection ends in the middle of the answer.',
    when: 'after',
    action: { kind: 'truncate' },
  },
  { label: 'Not JSON', meaning: 'The answer is garbage.', when: 'after', action: { kind: 'garbage' } },
  {
    label: 'Empty list',
    meaning: 'The list of VMs is empty.',
    when: 'after',
    action: { kind: 'empty-list' },
    operation: 'ListMachines',
  },
  {
    label: 'Half a list',
    meaning: 'The list of VMs lacks its second half.',
    when: 'after',
    action: { kind: 'half-list' },
    operation: 'ListMachines',
  },
];

/** The calls that a fault can be limited to. */
export const operations = [
  'ListMachines',
  'GetMachine',
  'CreateMachine',
  'DeleteMachine',
  'StartMachine',
  'StopMachine',
  'RestartMachine',
  'KillMachine',
];

/** A fault as a sentence. */
export function describe({ rule }) {
  const { kind, ...details } = rule.action;
  const values = Object.entries(details).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const calls = rule.operation ?? (rule.machine === undefined ? 'any call' : `calls about VM ${rule.machine}`);
  return `${kind}${values.length === 0 ? '' : ` (${values.join(', ')})`}, ${rule.when} the effect of ${calls}`;
}
