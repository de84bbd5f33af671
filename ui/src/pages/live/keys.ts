/** The live page's keyboard. Space talks while it is held. */
import type { Direction, Quality } from "../../bindings/api.ts";

export type Action =
  | { kind: "ptz"; direction: Direction }
  | { kind: "quality"; quality: Quality }
  | { kind: "talk" | "fullscreen" | "mute" | "snapshot" | "record" | "info" | "playback" | "back" };

const ARROWS: Record<string, Direction> = {
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
};
const QUALITIES: Record<string, Quality> = { "1": "standard", "2": "high", "3": "super" };
const LETTERS = { f: "fullscreen", m: "mute", s: "snapshot", r: "record", i: "info", p: "playback" } as const;

/** Whether the key belongs to what has the focus (a text field, a slider, a group of choices) and not to the page. */
export function belongsToField(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("[role=dialog], [role=menu]")) return true;
  if (target.closest("input[type=range], [role=radiogroup]")) return event.key in ARROWS;
  if (event.key === " " && target.closest("button, a, label")) return true;
  return target.closest("input, textarea, select") !== null;
}

/** What a key means on the live page. */
export function actionFor(event: KeyboardEvent): Action | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const arrow = ARROWS[event.key];
  if (arrow) return { kind: "ptz", direction: arrow };
  const quality = QUALITIES[event.key];
  if (quality) return { kind: "quality", quality };
  if (event.key === "Escape") return { kind: "back" };
  if (event.key === " ") return { kind: "talk" };
  const letter = LETTERS[event.key.toLowerCase() as keyof typeof LETTERS];
  return letter ? { kind: letter } : null;
}
