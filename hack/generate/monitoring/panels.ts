import { prefix } from '../../../src/telemetry/metrics-table.ts';

/** One picture: what it is for, and its queries. Widths are of Grafana's 24 columns. */
export interface Panel {
  readonly title: string;
  readonly tells: string;
  readonly unit: 'short' | 's' | 'h' | 'bytes' | 'percentunit' | 'reqps' | 'Bps' | 'cores';
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
  readonly width?: 8 | 12 | 24;
  /** What is to be seen in it when things are wrong. */
  readonly onABadDay: {
    readonly see: string;
    /** What any of its lines must reach on the bad day that is recorded, where seconds stand for minutes. */
    readonly peak?: number;
    /** How low any of them must fall. */
    readonly trough?: number;
  };
  /** Only something that is wrong makes it show anything. */
  readonly isForTrouble?: true;
  /** One number of now, instead of a line over time. */
  readonly isNumber?: true;
  readonly isStacked?: true;
}

export interface Dashboard {
  readonly file: 'fleet' | 'machine' | 'operator';
  readonly title: string;
  readonly tells: string;
  /** Chosen at the top, each from a label's values; a later one only from what the earlier ones leave. */
  readonly variables: readonly { readonly name: string; readonly metric: string }[];
  readonly panels: readonly Panel[];
}

const m = (name: string): string => `${prefix}${name}`;
/** Two replicas see the same objects: one of them is enough. */
const once = (by: string, expr: string): string => `max by (${by}) (${expr})`;
const chosen = 'object_namespace="$object_namespace", object="$object"';
const quantile = (q: number, name: string, by = 'le'): string =>
  `histogram_quantile(${q}, sum by (${by}) (rate(${m(name)}_bucket[$__rate_interval])))`;

export const dashboards: readonly Dashboard[] = [
  {
    file: 'fleet',
    title: 'vps247 / Fleet',
    tells: 'All machines: how many, which are not as asked and why, and what the account has besides.',
    variables: [],
    panels: [
      {
        title: 'Objects',
        tells: 'All there are.',
        onABadDay: {
          see: 'Rises when somebody applies many at once; nothing at all while no operator runs.',
          peak: 28,
        },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: `sum(${once('reason', m('objects'))})`, legend: 'objects' }],
      },
      {
        title: 'Not ready',
        tells: 'Objects whose machine is not as asked, whatever the reason.',
        onABadDay: { see: 'The size of the trouble, whatever it is: each reason is in the panel below.', peak: 26 },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [
          { expr: `sum(${once('reason', `${m('objects')}{reason!="Available"}`)}) or vector(0)`, legend: 'not ready' },
        ],
      },
      {
        title: 'Machines that no object holds',
        tells: 'Billed, and not managed from here.',
        onABadDay: { see: 'Steps up by the machines that were made by hand.', peak: 2 },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: `sum(${once('account', `${m('account_machines')}{held="false"}`)})`, legend: 'unmanaged' }],
      },
      {
        title: 'Machines by state',
        tells: 'As the provider shows them.',
        onABadDay: {
          see: 'A band of Halting that does not end is a guest that ignores the signal; None are objects without a machine.',
        },
        unit: 'short',
        isStacked: true,
        queries: [{ expr: once('state', m('machines')), legend: '{{state}}' }],
      },
      {
        title: 'Objects by reason',
        tells: 'Everything but Available is on its way, or needs somebody; docs/conditions.md explains each.',
        onABadDay: {
          see: 'Each kind of trouble is a band with a name of its own; those that stay need somebody.',
          peak: 20,
        },
        isForTrouble: true,
        unit: 'short',
        isStacked: true,
        queries: [{ expr: once('reason', `${m('objects')}{reason!="Available"}`), legend: '{{reason}}' }],
      },
      {
        title: 'Names that several machines have',
        tells: 'By account. Objects of these names are left alone.',
        onABadDay: { see: 'One account steps up: two machines of the same name are there.', peak: 1 },
        unit: 'short',
        queries: [{ expr: once('account', m('account_duplicate_names')), legend: 'account {{account}}' }],
      },
      {
        title: 'API keys rejected',
        tells: '1: nothing is done for the machines of this account.',
        onABadDay: { see: 'The account whose key is rejected goes to 1 and stays.', peak: 1 },
        unit: 'short',
        queries: [{ expr: once('account', m('account_key_rejected')), legend: 'account {{account}}' }],
      },
      {
        title: 'Oldest deletion',
        tells: 'How long the object waits that has been going for longest.',
        onABadDay: {
          see: 'A straight slope: the same object waits and waits. It falls when that one is gone.',
          peak: 60,
        },
        unit: 's',
        queries: [{ expr: `max(${m('deletion_oldest_seconds')})`, legend: 'oldest' }],
      },
      {
        title: 'Transfer left, the ten lowest',
        tells: 'Part of the month’s transfer.',
        onABadDay: { see: 'One line falls away from all others, down to the tenth where the alert is.', trough: 0.03 },
        unit: 'percentunit',
        queries: [
          {
            expr: `bottomk(10, ${once('object_namespace, object', m('machine_transfer_remaining_bytes'))} / (${once('object_namespace, object', m('machine_transfer_bytes'))} > 0))`,
            legend: '{{object_namespace}}/{{object}}',
          },
        ],
      },
      {
        title: 'Hours not billed yet, the ten highest',
        tells: 'What will be on the next bill.',
        onABadDay: { see: 'Nothing: this is about money, not about trouble.' },
        unit: 'h',
        width: 24,
        queries: [
          {
            expr: `topk(10, ${once('object_namespace, object', m('machine_unbilled_hours'))})`,
            legend: '{{object_namespace}}/{{object}}',
          },
        ],
      },
    ],
  },
  {
    file: 'machine',
    title: 'vps247 / One machine',
    tells: 'One object and its machine; there are such series up to --machine-metrics-limit objects.',
    variables: [
      { name: 'object_namespace', metric: m('machine_ready') },
      { name: 'object', metric: `${m('machine_ready')}{object_namespace="$object_namespace"}` },
    ],
    panels: [
      {
        title: 'Ready',
        tells: 'The machine is as asked (1), and the reason.',
        onABadDay: { see: 'Falls to 0, and the legend tells why: another line for each reason and state.', trough: 0 },
        unit: 'short',
        width: 24,
        queries: [
          { expr: once('reason, state', `${m('machine_ready')}{${chosen}}`), legend: '{{reason}}, machine {{state}}' },
        ],
      },
      {
        title: 'Hours not billed yet',
        tells: 'Falls to zero when the provider bills.',
        onABadDay: { see: 'Nothing, as long as the machine runs.' },
        unit: 'h',
        width: 8,
        queries: [{ expr: once('object', `${m('machine_unbilled_hours')}{${chosen}}`), legend: 'hours' }],
      },
      {
        title: 'Transfer left',
        tells: 'Of the month, beside what there is in all.',
        onABadDay: { see: 'What is left falls away from what there is in all.' },
        unit: 'bytes',
        width: 8,
        queries: [
          { expr: once('object', `${m('machine_transfer_remaining_bytes')}{${chosen}}`), legend: 'left' },
          { expr: once('object', `${m('machine_transfer_bytes')}{${chosen}}`), legend: 'in all' },
        ],
      },
      {
        title: 'Part of the transfer left',
        tells: 'An alert fires below a tenth.',
        onABadDay: { see: 'The same as a part; the alert is at a tenth.', trough: 0.03 },
        unit: 'percentunit',
        width: 8,
        queries: [
          {
            expr: `${once('object', `${m('machine_transfer_remaining_bytes')}{${chosen}}`)} / (${once('object', `${m('machine_transfer_bytes')}{${chosen}}`)} > 0)`,
            legend: 'left',
          },
        ],
      },
    ],
  },
  {
    file: 'operator',
    title: 'vps247 / Operator',
    tells: "The operator's own health: does it act, keep up, and get through to both APIs.",
    variables: [],
    panels: [
      {
        title: 'Replicas that run',
        tells: 'By version.',
        onABadDay: { see: 'A gap: nothing is scraped, so nothing is shown, not even 0.' },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: `count by (version) (${m('build_info')})`, legend: '{{version}}' }],
      },
      {
        title: 'Replicas that act',
        tells: 'One of each installation.',
        onABadDay: {
          see: '0 beside a replica that runs: nobody holds the Lease. 2: there is another installation.',
          trough: 0,
        },
        unit: 'short',
        width: 8,
        isNumber: true,
        queries: [{ expr: `sum(${m('leader')})`, legend: 'act' }],
      },
      {
        title: 'Age of the newest list',
        tells: 'Of the account that was not heard of for longest.',
        onABadDay: { see: 'A slope: one account is not heard of any more.', peak: 30 },
        unit: 's',
        width: 8,
        isNumber: true,
        queries: [{ expr: `max(${m('snapshot_age_seconds')})`, legend: 'age' }],
      },
      {
        title: 'Passes by result',
        tells: 'Failed: something refused or did not answer. Error: a mistake of the operator.',
        onABadDay: {
          see: 'A band of Failed, where there is usually none.',
        },
        unit: 'reqps',
        isStacked: true,
        queries: [{ expr: `sum by (result) (rate(${m('reconciles_total')}[$__rate_interval]))`, legend: '{{result}}' }],
      },
      {
        title: 'Time of a pass',
        tells: 'Calls included.',
        onABadDay: { see: 'The slowest take as long as Kubernetes takes to refuse.', peak: 0.4 },
        unit: 's',
        queries: [
          { expr: quantile(0.5, 'reconcile_duration_seconds'), legend: 'half' },
          { expr: quantile(0.99, 'reconcile_duration_seconds'), legend: '99 of 100' },
        ],
      },
      {
        title: 'Queue',
        tells: 'Objects that wait for a worker.',
        onABadDay: { see: 'Objects pile up behind the workers and do not get fewer.', peak: 5 },
        unit: 'short',
        queries: [{ expr: `sum(${m('queue_depth')})`, legend: 'objects' }],
      },
      {
        title: 'Waits',
        tells: 'The longest of now. An alert fires when an object waits for more than a minute.',
        onABadDay: { see: 'The longest wait stays where it is usually gone at once.', peak: 1 },
        unit: 's',
        queries: [
          { expr: `max(${m('queue_oldest_wait_seconds')})`, legend: 'longest wait' },
          { expr: `max(${m('longest_pass_seconds')})`, legend: 'longest pass' },
          { expr: quantile(0.99, 'queue_wait_seconds'), legend: '99 of 100 waits' },
        ],
      },
      {
        title: 'From a change to its call',
        tells: 'From when a change of a spec was seen until the provider was called for it, waits for a turn included.',
        onABadDay: { see: 'A change that waits for a worker comes late; where there is no change there is no line.' },
        unit: 's',
        queries: [
          { expr: quantile(0.5, 'spec_to_call_seconds'), legend: 'half' },
          { expr: quantile(0.99, 'spec_to_call_seconds'), legend: '99 of 100' },
        ],
      },
      {
        title: 'Calls to the provider by outcome',
        tells: 'Anything but ok is worth a look.',
        onABadDay: { see: 'RateLimited, ConnectionLost and others beside ok.' },
        unit: 'reqps',
        isStacked: true,
        queries: [{ expr: `sum by (code) (rate(${m('provider_calls_total')}[$__rate_interval]))`, legend: '{{code}}' }],
      },
      {
        title: 'Time of calls to the provider',
        tells: '99 of 100, by operation.',
        onABadDay: { see: 'Little here: a provider that refuses does it quickly. One that is slow shows at once.' },
        unit: 's',
        queries: [{ expr: quantile(0.99, 'provider_call_duration_seconds', 'le, operation'), legend: '{{operation}}' }],
      },
      {
        title: 'Is the provider there',
        tells: 'Away: only lists are tried. Quiet: it asked for no calls for a while.',
        onABadDay: {
          see: 'Away for the account whose calls get no answer, quiet again and again for the one that calls too often.',
          peak: 1,
        },
        unit: 'short',
        queries: [
          { expr: once('account', m('provider_away')), legend: 'away, account {{account}}' },
          { expr: once('account', m('provider_gate_closed')), legend: 'quiet, account {{account}}' },
        ],
      },
      {
        title: 'Turns at the provider',
        tells: 'Calls under way, and those that wait by their lane.',
        onABadDay: { see: 'Calls wait in their lane while the provider asks for none.' },
        unit: 'short',
        queries: [
          { expr: `sum(${m('provider_in_flight')})`, legend: 'under way' },
          { expr: `sum by (lane) (${m('provider_waiting')})`, legend: '{{lane}} waits' },
        ],
      },
      {
        title: 'Calls to Kubernetes by status',
        tells: '0 is no answer; 409 is harmless.',
        onABadDay: { see: '500 where there is usually none.' },
        unit: 'reqps',
        isStacked: true,
        queries: [
          { expr: `sum by (code) (rate(${m('kubernetes_calls_total')}[$__rate_interval]))`, legend: '{{code}}' },
        ],
      },
      {
        title: 'Traffic with Kubernetes',
        tells: 'Bodies, watches included.',
        onABadDay: { see: 'A spike when the operator starts and reads everything; else little.' },
        unit: 'Bps',
        queries: [
          { expr: `sum(rate(${m('kubernetes_received_bytes_total')}[$__rate_interval]))`, legend: 'received' },
          { expr: `sum(rate(${m('kubernetes_sent_bytes_total')}[$__rate_interval]))`, legend: 'sent' },
        ],
      },
      {
        title: 'CPU',
        tells: 'Cores in use, by replica.',
        onABadDay: {
          see: 'A spike at a start and a gap before it; steady load is trouble, such as passes that are repeated.',
        },
        unit: 'cores',
        queries: [{ expr: `rate(${m('process_cpu_seconds_total')}[$__rate_interval])`, legend: '{{instance}}' }],
      },
      {
        title: 'Memory',
        tells: 'By replica.',
        onABadDay: { see: 'A gap, and a new beginning.' },
        unit: 'bytes',
        queries: [{ expr: m('process_resident_memory_bytes'), legend: '{{instance}}' }],
      },
    ],
  },
];
