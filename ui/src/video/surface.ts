/**
 * Where pictures land: a canvas made for one way of drawing. The player owns the element that holds it.
 *
 * The backing store is the view's size times the device's pixels, never larger than the video: a software
 * compositor pays for every pixel. It is only resized together with a draw, so a frozen picture never goes black.
 */
import { YuvPainter } from "./yuv.ts";

/** Something a surface can draw. */
export type Drawable =
  | { kind: "frame"; frame: VideoFrame; width: number; height: number }
  | { kind: "i420"; data: Uint8Array; width: number; height: number };

export interface Surface {
  readonly canvas: HTMLCanvasElement;
  draw(picture: Drawable): void;
  /** The same picture once more: WebKitGTK shows black after a change of layout until the canvas is drawn on again. */
  refresh(): void;
  close(): void;
}

export interface Box {
  width: number;
  height: number;
}

/** The backing size for a video of `video` shown inside `box` CSS pixels: contained, times `ratio`, capped at the video. */
export function backingSize(video: Box, box: Box, ratio: number): Box {
  if (box.width <= 0 || box.height <= 0) return video;
  const scale = Math.min(1, (Math.min(box.width / video.width, box.height / video.height) || 1) * ratio);
  return {
    width: Math.max(2, Math.round(video.width * scale)),
    height: Math.max(2, Math.round(video.height * scale)),
  };
}

function canvasFor(box: () => Box, like: Drawable, canvas: HTMLCanvasElement): Box {
  const size = backingSize(like, box(), globalThis.devicePixelRatio || 1);
  if (canvas.width !== size.width) canvas.width = size.width;
  if (canvas.height !== size.height) canvas.height = size.height;
  return size;
}

/** Draws a canvas's first pixel onto itself. */
function touch(context: CanvasRenderingContext2D | null): void {
  context?.drawImage(context.canvas, 0, 0, 1, 1, 0, 0, 1, 1);
}

/** `drawImage` of decoded frames: the fastest road in every web view measured. */
export class FrameSurface implements Surface {
  readonly canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D | null;
  readonly #box: () => Box;

  constructor(box: () => Box) {
    this.#box = box;
    this.#context = this.canvas.getContext("2d", { alpha: false });
  }

  draw(picture: Drawable): void {
    if (picture.kind !== "frame") return;
    const size = canvasFor(this.#box, picture, this.canvas);
    this.#context?.drawImage(picture.frame, 0, 0, size.width, size.height);
  }

  refresh(): void {
    touch(this.#context);
  }

  close(): void {
    this.canvas.remove();
  }
}

/** I420 by a shader, or by plain arithmetic where WebGL2 is missing. */
export class PictureSurface implements Surface {
  readonly canvas: HTMLCanvasElement;
  readonly #painter: YuvPainter | null;
  readonly #context: CanvasRenderingContext2D | null;
  readonly #box: () => Box;

  constructor(box: () => Box) {
    this.#box = box;
    const shaded = document.createElement("canvas");
    this.#painter = YuvPainter.open(shaded);
    // A canvas keeps its first context for life: the plain road needs one of its own.
    this.canvas = this.#painter ? shaded : document.createElement("canvas");
    this.#context = this.#painter ? null : this.canvas.getContext("2d", { alpha: false });
  }

  draw(picture: Drawable): void {
    if (picture.kind !== "i420") return;
    if (this.#painter) {
      canvasFor(this.#box, picture, this.canvas);
      this.#painter.paint(picture.data, picture.width, picture.height);
      return;
    }
    if (!this.#context) return;
    if (this.canvas.width !== picture.width) this.canvas.width = picture.width;
    if (this.canvas.height !== picture.height) this.canvas.height = picture.height;
    const image = this.#context.createImageData(picture.width, picture.height);
    i420ToRgba(picture.data, picture.width, picture.height, image.data);
    this.#context.putImageData(image, 0, 0);
  }

  refresh(): void {
    if (this.#painter) this.#painter.repaint();
    else touch(this.#context);
  }

  close(): void {
    this.#painter?.close();
    this.canvas.remove();
  }
}

/** BT.709 limited range to RGBA (ITU-R BT.709-6, 3). */
export function i420ToRgba(data: Uint8Array, width: number, height: number, out: Uint8ClampedArray): void {
  const half = (width + 1) >> 1;
  const uStart = width * height;
  const vStart = uStart + half * ((height + 1) >> 1);
  let o = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const chroma = (y >> 1) * half;
    for (let x = 0; x < width; x++) {
      const luma = 1.164384 * (data[row + x]! - 16);
      const u = data[uStart + chroma + (x >> 1)]! - 128;
      const v = data[vStart + chroma + (x >> 1)]! - 128;
      out[o++] = luma + 1.792741 * v;
      out[o++] = luma - 0.213249 * u - 0.532909 * v;
      out[o++] = luma + 2.112402 * u;
      out[o++] = 255;
    }
  }
}
