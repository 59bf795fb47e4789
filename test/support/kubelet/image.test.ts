import { describe, expect, it } from 'vitest';
import { type Image, refusalOf } from './image.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;
const bundle: Image = {
  repository: 'example.com:5000/team/operator',
  tag: '1.2.3',
  root: '/nowhere',
  entrypoint: [],
  env: {},
  workingDirectory: '/',
  account: { user: 1, group: 1 },
};
const built: Image = { ...bundle, digest };

describe('the fake node runs the image that it has', () => {
  it.each([
    [built, 'example.com:5000/team/operator:1.2.3'],
    [bundle, 'example.com:5000/team/operator:1.2.3'],
    [built, `example.com:5000/team/operator@${digest}`],
    [built, `example.com:5000/team/operator:1.2.3@${digest}`],
    // Where there is a digest, no node looks at the tag.
    [built, `example.com:5000/team/operator:9.9.9@${digest}`],
  ])('%#', (image, reference) => {
    expect(refusalOf(image, reference)).toBeUndefined();
  });
});

describe('it runs no other image', () => {
  it.each([
    ['another tag', built, 'example.com:5000/team/operator:1.2.4'],
    ['no tag, which means `latest`', built, 'example.com:5000/team/operator'],
    ['another digest, whatever the tag', built, `example.com:5000/team/operator:1.2.3@${other}`],
    ['a digest where there is none', bundle, `example.com:5000/team/operator:1.2.3@${digest}`],
    ['another repository', built, `example.com:5000/team/other:1.2.3@${digest}`],
    ['no registry', built, 'team/operator:1.2.3'],
    ['nothing', built, ''],
    ['half a digest', built, 'example.com:5000/team/operator:1.2.3@sha256:abc'],
  ])('%s', (_what, image, reference) => {
    expect(refusalOf(image, reference)).toContain(`${reference} is not here; example.com:5000/team/operator:1.2.3`);
  });
});
