import { readFileSync } from 'node:fs';

/** User and system time of a process so far, in seconds. Throws where the system has no /proc. */
export function cpuSecondsOf(pid: number): number {
  return readCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** The fields utime and stime of /proc/<pid>/stat, in ticks of 10 ms. Pure. */
export function readCpuSeconds(stat: string): number {
  // The name of the program is in parentheses, and may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
