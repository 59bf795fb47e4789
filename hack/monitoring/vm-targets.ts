/** The scrape job for VMs of docs/monitoring.md, in a real Prometheus. */
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { fences } from '../../test/support/documented.ts';
import type { MonitoringEnvironment } from './environment.ts';
import type { Prometheus } from './prometheus.ts';

interface Job {
  readonly job_name: string;
  readonly http_sd_configs: readonly { readonly url: string }[];
}

/** The documented job, with the address of this operator, at the shortest interval. */
export function documentedJob(operator: string): Job {
  const block = fences('docs/monitoring.md').find(({ text }) => text.startsWith('# prometheus.yaml'));
  // `as`: what follows fails if the page has another content.
  const { scrape_configs: jobs } = parse(block?.text ?? '') as { readonly scrape_configs: readonly Job[] };
  const [job] = jobs;
  if (job === undefined) throw new Error('docs/monitoring.md has no scrape job');
  const discovery = job.http_sd_configs.map(({ url }) => {
    const { pathname } = new URL(url);
    return { url: `http://${operator}${pathname}`, refresh_interval: '1s' };
  });
  // The emulated VMs have no network. A proxy that refuses every connection keeps the scrapes on this host.
  const nowhere = { proxy_url: 'http://127.0.0.1:9' };
  return { ...job, ...nowhere, http_sd_configs: discovery };
}

/** Throws unless Prometheus shows the targets that the VMs of `shop` call for: with the label, and running. */
export async function judgeTargets({ cluster }: MonitoringEnvironment, prometheus: Prometheus): Promise<void> {
  const shown = async (): Promise<readonly string[]> =>
    (await prometheus.targets('vms')).map(({ labels, scrapeUrl, discoveredLabels }) =>
      [labels['object_namespace'], labels['object'], scrapeUrl, discoveredLabels['__meta_vps247_region']].join(' '),
    );
  const expectShown = async (names: readonly string[], because: string): Promise<void> => {
    const expected: string[] = [];
    for (const name of names) {
      const address = (await cluster.get('shop', name))?.status?.addresses?.[0]?.address;
      expected.push(`shop ${name} http://${address}:9100/metrics Amsterdam 1`);
    }
    await cluster.until(because, async () => isDeepStrictEqual([...(await shown())].toSorted(), expected.toSorted()));
  };
  await expectShown([], 'no VM without the label is scraped');
  const label = (name: string, value: string | null) =>
    cluster.patch('shop', name, { metadata: { name, namespace: 'shop', labels: { monitoring: value } } });
  for (const name of ['web', 'db']) await label(name, 'node-exporter');
  await expectShown(['db', 'web'], 'VMs with the label are scraped');
  await cluster.patch('shop', 'db', { spec: { powerState: 'Halted' } });
  await expectShown(['web'], 'a halted VM is not scraped');
  await cluster.patch('shop', 'db', { spec: { powerState: 'Running' } });
  await expectShown(['db', 'web'], 'a VM that was started is scraped again');
  for (const name of ['web', 'db']) await label(name, null);
  await expectShown([], 'a VM without its label is not scraped any more');
}
