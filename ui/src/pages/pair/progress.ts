/** A pairing as a row of steps with their times, and what the camera's light should do meanwhile. */
import type { Pairing, PairingStep } from "../../bindings/api.ts";
import type { Light } from "../../camera/light.ts";
import { number, t } from "../../i18n/i18n.svelte.ts";
import type { Mark, Step } from "../../ui/Steps.svelte";

/** In the order they happen (`crates/app/src/api/pairing.rs`). */
export const STEPS: readonly PairingStep[] = [
  "token",
  "join_hotspot",
  "send_credentials",
  "camera_joins",
  "rejoin_home",
  "wait_for_camera",
  "bind",
  "first_picture",
];

/** The core tells times once a second; between two words the clock runs on, but no longer than that. */
const RUN_ON_MS = 1500;

/** The camera joins where nobody can watch it: how that went is known once it is heard of again. */
const UNSEEN = "camera_joins";

/** The step that a failure belongs to: what the camera tells of its network later is the news of an earlier step. */
function culprit(pairing: Pairing): PairingStep {
  const { state, step, steps } = pairing;
  const ofNetwork = state.kind === "failed" && state.failure.code.startsWith("network_");
  return ofNetwork && steps.some((time) => time.step === UNSEEN) ? UNSEEN : step;
}

function markOf(pairing: Pairing | null, step: PairingStep): Mark {
  if (!pairing || (pairing.state.kind === "running" && step === pairing.step)) return "now";
  const before = (other: PairingStep) => STEPS.indexOf(pairing.step) < STEPS.indexOf(other);
  if (pairing.state.kind === "failed" && step === culprit(pairing)) return "bad";
  return step === UNSEEN && before("bind") ? "open" : "done";
}

/** `since` is how long ago the core said so, ms. */
export function rows(pairing: Pairing | null, since: number): Step[] {
  const running = pairing?.state.kind === "running" || pairing === null;
  const at = pairing?.step ?? "token";
  const names = { hotspot: pairing?.hotspot ?? "", network: pairing?.network ?? "" };
  const row = (step: PairingStep): Step | null => {
    const ms = pairing ? pairing.steps.find((time) => time.step === step)?.ms : step === "token" ? since : undefined;
    const begun = ms !== undefined;
    const before = STEPS.indexOf(step) < STEPS.indexOf(at);
    // Not needed this time, or never reached.
    if (!begun && (before || !running)) return null;
    const mark = begun ? markOf(pairing, step) : "todo";
    const shown = mark === "now" && pairing ? (ms ?? 0) + Math.min(since, RUN_ON_MS) : (ms ?? 0);
    const seconds = mark === "now" ? number(Math.floor(shown / 1000)) : number(shown / 1000, 1);
    return {
      id: step,
      label: t(`pair.step_${step}`, names),
      mark,
      ...(begun ? { time: t("add.elapsed", { s: seconds }) } : {}),
      ...(mark === "now" && pairing ? { detail: t(`pair.step_${step}_now`, names) } : {}),
    };
  };
  return STEPS.map(row).filter((step) => step !== null);
}

/** What the light should do while a pairing is at its step. */
export function lightAt(pairing: Pairing | null): Extract<Light, "fast" | "slow" | "on"> {
  const at = STEPS.indexOf(pairing?.step ?? "token");
  if (at < STEPS.indexOf("camera_joins")) return "fast";
  return at < STEPS.indexOf("bind") ? "slow" : "on";
}
