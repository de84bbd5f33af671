/**
 * Frames of a view's binary channel (`crates/app/src/api/frame.rs`): a 16-byte little-endian header and a body.
 *
 * ```text
 *  0      1       2            4          8           16
 *  | kind | flags | generation | seq      | pts, µs   | body …
 *  | u8   | u8    | u16        | u32      | i64       |
 * ```
 */
import type { Config } from "../bindings/api.ts";

export const HEADER = 16;
export const KIND_CONFIG = 1;
export const KIND_ACCESS_UNIT = 2;
export const KIND_PICTURE = 3;
export const FLAG_KEY = 1;
export const FLAG_DISCONTINUITY = 2;
export const FLAG_CATCH_UP = 4;

interface Common {
  generation: number;
  seq: number;
  /** Media time, µs. */
  pts: number;
}

export type Frame =
  | (Common & { kind: "config"; config: Config })
  | (Common & { kind: "access_unit"; key: boolean; discontinuity: boolean; catchUp: boolean; data: Uint8Array })
  | (Common & { kind: "picture"; catchUp: boolean; width: number; height: number; data: Uint8Array });

/** Bytes of an I420 picture: full luma, two quarter chroma planes of odd sizes rounded up. */
export function i420Size(width: number, height: number): number {
  return width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
}

/** Reads one frame; the body is a view into `buffer`. Throws `RangeError` on anything that is not a frame. */
export function parseFrame(buffer: ArrayBuffer): Frame {
  if (buffer.byteLength < HEADER) {
    throw new RangeError(`frame of ${buffer.byteLength} bytes, expected at least ${HEADER}`);
  }
  const view = new DataView(buffer);
  const flags = view.getUint8(1);
  const common: Common = {
    generation: view.getUint16(2, true),
    seq: view.getUint32(4, true),
    pts: Number(view.getBigInt64(8, true)),
  };
  switch (view.getUint8(0)) {
    case KIND_CONFIG: {
      const config = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, HEADER))) as Config;
      return { ...common, kind: "config", config };
    }
    case KIND_ACCESS_UNIT:
      return {
        ...common,
        kind: "access_unit",
        key: (flags & FLAG_KEY) !== 0,
        discontinuity: (flags & FLAG_DISCONTINUITY) !== 0,
        catchUp: (flags & FLAG_CATCH_UP) !== 0,
        data: new Uint8Array(buffer, HEADER),
      };
    case KIND_PICTURE: {
      if (buffer.byteLength < HEADER + 4) throw new RangeError("picture without its size");
      const width = view.getUint16(HEADER, true);
      const height = view.getUint16(HEADER + 2, true);
      const data = new Uint8Array(buffer, HEADER + 4);
      const expected = i420Size(width, height);
      if (width === 0 || height === 0 || data.length !== expected) {
        throw new RangeError(`picture ${width}x${height} has ${data.length} bytes, expected ${expected}`);
      }
      return { ...common, kind: "picture", catchUp: (flags & FLAG_CATCH_UP) !== 0, width, height, data };
    }
    default:
      throw new RangeError(`frame kind ${view.getUint8(0)} is unknown`);
  }
}

/** Writes a frame: the demo core's and the tests' other half of [`parseFrame`]. */
export function writeFrame(
  kind: number,
  flags: number,
  { generation, seq, pts }: Common,
  body: Uint8Array,
): ArrayBuffer {
  const buffer = new ArrayBuffer(HEADER + body.length);
  const view = new DataView(buffer);
  view.setUint8(0, kind);
  view.setUint8(1, flags);
  view.setUint16(2, generation, true);
  view.setUint32(4, seq, true);
  view.setBigInt64(8, BigInt(Math.round(pts)), true);
  new Uint8Array(buffer, HEADER).set(body);
  return buffer;
}
