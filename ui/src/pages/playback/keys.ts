/** The playback page's keyboard. */

export type Action =
  | { kind: "skip"; ms: number }
  | { kind: "step"; back: boolean }
  | { kind: "event"; step: -1 | 1 }
  | { kind: "zoom"; step: -1 | 1 }
  | { kind: "speed"; step: -1 | 1 }
  | { kind: "end"; handle: "from" | "to" }
  | { kind: "bound"; side: "from" | "to" }
  | { kind: "toggle" | "snapshot" | "mute" | "fullscreen" | "days" | "select" | "live" | "back" };

const LETTERS = { s: "snapshot", m: "mute", f: "fullscreen", d: "days", e: "select", l: "live" } as const;
const SKIP_MS = 10_000;

/** What a key means on the playback page. */
export function actionFor(event: KeyboardEvent): Action | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const far = event.shiftKey ? 6 : 1;
  switch (event.key) {
    case " ":
      return { kind: "toggle" };
    case "ArrowLeft":
      return { kind: "skip", ms: -SKIP_MS * far };
    case "ArrowRight":
      return { kind: "skip", ms: SKIP_MS * far };
    case "ArrowUp":
    case "+":
      return { kind: "zoom", step: -1 };
    case "ArrowDown":
    case "-":
      return { kind: "zoom", step: 1 };
    case ",":
      return { kind: "step", back: true };
    case ".":
      return { kind: "step", back: false };
    case "<":
      return { kind: "speed", step: -1 };
    case ">":
      return { kind: "speed", step: 1 };
    case "[":
      return { kind: "end", handle: "from" };
    case "]":
      return { kind: "end", handle: "to" };
    case "Home":
      return { kind: "bound", side: "from" };
    case "End":
      return { kind: "bound", side: "to" };
    case "Escape":
      return { kind: "back" };
  }
  if (event.key === "n" || event.key === "N") return { kind: "event", step: 1 };
  if (event.key === "p" || event.key === "P") return { kind: "event", step: -1 };
  const letter = LETTERS[event.key.toLowerCase() as keyof typeof LETTERS];
  return letter ? { kind: letter } : null;
}
