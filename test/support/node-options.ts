/**
 * How Node is started in the image, and therefore in every test and bench that starts an operator as a process. Measured with
 * 10,000 objects (docs/adr/0024): without these a start takes twice the memory, and the process never gives it back.
 */

/** A young generation of a few megabytes, and an old one that is swept when it has grown by a fifth rather than doubled. */
const memory = ['--max-semi-space-size=2', '--heap-growing-percent=20'] as const;

/** Compiled code is kept: otherwise a spec change after a quiet minute would wait for its compilation. */
const speed = ['--no-flush-bytecode'] as const;

export const nodeFlags = [...memory, ...speed] as const;

/** glibc returns freed buffers to the system, where Node's threads would each keep a separate arena. */
export const nodeEnvironment = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const;
