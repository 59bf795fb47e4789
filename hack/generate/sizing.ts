import { readResults } from '../../bench/results-store.ts';
import type { Results } from '../../bench/results.ts';
import { summarize } from '../../bench/times.ts';
import { generatedFrom } from './table.ts';

/** docs/sizing.md: the operator's requirements, from the figures of docs/performance.json. */
export function renderSizing(): string {
  const runs = readResults();
  const [cores] = runs.map((run) => run.cores);
  return `# Sizing

${generatedFrom('docs/performance.json')}

## Measured memory and CPU

\`npm run bench\` measured these figures on ${cores} cores, which also ran the API server, etcd and the
emulated provider. One API key, one list of the account each minute. [Performance](performance.md)
has all figures.

${runs.map(section).join('\n\n')}

CPU is the time that the process used: 0.6 s a minute is 1 % of a core.

## Requests and limits

The chart's defaults are a request of 50m CPU and 128Mi memory, and a limit of 384Mi memory. The
chart sets no CPU limit.

- Up to 1,000 VMs, the defaults fit.
- For 10,000 VMs, set the memory request to 256Mi. The default limit leaves room to read
  [the largest list of an account](scaling.md#account-size-limits), which takes up to 170 MiB.

\`\`\`yaml
# values.yaml
resources:
  requests:
    cpu: 50m
    memory: 256Mi
  limits:
    memory: 384Mi
\`\`\`

The standby replica reads the same objects, so it needs the same memory as the leader.

## What else needs memory

- **Long specs and annotations**: an object with the longest values takes about 12 kB.
- **API keys**: the operator keeps the newest list of each API key, 48 MiB for all keys together.
  Each key costs one list request in each polling interval.
- **Per-VM metrics**: with up to \`--machine-metrics-limit\` objects (default: 500), each VM has five
  time series.
- **Shards**: each [shard](scaling.md#sharding) watches all objects of its namespaces, so its memory
  doesn't shrink with its share. A
  [namespace-scoped installation](scaling.md#namespace-scoped-installation) does save memory.
`;
}

function section(run: Results): string {
  const { starts, steady } = run;
  const idleCpu = (steady.cpuSeconds / steady.seconds) * 60;
  const peaks = starts.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
  const peak = peaks.length === 0 ? '' : `, ${inMebibytes(Math.max(...peaks))} at most during a start`;
  return `### ${run.size.toLocaleString('en-US')} VMs

- Memory: ${inMebibytes(steady.residentBytes)} idle${peak}
- CPU: ${idleCpu.toFixed(1)} s a minute idle, ${median(starts.map(({ span }) => span.cpuSeconds)).toFixed(1)} s for a start
- Time from start until all objects are observed: ${(median(starts.map(({ milliseconds }) => milliseconds)) / 1_000).toFixed(1)} s`;
}

function median(values: readonly number[]): number {
  return summarize(values).p50;
}

function inMebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
