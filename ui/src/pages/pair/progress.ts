/** A pairing as a row of steps with their times, and what the camera's light should do meanwhile. */
import type { Pairing, PairingStep, WayKind } from "../../bindings/api.ts";
import type { Light } from "../../camera/light.ts";
import { number, t } from "../../i18n/i18n.svelte.ts";
import type { Mark, Step } from "../../ui/Steps.svelte";

/** In the order they happen (`crates/app/src/api/pairing.rs`). */
export const STEPS: readonly PairingStep[] = [
  "token",
  "join_hotspot",
  "find_camera",
  "show_code",
  "send_credentials",
  "camera_joins",
  "rejoin_home",
  "wait_for_camera",
  "bind",
  "first_picture",
];

/** The steps that only one way takes, or that it leaves out. */
const LEFT_OUT: Record<WayKind, readonly PairingStep[]> = {
  hotspot: ["find_camera", "show_code"],
  code: ["join_hotspot", "find_camera", "send_credentials", "camera_joins", "rejoin_home", "wait_for_camera"],
  on_network: ["join_hotspot", "show_code", "camera_joins", "rejoin_home"],
};

/** What stands in for names in texts. */
export function named(pairing: Pairing | null): { hotspot: string; network: string } {
  return { hotspot: pairing?.name ?? t("add.unnamed"), network: pairing?.network ?? "" };
}

/** The text of a step: a camera on the network gets less than one on its hotspot. */
export function stepKey(step: PairingStep, way: WayKind) {
  return step === "send_credentials" && way === "on_network" ? "pair.step_send_token" : (`pair.step_${step}` as const);
}

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

/** `since` is how long ago the core said so, ms; `asked` the way of a pairing that the core has not spoken of yet. */
export function rows(pairing: Pairing | null, since: number, asked: WayKind = "hotspot"): Step[] {
  const way = pairing?.way ?? asked;
  const running = pairing?.state.kind === "running" || pairing === null;
  const at = pairing?.step ?? "token";
  const names = named(pairing);
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
      label: t(stepKey(step, way), names),
      mark,
      ...(begun ? { time: t("add.elapsed", { s: seconds }) } : {}),
      ...(mark === "now" && pairing ? { detail: t(`${stepKey(step, way)}_now`, names) } : {}),
    };
  };
  return STEPS.filter((step) => !LEFT_OUT[way].includes(step)).map(row).filter((step) => step !== null);
}

/** What the light should do while a pairing is at its step. */
export function lightAt(pairing: Pairing | null): Extract<Light, "fast" | "slow" | "on"> {
  const at = STEPS.indexOf(pairing?.step ?? "token");
  if (at < STEPS.indexOf("camera_joins")) return "fast";
  return at < STEPS.indexOf("bind") ? "slow" : "on";
}
