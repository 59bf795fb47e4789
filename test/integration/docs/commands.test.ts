import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kubectl } from '../../support/shared-cluster.ts';
import { projectRoot } from '../../support/pages.ts';
import { documented } from '../../support/documented.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { useFixtures } from '../operator/fixture.ts';

const fixtureFor = useFixtures('commands');

test('the commands of the FAQ show differences, pause every object, and show why a namespace waits', async () => {
  const fixture = await fixtureFor('faq');
  await fixture.operator();
  const shell = await readerOf(fixture.directory, fixture.namespace);
  const id = fixture.emulator.panel.create({ name: 'Web 1', packageId: 2 });
  await fixture.create('web', { adoption: { policy: 'MustExist', id } });
  await fixture.untilReady('web', 'True/Available');
  const message = await shell(documented('docs/faq.md', 'differs').replace('NAME', 'web'));
  expect(message).toContain('kubectl -n');
  expect(message).toContain('package');

  const [, list = ''] =
    /`(kubectl get vps -A [^`]*AS-SPECIFIED[^`]*)`/.exec(
      readFileSync(path.join(projectRoot, 'docs/runbooks.md'), 'utf8'),
    ) ?? [];
  expect(await shell(list.replace(' -A', ''))).toMatch(/ web +False$/m);

  const pause = documented('docs/faq.md', 'pause-all').replace('--all-namespaces ', '');
  expect(await shell(pause)).toBe('virtualmachine.vps247.com/web annotated\n');
  await fixture.untilReady('web', 'True/Paused');

  const why = documented('docs/faq.md', 'namespace').replace('NAMESPACE', fixture.namespace);
  expect(await shell(why)).not.toContain('exit code');
  expect(await shell(documented('docs/monitoring.md', 'events'))).not.toContain('exit code');
});

test("the command of the GitOps page adds health and actions to Argo CD's ConfigMap", async () => {
  const fixture = await fixtureFor('gitops', { withSecret: false });
  const shell = await readerOf(fixture.directory, fixture.namespace);
  await kubectl(['-n', fixture.namespace, 'create', 'configmap', 'argocd-cm', '--from-literal=kept=1']);
  await shell(documented('docs/gitops.md', 'argo-cd').replace('-n argocd ', ''));
  const { stdout } = await kubectl(['-n', fixture.namespace, 'get', 'configmap', 'argocd-cm', '-o', 'json']);
  const { data } = JSON.parse(stdout) as { data: Record<string, string> };
  expect(Object.keys(data)).toEqual(expect.arrayContaining(['kept', expect.stringContaining('customizations.health')]));
});
