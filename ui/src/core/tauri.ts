/** The app's core behind the Tauri shell. The only file that imports `@tauri-apps/*`. */
import { Channel, invoke, isTauri } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWindow } from "@tauri-apps/api/window";
import { revealItemInDir } from "@tauri-apps/plugin-opener";
import type { Call, Event, Reply } from "../bindings/api.ts";
import { type Core, CoreError, toFailure } from "./core.ts";

export { isTauri };

export class TauriCore implements Core {
  async call(request: Call, frames?: (frame: ArrayBuffer) => void): Promise<Reply> {
    try {
      if (!frames) return await invoke<Reply>("call", { request });
      const channel = new Channel<Bytes>((message) => frames(toBuffer(message)));
      return await invoke<Reply>("call", { request, channel });
    } catch (thrown) {
      throw new CoreError(toFailure(thrown));
    }
  }

  listen(handler: (event: Event) => void): Promise<() => void> {
    return listen<Event>("porthole", ({ payload }) => handler(payload));
  }

  fullscreen(on: boolean): Promise<void> {
    return getCurrentWindow().setFullscreen(on);
  }

  reveal(path: string): Promise<void> {
    return revealItemInDir(path);
  }

  open(path: string): Promise<void> {
    return invoke("open_file", { path });
  }

  copy(path: string): Promise<void> {
    return invoke("copy_file", { path });
  }
}

type Bytes = ArrayBuffer | Uint8Array | number[];

/** Small payloads come by another road and may arrive as plain numbers. */
function toBuffer(message: Bytes): ArrayBuffer {
  return message instanceof ArrayBuffer ? message : new Uint8Array(message).buffer;
}
