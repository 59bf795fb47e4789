import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kubectl } from '../../support/shared-cluster.ts';
import { projectRoot } from '../../support/pages.ts';
import { documented } from '../../support/documented.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { useStages } from '../operator/fixture.ts';

const stageFor = useStages('commands');

test('the commands of the FAQ show what differs, pause every object, and show why a namespace waits', async () => {
  const stage = await stageFor('faq');
  await stage.operator();
  const shell = await readerOf(stage.directory, stage.namespace);
  const id = stage.emulator.person.create({ name: 'Web 1', packageId: 2 });
  await stage.create('web', { adoption: { policy: 'MustExist', id } });
  await stage.untilReady('web', 'True/Available');
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
  await stage.untilReady('web', 'True/Paused');

  const why = documented('docs/faq.md', 'namespace').replace('NAMESPACE', stage.namespace);
  expect(await shell(why)).not.toContain('exit code');
  expect(await shell(documented('docs/monitoring.md', 'events'))).not.toContain('exit code');
});

test("the command of the GitOps page puts health and actions into Argo CD's ConfigMap", async () => {
  const stage = await stageFor('gitops', { withSecret: false });
  const shell = await readerOf(stage.directory, stage.namespace);
  await kubectl(['-n', stage.namespace, 'create', 'configmap', 'argocd-cm', '--from-literal=kept=1']);
  await shell(documented('docs/gitops.md', 'argo-cd').replace('-n argocd ', ''));
  const { stdout } = await kubectl(['-n', stage.namespace, 'get', 'configmap', 'argocd-cm', '-o', 'json']);
  const { data } = JSON.parse(stdout) as { data: Record<string, string> };
  expect(Object.keys(data)).toEqual(expect.arrayContaining(['kept', expect.stringContaining('customizations.health')]));
});
