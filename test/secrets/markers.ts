import { passwordMarker } from '../../emulator/fleet.ts';

/** How every API key begins that a test plants. */
export const keyMarker = 'planted-key-';

/** Keys and passwords of tests begin with one of these, so that they are recognized without being known. */
export const markers: readonly string[] = [keyMarker, passwordMarker];
