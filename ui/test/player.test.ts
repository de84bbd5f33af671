import { beforeEach, expect, test, vi } from "vitest";
import { MAX_SILENT_KEYS } from "../src/video/decoder.ts";
import { FLAG_CATCH_UP, FLAG_KEY, KIND_ACCESS_UNIT, KIND_CONFIG, KIND_PICTURE, writeFrame } from "../src/video/frame.ts";
import { type Acknowledgement, Player, type PlayerState } from "../src/video/player.ts";
import { backingSize, i420ToRgba } from "../src/video/surface.ts";

/** A decoder that gives out what it is told to, when it is told to. */
class FakeDecoder {
  static made: FakeDecoder[] = [];
  state: CodecState = "unconfigured";
  decodeQueueSize = 0;
  config: VideoDecoderConfig | null = null;
  fed: { type: string; timestamp: number }[] = [];
  readonly init: VideoDecoderInit;

  constructor(init: VideoDecoderInit) {
    this.init = init;
    FakeDecoder.made.push(this);
  }
  configure(config: VideoDecoderConfig) {
    if (config.codec === "nonsense") throw new DOMException("unknown codec", "NotSupportedError");
    this.config = config;
    this.state = "configured";
  }
  decode(chunk: { type: string; timestamp: number }) {
    this.fed.push(chunk);
  }
  close() {
    this.state = "closed";
  }
  give(timestamp: number) {
    const frame = { timestamp, displayWidth: 1280, displayHeight: 720, close: vi.fn() };
    this.init.output(frame as unknown as VideoFrame);
    return frame;
  }
}

class FakeChunk {
  readonly type: string;
  readonly timestamp: number;
  constructor({ type, timestamp }: { type: string; timestamp: number }) {
    this.type = type;
    this.timestamp = timestamp;
  }
}

let states: PlayerState[];
let acks: Acknowledgement[];
let reasons: string[];
let element: HTMLElement;
let seq: number;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"],
  });
  vi.stubGlobal("VideoDecoder", FakeDecoder);
  vi.stubGlobal("EncodedVideoChunk", FakeChunk);
  FakeDecoder.made = [];
  [states, acks, reasons, seq] = [[], [], [], 0];
  element = document.createElement("div");
  document.body.append(element);
});

const player = () =>
  new Player(element, "Live picture of Door", {
    changed: (state) => states.push(state),
    wantsPictures: (reason) => reasons.push(reason),
    acknowledge: (ack) => acks.push(ack),
  });

const config = (generation: number, quality = "high", codec = "avc1.42C01F") =>
  writeFrame(
    KIND_CONFIG,
    0,
    { generation, seq: seq++, pts: 0 },
    new TextEncoder().encode(JSON.stringify({ codec, width: 1280, height: 720, quality })),
  );
const unit = (generation: number, pts: number, flags = FLAG_KEY) =>
  writeFrame(KIND_ACCESS_UNIT, flags, { generation, seq: seq++, pts }, new Uint8Array([0, 0, 1, 0x65]));
const repaint = () => vi.advanceTimersByTime(17);
const canvas = () => element.querySelector<HTMLCanvasElement>("[data-testid=live-canvas]");
const kinds = () => states.map(({ kind }) => kind);

/** A player that shows generation 1. */
function playing() {
  const made = player();
  made.receive(config(1));
  made.receive(unit(1, 1000));
  FakeDecoder.made[0]!.give(1000);
  repaint();
  return made;
}

test("the first picture puts a labelled canvas on the screen and is acknowledged at once", () => {
  playing();
  expect(states).toEqual([{ kind: "playing", generation: 1, quality: "high", width: 1280, height: 720 }]);
  expect(canvas()?.dataset).toMatchObject({ generation: "1", quality: "high" });
  expect(canvas()?.getAttribute("aria-label")).toBe("Live picture of Door");
  expect(acks).toHaveLength(1);
  expect(acks[0]).toMatchObject({ seq: 1, drawn: { pts: 1000, count: 1 } });
});

test("the decoder is opened for latency, by Annex B", () => {
  playing();
  expect(FakeDecoder.made[0]!.config).toEqual({
    codec: "avc1.42C01F",
    codedWidth: 1280,
    codedHeight: 720,
    optimizeForLatency: true,
  });
});

test("the old generation plays on until the new one has its first picture", () => {
  const made = playing();
  made.receive(config(2, "super"));
  made.receive(unit(1, 2000, 0));
  FakeDecoder.made[0]!.give(2000);
  repaint();
  expect(canvas()?.dataset["generation"]).toBe("1");
  expect(FakeDecoder.made[0]!.state).toBe("configured");

  made.receive(unit(2, 0));
  FakeDecoder.made[1]!.give(0);
  expect(canvas()?.dataset["generation"]).toBe("1");
  repaint();
  expect(element.querySelectorAll("canvas")).toHaveLength(1);
  expect(canvas()?.dataset).toMatchObject({ generation: "2", quality: "super" });
  expect(FakeDecoder.made[0]!.state).toBe("closed");
  expect(states.at(-1)).toMatchObject({ kind: "playing", generation: 2, quality: "super" });
});

test("nothing is fed before a key picture", () => {
  const made = player();
  made.receive(config(1));
  made.receive(unit(1, 1, 0));
  made.receive(unit(1, 2, 0));
  made.receive(unit(1, 3));
  expect(FakeDecoder.made[0]!.fed.map(({ timestamp }) => timestamp)).toEqual([3]);
});

test("a picture that only catches up is decoded and not drawn", () => {
  const made = playing();
  made.receive(unit(1, 2000, FLAG_CATCH_UP));
  const frame = FakeDecoder.made[0]!.give(2000);
  expect(frame.close).toHaveBeenCalledOnce();
  expect(FakeDecoder.made[0]!.fed).toHaveLength(2);
  repaint();
  made.receive(unit(1, 3000, 0));
  made.receive(unit(1, 4000, 0));
  expect(acks.at(-1)?.drawn).toMatchObject({ pts: 1000 });
});

test("of several pictures in one repaint only the newest is drawn, and all are released", () => {
  const made = playing();
  made.receive(unit(1, 2000, 0));
  made.receive(unit(1, 3000, 0));
  const frames = [FakeDecoder.made[0]!.give(2000), FakeDecoder.made[0]!.give(3000)];
  repaint();
  for (const frame of frames) expect(frame.close).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(200);
  expect(acks.at(-1)?.drawn).toMatchObject({ pts: 3000, count: 1 });
});

test("a picture that does not come is called frozen within 300 ms, and thaws by itself", () => {
  const made = playing();
  vi.advanceTimersByTime(299);
  expect(kinds()).toEqual(["playing", "frozen"]);
  made.receive(unit(1, 2000, 0));
  FakeDecoder.made[0]!.give(2000);
  repaint();
  expect(kinds()).toEqual(["playing", "frozen", "playing"]);
});

test("every third frame is acknowledged, a lone one within 120 ms", () => {
  const made = playing();
  const before = acks.length;
  for (let i = 0; i < 9; i++) made.receive(unit(1, 2000 + i, 0));
  expect(acks.length - before).toBe(3);
  made.receive(unit(1, 3000, 0));
  expect(acks.length - before).toBe(3);
  vi.advanceTimersByTime(120);
  expect(acks.length - before).toBe(4);
  expect(acks.at(-1)?.seq).toBe(seq - 1);
});

test("while the decoder is behind, acknowledgements wait, but not for ever", () => {
  const made = playing();
  const before = acks.length;
  FakeDecoder.made[0]!.decodeQueueSize = 9;
  for (let i = 0; i < 9; i++) made.receive(unit(1, 2000 + i, 0));
  vi.advanceTimersByTime(500);
  expect(acks.length).toBe(before);
  vi.advanceTimersByTime(600);
  expect(acks.length).toBe(before + 1);
});

test("a decoder's error asks the core for decoded pictures, once", () => {
  const made = playing();
  const decoder = FakeDecoder.made[0]!;
  decoder.init.error(new DOMException("Decode error", "EncodingError"));
  decoder.init.error(new DOMException("Decode error", "EncodingError"));
  expect(reasons).toEqual(["EncodingError: Decode error"]);
  expect(canvas()?.dataset["generation"]).toBe("1");
  made.receive(unit(1, 2000));
  expect(decoder.fed).toHaveLength(1);
});

test("a codec that cannot be opened is an error, too", () => {
  player().receive(config(1, "high", "nonsense"));
  expect(reasons).toEqual(["NotSupportedError: unknown codec"]);
});

test("a decoder that stays silent over several key pictures is broken", () => {
  const made = player();
  made.receive(config(1));
  for (let i = 0; i <= MAX_SILENT_KEYS; i++) made.receive(unit(1, i));
  expect(reasons).toHaveLength(1);
  expect(reasons[0]).toMatch(/no picture after 4 units/);
});

test("a codec taken back in the background is opened again at the next key picture", () => {
  const made = playing();
  FakeDecoder.made[0]!.init.error(new DOMException("reclaimed", "QuotaExceededError"));
  expect(reasons).toEqual([]);
  made.receive(unit(1, 2000, 0));
  made.receive(unit(1, 3000));
  expect(FakeDecoder.made).toHaveLength(2);
  expect(FakeDecoder.made[1]!.fed.map(({ timestamp }) => timestamp)).toEqual([3000]);
});

test("decoded pictures replace the broken decoder without black between", () => {
  const made = playing();
  FakeDecoder.made[0]!.init.error(new DOMException("Decode error", "EncodingError"));
  made.receive(config(2, "high", ""));
  expect(canvas()?.dataset["generation"]).toBe("1");
  const body = new Uint8Array(4 + 6);
  body.set([2, 0, 2, 0]);
  made.receive(writeFrame(KIND_PICTURE, FLAG_KEY, { generation: 2, seq: seq++, pts: 5 }, body));
  repaint();
  expect(canvas()?.dataset["generation"]).toBe("2");
  expect(states.at(-1)).toMatchObject({ kind: "playing", width: 2, height: 2 });
});

test("garbage and frames of unknown generations are dropped", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const made = playing();
  made.receive(new ArrayBuffer(3));
  made.receive(unit(77, 1));
  expect(warn).toHaveBeenCalledOnce();
  expect(kinds()).toEqual(["playing"]);
  warn.mockRestore();
});

test("while nobody looks nothing is decoded, acknowledged or called frozen", () => {
  const made = playing();
  made.receive(unit(1, 2000, 0));
  const late = FakeDecoder.made[0]!.give(2000);
  const before = acks.length;
  made.pause();
  expect(FakeDecoder.made[0]!.state).toBe("closed");
  expect(late.close).toHaveBeenCalledOnce();
  made.receive(unit(1, 3000));
  made.receive(config(2));
  vi.advanceTimersByTime(5000);
  expect(FakeDecoder.made).toHaveLength(1);
  expect(acks).toHaveLength(before);
  expect(kinds()).toEqual(["playing"]);
  expect(canvas()).not.toBeNull();
});

test("seen again it takes what came, and the next generation is live at once", () => {
  const made = playing();
  made.pause();
  made.receive(unit(1, 3000));
  made.resume();
  expect(acks.at(-1)).toMatchObject({ seq: 2, drawn: null });
  made.receive(unit(1, 4000, 0));
  made.receive(config(2));
  made.receive(unit(2, 5000));
  FakeDecoder.made[1]!.give(5000);
  repaint();
  expect(canvas()?.dataset["generation"]).toBe("2");
  expect(kinds()).toEqual(["playing", "playing"]);
});

test("closing releases everything and ends the acknowledgements", () => {
  const made = playing();
  made.receive(unit(1, 2000, 0));
  const frame = FakeDecoder.made[0]!.give(2000);
  const before = acks.length;
  made.close();
  expect(frame.close).toHaveBeenCalledOnce();
  expect(FakeDecoder.made[0]!.state).toBe("closed");
  expect(canvas()).toBeNull();
  vi.advanceTimersByTime(2000);
  made.receive(unit(1, 3000));
  expect(acks.length).toBe(before);
  expect(kinds()).toEqual(["playing", "closed"]);
});

test("without WebCodecs the core is asked for pictures from the start", () => {
  expect(Player.preferredSink()).toBe("access_units");
  vi.stubGlobal("VideoDecoder", undefined);
  expect(Player.preferredSink()).toBe("pictures");
});

test("the canvas is as large as the view's pixels and never larger than the video", () => {
  const video = { width: 1920, height: 1080 };
  expect(backingSize(video, { width: 960, height: 700 }, 1)).toEqual({ width: 960, height: 540 });
  expect(backingSize(video, { width: 360, height: 202.5 }, 2)).toEqual({ width: 720, height: 405 });
  expect(backingSize(video, { width: 3000, height: 2000 }, 2)).toEqual(video);
  expect(backingSize(video, { width: 0, height: 0 }, 1)).toEqual(video);
});

test("limited-range BT.709 becomes black, white and red", () => {
  const pixel = (y: number, u: number, v: number) => {
    const out = new Uint8ClampedArray(4);
    i420ToRgba(new Uint8Array([y, u, v]), 1, 1, out);
    return [...out];
  };
  expect(pixel(16, 128, 128)).toEqual([0, 0, 0, 255]);
  expect(pixel(235, 128, 128)).toEqual([255, 255, 255, 255]);
  const [r, g, b] = pixel(63, 102, 240);
  expect([r! > 250, g! < 5, b! < 5]).toEqual([true, true, true]);
});
