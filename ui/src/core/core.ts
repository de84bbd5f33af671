/** What shows the UI talks to: the app's core, through the shell or, in a browser, the demo. */
import type { Call, Event, Failure, FailureCode, Reply } from "../bindings/api.ts";

type Named<T extends Call["call"]> = Extract<Call, { call: T }>;
type Answer<T extends Reply["reply"]> = Extract<Reply, { reply: T }>;

/** Which reply answers which call (`crates/app/src/api.rs`). */
interface Answers {
  hello: "hello";
  check_link: "link";
  add_camera: "camera";
  edit_camera: "camera";
  share_camera: "share";
  snapshot: "file";
  start_recording: "file";
  stop_recording: "file";
  ptz: "ptz";
  command: "text";
  thumbnail: "thumbnail";
  set_settings: "settings";
  gateway: "gateway";
  scan_wifi: "wifi";
  read_label: "label";
  read_codes: "codes";
  pairing_state: "pairing";
  pairing_code: "pairing_code";
  save_pairing_log: "file";
  check_hub: "hub";
  recorded_days: "days";
  recordings: "recordings";
  recorded_files: "files";
  recorded_thumbnail: "thumbnail";
  card_status: "card";
  start_download: "download_started";
  downloads: "downloads";
  ask_floor: "floor";
  talk_devices: "talk_devices";
  test_loopback: "loopback";
}

type AnswerTo<T extends Call["call"]> = Answer<T extends keyof Answers ? Answers[T] : "done">;

/** The two roads to a core; everything else is built on them. */
export interface Core {
  /** Rejects with a [`CoreError`]. `frames` receives the view's binary frames, for `open_view` alone. */
  call(request: Call, frames?: (frame: ArrayBuffer) => void): Promise<Reply>;
  /** Resolves once events arrive; the answer stops them. */
  listen(handler: (event: Event) => void): Promise<() => void>;
  /** Fills the screen with the window, or gives it back. */
  fullscreen(on: boolean): Promise<void>;
  /** Shows a saved file in its folder; absent where there is no such thing. */
  reveal?(path: string): Promise<void>;
  /** Opens a saved file with the system's program for it; absent where there is no such thing. */
  open?(path: string): Promise<void>;
  /** Puts a saved file on the clipboard, to be pasted into a mail, a chat or a folder; absent where there is no such thing. */
  copy?(path: string): Promise<void>;
}

/** A failure of the core, thrown. */
export class CoreError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.code}: ${failure.detail}`);
    this.name = "CoreError";
    this.failure = failure;
  }
}

export function failure(code: FailureCode, params: Failure["params"] = {}, detail = ""): Failure {
  return { code, params, detail };
}

/** Whatever was thrown, as a failure the user can read. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof CoreError) return thrown.failure;
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "detail" in thrown) {
    const { code, detail, params } = thrown as Failure;
    return { code, detail, params: params ?? {} };
  }
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return failure("internal", { reason: detail }, detail);
}

/** Sends one call and checks that the reply is the one the contract says. */
export async function ask<T extends Call["call"]>(
  core: Core,
  request: Named<T>,
  frames?: (frame: ArrayBuffer) => void,
): Promise<AnswerTo<T>> {
  try {
    return (await core.call(request as Call, frames)) as AnswerTo<T>;
  } catch (thrown) {
    throw new CoreError(toFailure(thrown));
  }
}
