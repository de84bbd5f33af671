/** Keeps several playbacks on one time: those that ran ahead (over a gap of their own) wait for the others. */
import type { PlaybackState } from "../bindings/api.ts";

export interface Runner {
  state: PlaybackState;
  /** Unix ms. */
  at: number;
  /** Stopped by us until the others are there. */
  waits: boolean;
}

export type Order = "wait" | "go" | null;

/** Ahead by more of the recording's time than this is out of step, at normal speed. */
const AHEAD_MS = 700;

const runs = ({ state, waits }: Runner) => waits || state === "playing";

/** The time they share: that of the last one. Null while none runs. */
export function sharedTime(runners: readonly Runner[], speed: number): number | null {
  const times = runners.filter(runs).map(({ at }) => at);
  if (times.length === 0) return null;
  return speed < 0 ? Math.max(...times) : Math.min(...times);
}

/** What each one has to do to stay in step. */
export function inStep(runners: readonly Runner[], speed: number): Order[] {
  const shared = sharedTime(runners, speed);
  const allowed = AHEAD_MS * Math.max(1, Math.abs(speed));
  return runners.map((runner) => {
    if (shared === null || !runs(runner)) return null;
    const ahead = speed < 0 ? shared - runner.at : runner.at - shared;
    if (runner.waits) return ahead <= allowed / 4 ? "go" : null;
    return ahead > allowed ? "wait" : null;
  });
}
