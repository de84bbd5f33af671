/**
 * One WebCodecs decoder for one generation of a view.
 *
 * Whether it works is learnt from its error callback and from its silence, never from `isConfigSupported`: web views
 * claim codecs that they cannot decode.
 */
import type { Config } from "../bindings/api.ts";

/** Key pictures fed without any output after which a decoder counts as broken. */
export const MAX_SILENT_KEYS = 3;
/** Units fed without any output after which it does: more than any reorder depth (16 in H.264, A.3.1). */
export const MAX_SILENT_UNITS = 48;

export interface Unit {
  key: boolean;
  catchUp: boolean;
  pts: number;
  seq: number;
  data: Uint8Array;
}

export interface DecoderEvents {
  /** A picture; the receiver closes the frame. `catchUp`: not to be drawn. */
  output(frame: VideoFrame, unit: { pts: number; seq: number; catchUp: boolean; decodeMs: number }): void;
  /** It will not work; nothing more comes. */
  broken(reason: string): void;
}

interface Pending {
  pts: number;
  seq: number;
  catchUp: boolean;
  fed: number;
}

/** Whether the web view has WebCodecs at all. */
export function hasWebCodecs(): boolean {
  return typeof globalThis.VideoDecoder === "function" && typeof globalThis.EncodedVideoChunk === "function";
}

export class UnitDecoder {
  readonly #config: Config;
  readonly #events: DecoderEvents;
  readonly #now: () => number;
  #decoder: VideoDecoder | null = null;
  #pending: Pending[] = [];
  #waitsForKey = true;
  #silentKeys = 0;
  #silentUnits = 0;
  #closed = false;

  constructor(config: Config, events: DecoderEvents, now: () => number = () => performance.now()) {
    this.#config = config;
    this.#events = events;
    this.#now = now;
    this.#open();
  }

  /** Units fed and not yet taken by the codec. */
  get queue(): number {
    return this.#decoder?.decodeQueueSize ?? 0;
  }

  decode(unit: Unit): void {
    if (this.#closed) return;
    if (!this.#decoder) {
      if (!unit.key) return;
      this.#open();
    }
    if (this.#waitsForKey && !unit.key) return;
    this.#waitsForKey = false;
    this.#silentUnits++;
    if (unit.key) this.#silentKeys++;
    this.#pending.push({ pts: unit.pts, seq: unit.seq, catchUp: unit.catchUp, fed: this.#now() });
    if (this.#pending.length > 256) this.#pending.shift();
    try {
      this.#decoder?.decode(
        new EncodedVideoChunk({ type: unit.key ? "key" : "delta", timestamp: unit.pts, data: unit.data }),
      );
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#silentKeys > MAX_SILENT_KEYS || this.#silentUnits > MAX_SILENT_UNITS) {
      this.#break(`no picture after ${this.#silentUnits} units, ${this.#silentKeys} of them key pictures`);
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #open(): void {
    this.#waitsForKey = true;
    this.#pending = [];
    try {
      const decoder = new VideoDecoder({
        output: (frame) => this.#output(frame),
        error: (error) => {
          if (this.#decoder === decoder) this.#fail(error);
        },
      });
      this.#decoder = decoder;
      // No `description`: the units are Annex B with their parameter sets.
      decoder.configure({
        codec: this.#config.codec,
        codedWidth: this.#config.width,
        codedHeight: this.#config.height,
        optimizeForLatency: true,
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  #output(frame: VideoFrame): void {
    if (this.#closed) {
      frame.close();
      return;
    }
    this.#silentKeys = 0;
    this.#silentUnits = 0;
    const at = this.#pending.findIndex((unit) => unit.pts === frame.timestamp);
    const unit = at >= 0 ? this.#pending[at]! : { pts: frame.timestamp, seq: 0, catchUp: false, fed: this.#now() };
    if (at >= 0) this.#pending.splice(at, 1);
    this.#events.output(frame, {
      pts: unit.pts,
      seq: unit.seq,
      catchUp: unit.catchUp,
      decodeMs: this.#now() - unit.fed,
    });
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    // A codec taken back from a page in the background is no verdict on the stream: open it again at the next key.
    if (error instanceof DOMException && error.name === "QuotaExceededError") {
      this.#drop();
      this.#waitsForKey = true;
      return;
    }
    this.#break(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }

  #break(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#events.broken(reason);
  }

  #drop(): void {
    const decoder = this.#decoder;
    this.#decoder = null;
    if (decoder && decoder.state !== "closed") decoder.close();
  }
}
