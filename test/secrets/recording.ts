import { channel } from 'node:diagnostics_channel';
import type { Recorded } from '../support/record-objects.ts';

/** Or, as a sentence, why nothing is known. */
export type Recording = Recorded | string;

/** The runner loads what sets a run up apart from what starts the run: both are in one process, but share no module. */
const recordings = channel('vps247-operator:recorded');

export function publishRecorded(recording: Recording): void {
  recordings.publish(recording);
}

export function whenRecorded(receive: (recording: Recording) => void): void {
  // Only `publishRecorded` knows the channel.
  recordings.subscribe((recording) => receive(recording as Recording));
}
