import { expect, test } from "vitest";
import {
  FLAG_CATCH_UP,
  FLAG_DISCONTINUITY,
  FLAG_KEY,
  HEADER,
  i420Size,
  KIND_ACCESS_UNIT,
  KIND_CONFIG,
  KIND_PICTURE,
  parseFrame,
  writeFrame,
} from "../src/video/frame.ts";

const header = { generation: 0x0102, seq: 0x03040506, pts: 7 };

test("the header is the sixteen little-endian bytes of the contract", () => {
  const bytes = [...new Uint8Array(writeFrame(2, 1, header, new Uint8Array([9])))];
  expect(bytes).toEqual([2, 1, 2, 1, 6, 5, 4, 3, 7, 0, 0, 0, 0, 0, 0, 0, 9]);
});

test("an access unit comes with its flags and without its header", () => {
  const flags = FLAG_KEY | FLAG_DISCONTINUITY;
  const frame = parseFrame(writeFrame(KIND_ACCESS_UNIT, flags, header, new Uint8Array([0, 0, 1, 0x65])));
  expect(frame).toEqual({
    ...header,
    kind: "access_unit",
    key: true,
    discontinuity: true,
    catchUp: false,
    data: new Uint8Array([0, 0, 1, 0x65]),
  });
  expect(parseFrame(writeFrame(KIND_ACCESS_UNIT, FLAG_CATCH_UP, header, new Uint8Array(1)))).toMatchObject({
    key: false,
    catchUp: true,
  });
});

test("a configuration is JSON", () => {
  const config = { codec: "avc1.42C01F", width: 1280, height: 720, quality: "high" };
  const body = new TextEncoder().encode(JSON.stringify(config));
  expect(parseFrame(writeFrame(KIND_CONFIG, 0, header, body))).toEqual({ ...header, kind: "config", config });
});

test("times beyond 32 bits and before zero survive", () => {
  for (const pts of [2 ** 45, -1]) {
    expect(parseFrame(writeFrame(KIND_ACCESS_UNIT, 0, { ...header, pts }, new Uint8Array(1))).pts).toBe(pts);
  }
});

test("a picture knows its size, odd ones too", () => {
  expect([i420Size(2, 2), i420Size(3, 3)]).toEqual([6, 17]);
  const body = new Uint8Array(4 + 17);
  body.set([3, 0, 3, 0]);
  expect(parseFrame(writeFrame(KIND_PICTURE, 0, header, body))).toMatchObject({ width: 3, height: 3 });
});

test("what is no frame is refused with what was expected", () => {
  expect(() => parseFrame(new ArrayBuffer(HEADER - 1))).toThrow(/15 bytes/);
  expect(() => parseFrame(writeFrame(9, 0, header, new Uint8Array(0)))).toThrow(/kind 9/);
  expect(() => parseFrame(writeFrame(KIND_PICTURE, 0, header, new Uint8Array(3)))).toThrow(/size/);
  expect(() => parseFrame(writeFrame(KIND_PICTURE, 0, header, new Uint8Array([2, 0, 2, 0, 1])))).toThrow(/expected 6/);
  expect(() => parseFrame(writeFrame(KIND_PICTURE, 0, header, new Uint8Array([0, 0, 2, 0])))).toThrow(/0x2/);
  expect(() => parseFrame(writeFrame(KIND_CONFIG, 0, header, new Uint8Array([0x7b])))).toThrow();
});
