import { expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { invalidAnnotations, readRequests, writtenBy } from '../../src/api/v1alpha1/annotations.ts';
import { objectWith } from '../plan/fixtures.ts';

it.each([
  { value: 'true', isOn: true, isSenseless: false },
  { value: 'false', isOn: false, isSenseless: false },
  { value: 'True', isOn: false, isSenseless: true },
  { value: '1', isOn: false, isSenseless: true },
  { value: '', isOn: false, isSenseless: true },
])('a switch set to "$value": on $isOn, reported as invalid $isSenseless', ({ value, isOn, isSenseless }) => {
  const { paused, forcePowerOff, ignoreOrphanCandidates } = annotations;
  const names = [paused, forcePowerOff, ignoreOrphanCandidates];
  const object = objectWith({ annotations: Object.fromEntries(names.map((name) => [name, value])) });
  const { isPaused, isPowerOffForced, ignoresOrphanCandidates } = readRequests(object);
  expect(writtenBy('you')).toEqual(expect.arrayContaining(names));
  expect([isPaused, isPowerOffForced, ignoresOrphanCandidates]).toEqual([isOn, isOn, isOn]);
  expect(invalidAnnotations(object)).toEqual(isSenseless ? names.map((name) => `${name}="${value}"`) : []);
});
